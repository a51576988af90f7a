// The dashboard's chart, and what is said of parts that no longer renew themselves.
"use strict";

(() => {
  const charts = new Map();

  const draw = (canvas) => {
    const { days, earned, sums, unit } = JSON.parse(document.getElementById(canvas.dataset.pnl).textContent);
    for (const [old, chart] of charts) {
      if (!old.isConnected) {
        chart.destroy();
        charts.delete(old);
      }
    }
    if (charts.has(canvas)) return;
    const grid = "rgba(128, 128, 128, 0.2)";
    charts.set(canvas, new Chart(canvas, {
      data: {
        labels: days,
        datasets: [
          { type: "line", label: `sum of the days (${unit})`, data: sums, borderColor: "#9333ea", backgroundColor: "#9333ea", pointRadius: 0, borderWidth: 2 },
          { type: "bar", label: `P&L of the day (${unit})`, data: earned, backgroundColor: earned.map((sum) => (sum < 0 ? "#dc2626" : "#16a34a")) },
        ],
      },
      options: {
        animation: false,
        maintainAspectRatio: false,
        interaction: { mode: "index", intersect: false },
        scales: { x: { grid: { display: false } }, y: { grid: { color: grid } } },
        plugins: { legend: { position: "bottom", align: "start" } },
      },
    }));
  };

  const drawIn = (part) => part.querySelectorAll("canvas[data-pnl]").forEach(draw);
  window.addEventListener("load", () => drawIn(document));
  document.addEventListener("htmx:afterSwap", (event) => {
    drawIn(event.target);
    event.target.classList.remove("tb-stale");
  });
  for (const name of ["htmx:sendError", "htmx:responseError"]) {
    document.addEventListener(name, (event) => event.target.classList.add("tb-stale"));
  }
})();
