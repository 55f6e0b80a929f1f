/**
 * What the page knows, keyed by item. Pure: no document, no clock, no network.
 *
 * An item is (source_id, timestamp); its tickers each have the version last applied. An event is applied unless its
 * version is that one. Versions seen lately are remembered apart, so that a repeat after a reconnect is no news.
 */

const VISIBLE = ["label", "score", "confidence", "source"];
const REMEMBERED = 500;

export class Feed {
  #items = new Map();
  #changed = new Set();
  #seen = new Set();

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

  /** Apply a `sentiment_update`; `arrival` says how it came. False if it changed nothing. */
  update(data, arrival) {
    const known = this.#items.get(keyOf(data));
    if (known?.tickers.get(data.ticker)?.version === data.version) return false;
    const item = known ?? this.#add(data);
    const fresh = this.#remember(data.version);
    const differs = VISIBLE.some((field) => item[field] !== data[field]);
    if (known && fresh && differs) {
      item.was = { label: item.label, score: item.score };
      item.flash = true;
    }
    if (!known || (fresh && (differs || item.updated_at !== data.updated_at))) {
      item.arrival = arrival;
      item.untimed = true;
    }
    for (const field of [...VISIBLE, "updated_at", "committed_at"]) item[field] = data[field];
    item.tickers.set(data.ticker, { version: data.version, withdrawn: "" });
    item.withdrawn = "";
    this.#changed.add(item);
    return true;
  }

  /** Apply a `sentiment_withdrawn`: the ticker goes, and the item with its last one. False if it changed nothing. */
  withdraw(data) {
    const item = this.#items.get(keyOf(data));
    const ticker = item?.tickers.get(data.ticker);
    if (!ticker || ticker.withdrawn) return false;
    item.tickers.set(data.ticker, { version: null, withdrawn: data.reason }); // the same version may come back
    if ([...item.tickers.values()].every(({ withdrawn }) => withdrawn)) item.withdrawn = data.reason;
    this.#changed.add(item);
    return true;
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

  clear() {
    this.#items.clear();
    this.#changed.clear();
  }

  #add({ source_id, timestamp }) {
    const item = { key: keyOf({ source_id, timestamp }), source_id, timestamp, tickers: new Map(), was: null, withdrawn: "" };
    this.#items.set(item.key, item);
    if (this.#items.size > this.limit) {
      const [oldest] = this.#items.values();
      this.#items.delete(oldest.key);
      this.#changed.delete(oldest);
    }
    return item;
  }

  #remember(version) {
    const fresh = !this.#seen.has(version);
    this.#seen.add(version);
    if (this.#seen.size > REMEMBERED) this.#seen.delete(this.#seen.values().next().value);
    return fresh;
  }
}

function keyOf({ source_id, timestamp }) {
  return JSON.stringify([source_id, timestamp]);
}
