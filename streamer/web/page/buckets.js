/**
 * Counts and scores of tickers over time: what the series endpoint said, and each change since. Pure.
 */

const LABELS = ["positive", "neutral", "negative"];

/** @typedef {{items: number, positive: number, neutral: number, negative: number, sum: number, least: number, greatest: number}} Cell */

export class Buckets {
  #tickers = new Map(); // ticker → Map(start in ms → Cell)
  /** From this time (ms) on every item is counted; null: nothing is known yet. */
  since = null;

  /** Buckets of `seconds`, of the last `span` seconds. */
  constructor(seconds, span) {
    this.seconds = seconds;
    this.ms = seconds * 1000;
    this.span = span * 1000;
  }

  /** Take over an answer: [{ticker, buckets}] as the endpoint writes them, complete since `since` (ms). */
  load(series, since) {
    this.since = since;
    this.#tickers = new Map(series.map(({ ticker, buckets }) => [ticker, new Map(buckets.map((bucket) => [Date.parse(bucket.time), {
      items: bucket.items, positive: bucket.positive, neutral: bucket.neutral, negative: bucket.negative,
      sum: bucket.mean * bucket.items, least: bucket.least, greatest: bucket.greatest,
    }]))]));
  }

  /** Apply a change of an item → whether what is known stays exact: a least or greatest that leaves is not known. */
  apply({ ticker, time, before, now }) {
    if (this.since === null || !(time >= this.since)) return true;
    const start = Math.floor(time / this.ms) * this.ms;
    const cells = this.#tickers.get(ticker) ?? new Map();
    if (!cells.has(start)) this.#prune(cells, start);
    const cell = cells.get(start) ?? { items: 0, positive: 0, neutral: 0, negative: 0, sum: 0, least: 1, greatest: -1 };
    let exact = true;
    if (before) {
      cell.items--;
      cell[before.label]--;
      cell.sum -= before.score;
      exact = before.score > cell.least && before.score < cell.greatest;
    }
    if (now) {
      cell.items++;
      cell[now.label]++;
      cell.sum += now.score;
      cell.least = Math.min(cell.least, now.score);
      cell.greatest = Math.max(cell.greatest, now.score);
    }
    if (cell.items > 0) cells.set(start, cell);
    else cells.delete(start);
    this.#tickers.set(ticker, cells);
    return exact;
  }

  /** Of the buckets that begin in [from, to) (ms) → {items, positive, neutral, negative, mean}; `mean` is null without items. */
  total(ticker, from, to) {
    const total = { items: 0, positive: 0, neutral: 0, negative: 0, mean: null };
    let sum = 0;
    for (const [start, cell] of this.#tickers.get(ticker) ?? []) {
      if (start < from || start >= to) continue;
      total.items += cell.items;
      for (const label of LABELS) total[label] += cell[label];
      sum += cell.sum;
    }
    if (total.items) total.mean = sum / total.items;
    return total;
  }

  /** Of several tickers together, for each bucket that begins in [from, to) → {times (s), mean, least, greatest, items}; null where nothing is. */
  line(tickers, from, to) {
    const line = { times: [], mean: [], least: [], greatest: [], items: [] };
    const found = tickers.map((ticker) => this.#tickers.get(ticker)).filter(Boolean);
    for (let start = Math.ceil(from / this.ms) * this.ms; start < to; start += this.ms) {
      const cells = found.map((cells) => cells.get(start)).filter(Boolean);
      const items = cells.reduce((sum, cell) => sum + cell.items, 0);
      line.times.push(start / 1000);
      line.items.push(items || null);
      line.mean.push(items ? cells.reduce((sum, cell) => sum + cell.sum, 0) / items : null);
      line.least.push(items ? Math.min(...cells.map((cell) => cell.least)) : null);
      line.greatest.push(items ? Math.max(...cells.map((cell) => cell.greatest)) : null);
    }
    return line;
  }

  /** A hidden tab reads nothing again: what is older than the span goes when a bucket is begun. */
  #prune(cells, begun) {
    for (const start of cells.keys()) if (start < begun - this.span) cells.delete(start);
  }
}
