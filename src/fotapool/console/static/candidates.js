// Moves candidates on the page, by drag (Sortable) or with the buttons, which also work without a script; saves on request.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("order");
  if (!form) return;
  const body = form.querySelector("tbody");
  const save = document.getElementById("save");
  const moved = document.getElementById("moved");
  const first = Number(form.dataset.first);
  let count = Number(form.dataset.count);
  let changed = false;
  let saving = false;

  const rows = () => [...body.rows];
  const number = (value) => value.toLocaleString("en").replaceAll(",", "\u202f");
  const report = (text) => {
    rows().forEach((row, index) => { row.cells[0].textContent = number(first + index + 1); });
    moved.textContent = text;
    changed = true;
    save.disabled = false;
  };
  const reportMove = (row) =>
    report(`${row.dataset.device} moved to ${number(first + row.sectionRowIndex + 1)} of ${number(count)}. Not saved yet.`);

  // The row's new index on this page; null if it moves to another page.
  const place = (action, index) => {
    if (action === "up" && index > 0) return index - 1;
    if (action === "down" && index < body.rows.length - 1) return index + 1;
    if (action === "top" && first === 0) return 0;
    const atEnd = (action === "up" && first === 0) || (action === "down" && first + body.rows.length >= count);
    return atEnd ? index : null;
  };
  const remove = (row) => {
    const next = row.nextElementSibling || row.previousElementSibling;
    row.remove();
    count -= 1;
    report(`${row.dataset.device} removed. Not saved yet.`);
    (next ? next.querySelector('button[value^="remove"]') : save).focus();
  };

  form.addEventListener("click", (event) => {
    const button = event.target.closest("td.moves button");
    if (!button) return;
    const row = button.closest("tr");
    const [action] = button.value.split(" ");
    if (action === "remove") {
      event.preventDefault();
      remove(row);
      return;
    }
    const to = place(action, row.sectionRowIndex);
    if (to === null) {
      if (changed) {
        event.preventDefault();
        moved.textContent = "The new position is on another page. Save the order first.";
      }
      return;
    }
    event.preventDefault();
    if (to === row.sectionRowIndex) {
      moved.textContent = `${row.dataset.device} is already at the end of the list.`;
      return;
    }
    body.insertBefore(row, body.rows[to > row.sectionRowIndex ? to + 1 : to] || null);
    button.focus();
    reportMove(row);
  });
  form.addEventListener("submit", () => {
    form.elements.order.value = rows().map((row) => row.dataset.device).join(" ");
    saving = true;
  });
  document.getElementById("undo").addEventListener("click", () => { saving = true; });
  window.addEventListener("beforeunload", (event) => {
    if (changed && !saving) event.preventDefault();
  });

  form.querySelectorAll(".scripted, .grip").forEach((element) => { element.hidden = false; });
  Sortable.create(body, {
    handle: ".grip",
    ghostClass: "moving",
    onEnd: ({ item, oldIndex, newIndex }) => { if (oldIndex !== newIndex) reportMove(item); },
  });
});
