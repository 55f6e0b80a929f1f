/**
 * The items that the page knows. Pure: no document, no clock, no network.
 *
 * The client has dropped repeats and says what is news. Kept here beside its items: what was withdrawn, what was
 * corrected, how each version came, and which score each ticker was counted with.
 */

const VISIBLE = ["label", "score", "confidence", "source"];
const VERSIONS = 20; // of an item, the last ones

/**
 * @typedef {"live" | "replayed" | "snapshot" | "hidden" | "paused"} Arrival How a version came: `hidden` and `paused`
 *   say that nobody could see it when it came, so that its time is no measurement.
 * @typedef {{ticker: string, time: number, before: Counted | null, now: Counted | null, certain: boolean}} Delta What a
 *   change does to the counts of a ticker; not `certain`: whether the item was counted before is not known.
 * @typedef {{label: string, score: number}} Counted
 */

export class Items {
  #items = new Map();
  #changed = new Set();
  #forgotten = -Infinity; // the latest timestamp of an item that was dropped

  /** At most `limit` items; the one that came first goes first. */
  constructor(limit = 2000) {
    this.limit = limit;
  }

  get size() {
    return this.#items.size;
  }

  /** By the client's key. */
  get(key) {
    return this.#items.get(key);
  }

  has(item) {
    return this.#items.get(item.key) === item;
  }

  /** The items, the one that came first first. */
  values() {
    return this.#items.values();
  }

  /** Apply a `sentiment_update` of the client at `now` (ms since 1970) → Delta. */
  update({ data: { ticker, version }, item: shown, news }, arrival, now) {
    const known = this.#items.get(shown.key);
    const time = Date.parse(shown.timestamp);
    const certain = Boolean(known) || time > this.#forgotten;
    const item = known ?? this.#add(shown);
    const differs = VISIBLE.some((field) => item[field] !== shown[field]);
    if (known && news && differs) item.was = { label: item.label, score: item.score };
    if (!known || (news && (differs || item.updated_at !== shown.updated_at))) {
      item.arrival = arrival;
      item.untimed = true;
    }
    for (const field of [...VISIBLE, "updated_at", "committed_at"]) item[field] = shown[field];
    const before = item.tickers.get(ticker)?.counted ?? null;
    const counted = { label: shown.label, score: shown.score };
    item.tickers.set(ticker, { withdrawn: "", counted });
    for (const other of shown.tickers.keys()) if (!item.tickers.has(other)) item.tickers.set(other, { withdrawn: "", counted: null });
    item.withdrawn = "";
    this.#note(item, { ...counted, confidence: shown.confidence, updated_at: shown.updated_at, committed_at: shown.committed_at, version, tickers: [ticker], arrival, at: now });
    this.#changed.add(item);
    return { ticker, time, before, now: counted, certain };
  }

  /** Apply a `sentiment_withdrawn`: the ticker goes, and the item with its last one → Delta. */
  withdraw({ data: { source_id, timestamp, ticker, reason } }, arrival, now) {
    const item = this.#items.get(JSON.stringify([source_id, timestamp]));
    const before = item?.tickers.get(ticker)?.counted ?? null;
    const delta = { ticker, time: Date.parse(timestamp), before, now: null, certain: Boolean(before) };
    if (!item) return delta;
    item.tickers.set(ticker, { withdrawn: reason, counted: null });
    if ([...item.tickers.values()].every(({ withdrawn }) => withdrawn)) item.withdrawn = reason;
    this.#note(item, { withdrawn: reason, tickers: [ticker], arrival, at: now });
    this.#changed.add(item);
    return delta;
  }

  /** Take over all items of the client, in their order. What is known of those that stay is kept. */
  replace(items, now) {
    const known = this.#items;
    this.#items = new Map();
    this.#changed.clear();
    this.#forgotten = -Infinity;
    for (const shown of items) {
      const before = known.get(shown.key);
      if (before) this.#hold(Object.assign(before, { tickers: new Map() }));
      for (const [ticker, version] of shown.tickers) this.update({ data: { ticker, version }, item: shown, news: false }, "snapshot", now);
    }
  }

  /** The items changed since the last call, in the order of their first change. */
  take() {
    const changed = [...this.#changed];
    this.#changed.clear();
    return changed;
  }

  /** How many items wait for `take`. */
  get waiting() {
    return this.#changed.size;
  }

  #add({ key, source_id, timestamp }) {
    return this.#hold({ key, source_id, timestamp, tickers: new Map(), was: null, withdrawn: "", versions: [] });
  }

  #hold(item) {
    this.#items.set(item.key, item);
    if (this.#items.size > this.limit) {
      const [oldest] = this.#items.values();
      this.#items.delete(oldest.key);
      this.#changed.delete(oldest);
      this.#forgotten = Math.max(this.#forgotten, Date.parse(oldest.timestamp));
    }
    return item;
  }

  /** The tickers of one change come one by one, and are one version here. */
  #note(item, version) {
    const last = item.versions.at(-1);
    const same = last && last.withdrawn === version.withdrawn && last.label === version.label && last.score === version.score
      && last.confidence === version.confidence && last.updated_at === version.updated_at;
    if (same) last.tickers = [...new Set([...last.tickers, ...version.tickers])];
    else item.versions.push(version);
    if (item.versions.length > VERSIONS) item.versions.shift();
  }
}
