/**
 * Chooses what a reader can follow. Pure: the caller brings the clock (ms).
 *
 * Up to `rate` rows a second (and `burst` at once) every item is a row. Above it, what waits is held by ticker: the
 * strongest item of each, and the number of the others, which its row names. Nothing is left out without being counted,
 * and nothing is counted twice: an item that changes again while it waits is one item.
 */

const LONGEST = 200; // single items that wait; more are held by ticker

export class Sampler {
  #single = []; // in order of arrival
  #held = new Map(); // ticker → {item, more, ticker}; the one that has waited longest first
  #places = new WeakMap(); // item that waits → what of the two it is in
  #tokens; #last = 0;

  constructor({ rate = 4, burst = 12 } = {}) {
    this.rate = rate;
    this.burst = burst;
    this.#tokens = burst;
  }

  /** How many items wait to be shown, or to be counted by a row. */
  get waiting() {
    let count = this.#single.length;
    for (const { more } of this.#held.values()) count += 1 + more;
    return count;
  }

  /** Add an item that no row shows yet. */
  add(item) {
    const known = this.#places.get(item);
    if (known && !known.taken) {
      if (stronger(item, known.item)) known.item = item;
      return;
    }
    const place = { item, more: 0, ticker: "", taken: false };
    this.#places.set(item, place);
    this.#single.push(place);
    if (this.#single.length > LONGEST) this.#hold();
  }

  /** → the rows to show now, the oldest first: [{item, more, ticker}]. */
  take(now) {
    this.#tokens = Math.min(this.burst, this.#tokens + (Math.max(0, now - this.#last) / 1000) * this.rate);
    this.#last = now;
    let taken = this.#single;
    if (!this.#held.size && taken.length <= this.#tokens) this.#single = [];
    else {
      this.#hold();
      taken = [...this.#held.values()].slice(0, Math.floor(this.#tokens));
      for (const { ticker } of taken) this.#held.delete(ticker);
    }
    for (const place of taken) place.taken = true;
    this.#tokens -= taken.length;
    return taken;
  }

  clear() {
    this.#single = [];
    this.#held.clear();
    this.#places = new WeakMap();
  }

  #hold() {
    for (const place of this.#single) {
      const [ticker] = place.item.tickers.keys();
      const held = this.#held.get(ticker);
      if (!held) this.#held.set(ticker, Object.assign(place, { ticker }));
      else {
        held.more++;
        this.#places.set(place.item, held);
        if (stronger(place.item, held.item)) held.item = place.item;
      }
    }
    this.#single = [];
  }
}

function stronger(item, other) {
  return Math.abs(item.score) > Math.abs(other.score);
}
