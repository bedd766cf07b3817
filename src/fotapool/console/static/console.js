// What needs a script: copying, confirmation, keys, theme, local times, cards on phones, values of charts. Everything else is HTML and htmx.
"use strict";

(() => {
  const KEYS = "fotapool-keys";
  const TIMES = "fotapool-times";
  const RECENT = "fotapool-accounts";
  const hasKeys = () => localStorage.getItem(KEYS) !== "off";
  const isLocal = () => localStorage.getItem(TIMES) === "local";

  // On a phone a table becomes a list of cards, in which each cell names itself.
  const label = (table) => {
    const heads = [...table.querySelectorAll("thead th")].map((head) => head.textContent.trim());
    table.setAttribute("role", "table");
    table.querySelectorAll("thead, tbody, tfoot").forEach((group) => group.setAttribute("role", "rowgroup"));
    table.querySelectorAll("thead th").forEach((head) => head.setAttribute("role", "columnheader"));
    table.querySelectorAll("tr").forEach((row) => row.setAttribute("role", "row"));
    table.querySelectorAll("tbody tr, tfoot tr").forEach((row) => {
      for (const [place, cell] of [...row.cells].entries()) {
        const isHead = cell.matches("th");
        const size = cell.textContent.trim().length;
        cell.setAttribute("role", isHead ? "rowheader" : "cell");
        cell.classList.toggle("c-title", isHead);
        if (isHead) continue;
        cell.dataset.label ??= heads[place] ?? "";
        if (!size && !cell.firstElementChild) cell.classList.add("c-none");
        else if (cell.querySelector(".tag") && !row.querySelector(".c-aside")) cell.classList.add("c-aside");
        else if (size > 28 || cell.querySelector("details, form, ul")) cell.classList.add("c-full");
        else if (size > 12) cell.classList.add("c-half");
      }
    });
    table.classList.add("cards");
  };

  // Charts are drawn by the server. This shows the values at the pointer, from the JSON beside the plot.
  const values = (plot) => {
    const data = JSON.parse(document.getElementById(`chart-${plot.dataset.chart}`).textContent);
    const svg = plot.querySelector("svg");
    const line = svg.querySelector(".cross");
    const tip = plot.querySelector(".tip");
    const make = (name, text) => Object.assign(document.createElement(name), { textContent: text });
    const show = (event) => {
      const box = svg.getBoundingClientRect();
      const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
      const row = data.rows.reduce((best, one) => (Math.abs(one.x - share) < Math.abs(best.x - share) ? one : best));
      for (const end of ["x1", "x2"]) line.setAttribute(end, `${row.x * 100}%`);
      line.removeAttribute("hidden");
      const list = make("dl", "");
      data.names.forEach((name, place) => {
        if (row.v[place] !== null) list.append(make("dt", name), make("dd", row.v[place].toLocaleString("en-US")));
      });
      tip.replaceChildren(make("p", row.at), list);
      tip.hidden = false;
      const left = box.left - plot.getBoundingClientRect().left + row.x * box.width + 12;
      tip.style.left = `${Math.max(0, Math.min(plot.clientWidth - tip.offsetWidth, left))}px`;
      tip.style.top = "20px";
    };
    plot.addEventListener("pointermove", show);
    plot.addEventListener("pointerdown", show);
    plot.addEventListener("pointerleave", () => {
      tip.hidden = true;
      line.setAttribute("hidden", "");
    });
  };

  // Times come from the server in UTC. In the Swedish locale they look the same as there: 2026-03-01 12:00:05.
  const localize = (root) => {
    root.querySelectorAll("main time").forEach((one) => {
      const local = new Date(one.dateTime).toLocaleString("sv-SE");
      one.dataset.utc ??= one.title || one.textContent;
      if (one.title) one.title = isLocal() ? local : one.dataset.utc;
      else if (one.dataset.utc.length === "2026-03-01 12:00:05".length) one.textContent = isLocal() ? local : one.dataset.utc;
    });
    const zone = document.getElementById("zone");
    if (!zone) return;
    zone.dataset.utc ??= zone.textContent;
    const name = Intl.DateTimeFormat().resolvedOptions().timeZone;
    zone.textContent = isLocal() ? `Times in ${name}; days, billing and charts in UTC` : zone.dataset.utc;
  };

  // The last accounts of this tab, for the menu that switches the account.
  const remember = (menu) => {
    const current = menu.querySelector("[aria-current]");
    const here = { path: current.pathname, name: current.textContent };
    const others = JSON.parse(sessionStorage.getItem(RECENT) ?? "[]").filter((one) => one.path !== here.path).slice(0, 7);
    sessionStorage.setItem(RECENT, JSON.stringify([here, ...others]));
    for (const one of others.reverse()) {
      const item = document.createElement("li");
      item.append(Object.assign(document.createElement("a"), { href: one.path, textContent: one.name }));
      current.parentElement.after(item);
    }
  };

  const prepare = (root) => {
    localize(root);
    root.querySelectorAll("main table:not(.ordered, .cards)").forEach(label);
    root.querySelectorAll(".plot[data-chart]:not([data-live])").forEach((plot) => {
      plot.dataset.live = "";
      values(plot);
    });
    root.querySelectorAll("[data-copy]").forEach((button) => {
      button.hidden = !navigator.clipboard;
    });
    root.querySelectorAll(".menu .scripted").forEach((one) => {
      one.hidden = false;
    });
  };

  document.addEventListener("click", async (event) => {
    document.querySelectorAll("details.menu[open]").forEach((menu) => {
      if (!menu.contains(event.target) || event.target.closest("[data-open]")) menu.open = false;
    });
    const opener = event.target.closest("[data-open]");
    if (opener) document.getElementById(opener.dataset.open).showModal();
    const relative = event.target.closest("time[title]"); // a touch has no hover: it exchanges the two
    if (relative) [relative.textContent, relative.title] = [relative.title, relative.textContent];
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = "Copied";
  });

  // Keys: "/" searches, "g" and a letter goes, "s" switches the account, "?" lists them. They can be turned off there (WCAG 2.1.4).
  let went = 0;
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      document.querySelectorAll("details.menu[open]").forEach((menu) => {
        menu.open = false;
        menu.querySelector("summary").focus();
      });
    }
    const typing = event.target.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "?") document.getElementById("shortcuts")?.showModal();
    if (!hasKeys() || document.querySelector("dialog[open]")) return;
    if (event.key === "/") {
      const field = document.getElementById("q");
      if (!field) return;
      event.preventDefault();
      if (!field.checkVisibility()) document.getElementById("nav").showPopover();
      field.select();
      field.focus();
    } else if (event.key === "s") {
      const menu = document.querySelector(".switcher");
      if (!menu) return;
      event.preventDefault();
      menu.open = true;
      menu.querySelector("input").focus();
    } else if (event.key === "g") {
      went = event.timeStamp;
    } else if (event.timeStamp - went < 1500) {
      went = 0;
      document.querySelector(`nav [data-key="${CSS.escape(event.key)}"]`)?.click();
    }
  });
  document.addEventListener("change", (event) => {
    if (event.target.id === "keys") localStorage.setItem(KEYS, event.target.checked ? "on" : "off");
    if (event.target.name === "times") {
      localStorage.setItem(TIMES, event.target.value);
      localize(document);
    }
    if (event.target.name !== "theme") return;
    // A cookie, so that the server writes the theme into the page and nothing flashes.
    document.cookie = `fotapool-theme=${event.target.value}; path=/; max-age=31536000; samesite=lax`;
    if (event.target.value) document.documentElement.dataset.theme = event.target.value;
    else delete document.documentElement.dataset.theme;
  });
  document.addEventListener("submit", (event) => {
    const question = event.target.dataset.confirm;
    if (question && !window.confirm(question)) event.preventDefault();
  });
  document.addEventListener("DOMContentLoaded", () => {
    const keys = document.getElementById("keys");
    if (keys) keys.checked = hasKeys();
    document.querySelectorAll("[name=times]").forEach((one) => {
      one.checked = one.value === (isLocal() ? "local" : "utc");
    });
    document.querySelectorAll(".switcher").forEach(remember);
    document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
    prepare(document);
  });
  document.addEventListener("htmx:load", (event) => prepare(event.detail.elt));
})();
