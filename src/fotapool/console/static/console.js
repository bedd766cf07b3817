// What needs a script: charts, copying to the clipboard, confirmation dialogs. Everything else is HTML and htmx.
"use strict";

(() => {
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  // Canvas does not support light-dark(): let the browser compute the color on an element.
  const computed = (name) => {
    const probe = document.createElement("span");
    probe.style.color = color(name);
    document.body.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  };

  // Markers: vertical lines with labels.
  const marks = (found) => ({
    hooks: {
      draw: (plot) => {
        const { ctx, bbox } = plot;
        ctx.save();
        ctx.strokeStyle = ctx.fillStyle = computed("--warn");
        ctx.setLineDash([4, 4]);
        ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
        for (const [place, { at, label }] of found.entries()) {
          const x = Math.round(plot.valToPos(at, "x", true));
          if (x < bbox.left || x > bbox.left + bbox.width) continue;
          ctx.beginPath();
          ctx.moveTo(x, bbox.top);
          ctx.lineTo(x, bbox.top + bbox.height);
          ctx.stroke();
          const fits = x + 4 + ctx.measureText(label).width < bbox.left + bbox.width;
          ctx.textAlign = fits ? "left" : "right";
          ctx.fillText(label, fits ? x + 4 : x - 4, bbox.top + (12 + 14 * (place % 3)) * devicePixelRatio);
        }
        ctx.restore();
      },
    },
  });

  // Formats of the time axis by the seconds between ticks: 24 hours, and dates as on the pages.
  const line = (seconds, format, day, minute = null) => [seconds, format, `\n${day}`, null, `\n${day}`, null, minute, null, 1];
  const timeFormats = [
    [31536000, "{YYYY}", null, null, null, null, null, null, 1],
    [2419200, "{YYYY}-{MM}", null, null, null, null, null, null, 1],
    [86400, "{MM}-{DD}", "\n{YYYY}", null, null, null, null, null, 1],
    line(60, "{HH}:{mm}", "{YYYY}-{MM}-{DD}"),
    line(0.001, "{ss}.{fff}", "{YYYY}-{MM}-{DD} {HH}:{mm}", "\n{HH}:{mm}"),
  ];

  const draw = (element) => {
    const chart = JSON.parse(document.getElementById(`chart-${element.dataset.chart}`).textContent);
    const axis = { stroke: computed("--quiet"), grid: { stroke: computed("--line") } };
    const series = chart.series.map(({ name, color: of, stepped }) => ({
      label: name, stroke: computed(of), width: 2, spanGaps: true,
      paths: stepped ? uPlot.paths.stepped({ align: 1 }) : undefined,
    }));
    const plot = new uPlot({
      width: element.clientWidth, height: 280, tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      scales: { y: { range: (_, low, high) => [0, Math.max(1, high * 1.05)] } },
      axes: [{ ...axis, values: timeFormats }, { ...axis, size: 70 }],
      series: [{ value: "{YYYY}-{MM}-{DD} {HH}:{mm}" }, ...series], plugins: [marks(chart.marks)],
    }, [chart.times, ...chart.values], element);
    new ResizeObserver(() => {
      if (element.clientWidth) plot.setSize({ width: element.clientWidth, height: 280 });
    }).observe(element);
  };

  const prepare = (root) => {
    if (window.uPlot) root.querySelectorAll(".plot[data-chart]:empty").forEach(draw);
    root.querySelectorAll("[data-copy]").forEach((button) => {
      button.hidden = !navigator.clipboard;
    });
    const keys = document.getElementById("keys");
    if (keys) {
      keys.checked = localStorage.getItem(KEYS) !== "off";
      keys.closest("p").hidden = false;
    }
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = "Copied";
  });
  // "/" goes to the search, unless it was turned off or is typed into a field.
  const KEYS = "fotapool-keys";
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const field = document.querySelector(".find input");
    if (!field || localStorage.getItem(KEYS) === "off") return;
    event.preventDefault();
    field.select();
    field.focus();
  });
  document.addEventListener("change", (event) => {
    if (event.target.id === "keys") localStorage.setItem(KEYS, event.target.checked ? "on" : "off");
  });
  document.addEventListener("submit", (event) => {
    const question = event.target.dataset.confirm;
    if (question && !window.confirm(question)) event.preventDefault();
  });
  document.addEventListener("DOMContentLoaded", () => prepare(document));
  document.addEventListener("htmx:load", (event) => prepare(event.detail.elt));
})();
