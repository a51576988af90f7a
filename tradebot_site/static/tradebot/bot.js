/* A bot's page: its chart, its equity, and the parameters of the strategy that is chosen. A backtest's page: its equity. */
"use strict";

(() => {
  const REFRESH_MS = 10_000;
  const LINE_COLOURS = ["#2563eb", "#d97706", "#7c3aed", "#0891b2", "#be185d"];
  const LEVELS = {
    entry: ["#6b7280", "entry"],
    stop: ["#dc2626", "stop"],
    target: ["#16a34a", "target"],
    liquidation: ["#7f1d1d", "liquidation"],
  };
  const UP = "#16a34a";
  const DOWN = "#dc2626";

  const isDark = () => document.documentElement.classList.contains("dark");

  const theme = () => ({
    layout: {
      attributionLogo: true,
      background: { color: "transparent" },
      textColor: isDark() ? "#d4d4d8" : "#3f3f46",
    },
    grid: {
      horzLines: { color: isDark() ? "#3f3f4655" : "#d4d4d855" },
      vertLines: { color: isDark() ? "#3f3f4655" : "#d4d4d855" },
    },
  });

  const newChart = (place) => {
    const chart = LightweightCharts.createChart(place, {
      ...theme(),
      autoSize: true,
      timeScale: { timeVisible: true, secondsVisible: false },
    });
    new MutationObserver(() => chart.applyOptions(theme())).observe(document.documentElement, {
      attributeFilter: ["class"],
    });
    return chart;
  };

  // Prices of a few cents need more decimals than those of bitcoin.
  const priceFormat = (price) => {
    const precision = Math.min(Math.max(2, 5 - Math.floor(Math.log10(price || 1))), 10);
    return { type: "price", precision, minMove: 10 ** -precision };
  };

  class BotChart {
    constructor(place) {
      this.place = place;
      this.note = document.getElementById("bot-chart-note");
      this.lines = new Map();
      this.levels = [];
    }

    draw(told) {
      this.note.textContent = [told.note, this.summary(told)].filter(Boolean).join(" ");
      if (!told.candles.length) return;
      const isFirst = !this.chart;
      if (isFirst) {
        this.chart = newChart(this.place);
        const options = { upColor: UP, downColor: DOWN, wickUpColor: UP, wickDownColor: DOWN, borderVisible: false };
        this.candles = this.chart.addSeries(LightweightCharts.CandlestickSeries, options);
        this.markers = LightweightCharts.createSeriesMarkers(this.candles, []);
      }
      const last = told.candles[told.candles.length - 1];
      this.candles.applyOptions({ priceFormat: priceFormat(last[4]) });
      this.candles.setData(told.candles.map(([time, open, high, low, close]) => ({ time, open, high, low, close })));
      told.lines.forEach((line, number) => this.line(line, number).setData(line.values));
      this.markers.setMarkers(told.fills.map((fill) => this.marker(fill)));
      this.levels.forEach((level) => this.candles.removePriceLine(level));
      this.levels = told.levels.map(({ kind, price }) => {
        const [color, title] = LEVELS[kind] || ["#6b7280", kind];
        return this.candles.createPriceLine({ price, color, title, lineWidth: 1, lineStyle: 2, axisLabelVisible: true });
      });
      if (isFirst) this.chart.timeScale().fitContent();
    }

    line(line, number) {
      if (!this.lines.has(line.name)) {
        const options = {
          color: LINE_COLOURS[number % LINE_COLOURS.length],
          lineWidth: 1,
          title: line.name,
          lastValueVisible: false,
          priceLineVisible: false,
        };
        this.lines.set(line.name, this.chart.addSeries(LightweightCharts.LineSeries, options, line.own_scale ? 1 : 0));
      }
      return this.lines.get(line.name);
    }

    marker({ time, side, purpose, quantity }) {
      const bought = side === "BUY";
      return {
        time,
        position: bought ? "belowBar" : "aboveBar",
        shape: bought ? "arrowUp" : "arrowDown",
        color: bought ? UP : DOWN,
        text: `${purpose} ${quantity}`,
      };
    }

    // For those who do not see the chart.
    summary(told) {
      if (!told.candles.length) return "";
      const last = told.candles[told.candles.length - 1];
      const at = new Date(last[0] * 1000).toISOString().slice(0, 16).replace("T", " ");
      const levels = told.levels.map(({ kind, price }) => `${kind} ${price}`);
      const lines = told.lines.map(({ name, values }) => [name, values[values.length - 1]]);
      const values = lines.filter(([, point]) => "value" in point).map(([name, { value }]) => `${name} ${+value.toPrecision(8)}`);
      return [`Candle of ${at} UTC: close ${last[4]}`, ...values, ...levels, `${told.fills.length} fills shown`].join(", ") + ".";
    }
  }

  class EquityChart {
    constructor(place) {
      this.place = place;
    }

    draw({ equity, base = 0, title = "realised P&L" }) {
      this.place.hidden = equity.length < 2;
      if (equity.length < 2) return;
      const isFirst = !this.chart;
      if (isFirst) {
        this.chart = newChart(this.place);
        this.series = this.chart.addSeries(LightweightCharts.BaselineSeries, {
          baseValue: { type: "price", price: base },
          lineWidth: 2,
          title,
        });
      }
      this.series.setData(equity.map(([time, value]) => ({ time, value })));
      if (isFirst) this.chart.timeScale().fitContent();
    }
  }

  const watch = (place) => {
    const charts = [new BotChart(place), new EquityChart(document.getElementById("bot-equity"))];
    let etag = "";
    const refresh = async () => {
      if (document.visibilityState !== "visible") return;
      try {
        const answer = await fetch(place.dataset.url, { headers: etag ? { "If-None-Match": etag } : {}, cache: "no-store" });
        if (answer.status === 304 || !answer.ok) return;
        etag = answer.headers.get("ETag") || "";
        const told = await answer.json();
        charts.forEach((chart) => chart.draw(told));
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // the site is away: the next try is in some seconds
      }
    };
    refresh();
    setInterval(refresh, REFRESH_MS);
    document.addEventListener("visibilitychange", refresh);
  };

  // Only the parameters of the strategy that is chosen; without this script those of all are there.
  const followStrategy = (choice) => {
    const show = () =>
      document.querySelectorAll("fieldset[class*='of-strategy-']").forEach((part) => {
        part.hidden = !part.classList.contains(`of-strategy-${choice.value}`);
      });
    choice.addEventListener("change", show);
    show();
  };

  document.addEventListener("DOMContentLoaded", () => {
    const place = document.getElementById("bot-chart");
    if (place) watch(place);
    const equity = document.getElementById("backtest-equity");
    if (equity) new EquityChart(equity).draw(JSON.parse(document.getElementById("backtest-equity-data").textContent));
    const unfinished = document.querySelector("[data-reload-seconds]");
    if (unfinished) setTimeout(() => location.reload(), unfinished.dataset.reloadSeconds * 1000);
    const choice = document.querySelector("select[name=strategy]");
    if (choice) followStrategy(choice);
  });
})();
