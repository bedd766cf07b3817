// Moves candidates on the page, by drag (Sortable) or by the same buttons that work without a script; saves on request.
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
  const settle = (words) => {
    rows().forEach((row, index) => { row.cells[0].textContent = number(first + index + 1); });
    moved.textContent = words;
    changed = true;
    save.disabled = false;
  };
  const told = (row) =>
    settle(`${row.dataset.device} is now at place ${number(first + row.sectionRowIndex + 1)} of ${number(count)}. Not saved yet.`);

  // Where the row goes on this page; null if that is on another one.
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
    settle(`${row.dataset.device} is off the list. Not saved yet.`);
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
        moved.textContent = "That place is on another page: save the order first.";
      }
      return;
    }
    event.preventDefault();
    if (to === row.sectionRowIndex) {
      moved.textContent = `${row.dataset.device} is at the end of the list already.`;
      return;
    }
    body.insertBefore(row, body.rows[to > row.sectionRowIndex ? to + 1 : to] || null);
    button.focus();
    told(row);
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
    onEnd: ({ item, oldIndex, newIndex }) => { if (oldIndex !== newIndex) told(item); },
  });
});
