/**
 * What the page shows, by item. Pure: no document, no clock, no network.
 *
 * The client has dropped repeats and says what is news. Kept here beside its items: what was withdrawn, what was corrected,
 * and how each came.
 */

const VISIBLE = ["label", "score", "confidence", "source"];

export class Feed {
  #items = new Map();
  #changed = new Set();

  /** At most `limit` items; the one that came first goes first. */
  constructor(limit = 200) {
    this.limit = limit;
  }

  get size() {
    return this.#items.size;
  }

  has(item) {
    return this.#items.get(item.key) === item;
  }

  /** Apply a `sentiment_update` of the client; `arrival` says how a live one came. */
  update({ item: data, replayed, news }, arrival) {
    const known = this.#items.get(data.key);
    const item = known ?? this.#add(data);
    const differs = VISIBLE.some((field) => item[field] !== data[field]);
    if (known && news && differs) {
      item.was = { label: item.label, score: item.score };
      item.flash = true;
    }
    if (!known || (news && (differs || item.updated_at !== data.updated_at))) {
      item.arrival = replayed ? "replayed" : arrival;
      item.untimed = true;
    }
    for (const field of [...VISIBLE, "updated_at", "committed_at"]) item[field] = data[field];
    for (const ticker of data.tickers.keys()) item.tickers.set(ticker, { withdrawn: "" });
    item.withdrawn = "";
    this.#changed.add(item);
  }

  /** Apply a `sentiment_withdrawn`: the ticker goes, and the item with its last one. */
  withdraw({ source_id, timestamp, ticker, reason }) {
    const item = this.#items.get(JSON.stringify([source_id, timestamp]));
    if (!item) return;
    item.tickers.set(ticker, { withdrawn: reason });
    if ([...item.tickers.values()].every(({ withdrawn }) => withdrawn)) item.withdrawn = reason;
    this.#changed.add(item);
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

  /** The items, the one that came first first. */
  values() {
    return this.#items.values();
  }

  /** Take over all items of the client, in their order. `keeps`: what is known of those that stay is kept. */
  replace(items, keeps) {
    const known = keeps ? this.#items : new Map();
    this.#items = new Map();
    this.#changed.clear();
    for (const data of items) {
      const item = known.get(data.key);
      if (item) this.#hold(Object.assign(item, { tickers: new Map() }));
      this.update({ item: data, replayed: true });
    }
  }

  #add({ key, source_id, timestamp }) {
    return this.#hold({ key, source_id, timestamp, tickers: new Map(), was: null, withdrawn: "" });
  }

  #hold(item) {
    this.#items.set(item.key, item);
    if (this.#items.size > this.limit) {
      const [oldest] = this.#items.values();
      this.#items.delete(oldest.key);
      this.#changed.delete(oldest);
    }
    return item;
  }
}
