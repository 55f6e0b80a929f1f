/** The chart: mean score with its band from least to greatest, and the number of items, over time. Drawn by uPlot, which is loaded when it is first needed. */

import * as format from "./format.js";

const MINUTE = 60_000;
const RANGES = { "15m": [15 * MINUTE, 60], "1h": [60 * MINUTE, 60], "24h": [1440 * MINUTE, 900] };
const WIDTH = 200, HEIGHT = 120; // px, at least

export class Chart extends EventTarget {
  #root; #readout; #plot = null; #loading = null; #line = null; #gaps = []; #seconds = 60; #problem = "";

  /** Fires `point` with {from, to} in ms, or null, as the reader points at a bucket. */
  constructor(root, readout) {
    super();
    this.#root = root;
    this.#readout = readout;
    new ResizeObserver(() => this.#plot?.setSize(this.#size())).observe(root);
  }

  /** Draw `tickers` together. `gaps`: [{from, to}] in ms, in which the page was not live. */
  async draw(series, tickers, range, gaps, now) {
    const [span, seconds] = RANGES[range];
    const buckets = series.of(seconds);
    this.#problem = series.problem;
    if (!buckets) return format.put(this.#readout, series.problem || "The history is being read.");
    this.#line = buckets.line(tickers, now - span, now);
    this.#seconds = seconds;
    const { since } = buckets;
    this.#gaps = [...gaps, ...(since > now - span ? [{ from: -Infinity, to: since, why: "before the history begins" }] : [])];
    this.#loading ??= this.#load();
    await this.#loading;
    if (!this.#plot) return;
    const { times, mean, least, greatest, items } = this.#line;
    this.#plot.setData([times, mean, least, greatest, items]);
    this.#say(this.#plot.cursor.idx ?? null);
  }

  /** Show where a time (ms) is; null: nowhere. */
  point(time) {
    if (!this.#plot) return;
    const left = time === null ? -10 : this.#plot.valToPos(time / 1000, "x");
    this.#plot.setCursor({ left, top: time === null ? -10 : 1 }, false);
  }

  /** The colours have changed. */
  async recolour() {
    if (!this.#plot) return;
    this.#plot.destroy();
    this.#loading = this.#load();
    await this.#loading;
  }

  /** The points of the screen, for a file: [{time, items, mean, least, greatest}]. */
  get points() {
    const { times = [], ...columns } = this.#line ?? {};
    return times.map((time, i) => ({ time: new Date(time * 1000).toISOString(), items: columns.items[i] ?? 0, mean: columns.mean[i], least: columns.least[i], greatest: columns.greatest[i] }));
  }

  #size() {
    return { width: Math.max(WIDTH, this.#root.clientWidth), height: Math.max(HEIGHT, this.#root.clientHeight) };
  }

  async #load() {
    const { default: UPlot } = await import("./uplot.js");
    const colour = (name) => getComputedStyle(this.#root).getPropertyValue(name).trim();
    const [ink, soft, line, accent, band, bar, gap] = ["--ink", "--soft", "--line", "--accent", "--band", "--count", "--gap"].map(colour);
    const font = "12px system-ui, sans-serif";
    const axis = { stroke: soft, font, grid: { stroke: line, width: 1 }, ticks: { show: false } };
    const { times, mean, least, greatest, items } = this.#line;
    this.#plot = new UPlot({
      ...this.#size(),
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
      scales: {
        y: { range: [-1, 1] },
        n: { range: (_, __, most) => [0, Math.max(4, 3 * (most ?? 0))] }, // the bars keep to the lower third
      },
      axes: [
        { ...axis, values: (_, marks) => marks.map((mark) => format.minute(mark * 1000)), space: 70 },
        { ...axis, size: 46, values: (_, marks) => marks.map((mark) => (mark % 0.5 ? "" : format.score(mark))), splits: () => [-1, -0.5, 0, 0.5, 1] },
        { ...axis, scale: "n", side: 1, size: 54, grid: { show: false }, values: (_, marks) => marks.map((mark, i) => (i % 2 || mark % 1 ? "" : format.count(mark))) },
      ],
      series: [
        {},
        { scale: "y", stroke: accent, width: 2, points: { size: 5, fill: accent } },
        { scale: "y", stroke: "transparent", points: { show: false } },
        { scale: "y", stroke: "transparent", points: { show: false } },
        { scale: "n", stroke: bar, fill: bar, width: 0, points: { show: false }, paths: UPlot.paths.bars({ size: [0.7, 40] }) },
      ],
      bands: [{ series: [3, 2], fill: band }],
      hooks: { drawClear: [(plot) => this.#shade(plot, gap)], setCursor: [(plot) => this.#say(plot.cursor.idx ?? null, plot.cursor.event)] },
    }, [times, mean, least, greatest, items], this.#root);
    this.#plot.over.style.color = ink;
    this.#plot.over.addEventListener("pointerleave", () => this.dispatchEvent(Object.assign(new Event("point"), { data: null })));
  }

  #shade(plot, colour) {
    const { left, top, width, height } = plot.bbox;
    const at = (ms) => Math.min(left + width, Math.max(left, plot.valToPos(Math.max(0, ms) / 1000, "x", true)));
    plot.ctx.save();
    plot.ctx.fillStyle = colour;
    for (const { from, to } of this.#gaps) {
      const start = from === -Infinity ? left : at(from);
      plot.ctx.fillRect(start, top, Math.max(0, at(to) - start), height);
    }
    plot.ctx.restore();
  }

  /** One sentence for the bucket under the cursor, else for the last one. */
  #say(index, event) {
    const { times, mean, least, greatest, items } = this.#line;
    const at = index ?? mean.findLastIndex((value) => value !== null);
    const ms = times[at] * 1000;
    if (event && index !== null) this.dispatchEvent(Object.assign(new Event("point"), { data: { from: ms, to: ms + this.#seconds * 1000 } }));
    const put = (words) => format.put(this.#readout, this.#problem ? `${words}. ${this.#problem}` : words);
    if (at < 0) return put("No items in this time");
    const gap = this.#gaps.find(({ from, to }) => ms < to && ms + this.#seconds * 1000 > from);
    const words = mean[at] === null ? "no items" : `mean ${format.score(mean[at])}, from ${format.score(least[at])} to ${format.score(greatest[at])}, ${format.count(items[at])} ${items[at] === 1 ? "item" : "items"}`;
    put(`${format.minute(ms)}: ${words}${gap ? ` (${gap.why})` : ""}`);
  }
}
