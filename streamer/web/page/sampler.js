/**
 * Chooses what a reader can follow. Pure: the caller brings the clock (ms).
 *
 * Up to `rate` rows a second (and `burst` at once) every item is a row. Above it, what waits is held by ticker: the
 * strongest item of each, and the number of the others, which its row names. Nothing is left out without being counted.
 */

const LONGEST = 200; // single items that wait; more are held by ticker

export class Sampler {
  #single = []; // in order of arrival
  #held = new Map(); // ticker → {item, more, ticker}; the one that has waited longest first
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
    this.#single.push(item);
    if (this.#single.length > LONGEST) this.#hold();
  }

  /** → the rows to show now, the oldest first: [{item, more, ticker}]. */
  take(now) {
    this.#tokens = Math.min(this.burst, this.#tokens + (Math.max(0, now - this.#last) / 1000) * this.rate);
    this.#last = now;
    if (!this.#held.size && this.#single.length <= this.#tokens) {
      const taken = this.#single.map((item) => ({ item, more: 0, ticker: "" }));
      this.#single = [];
      this.#tokens -= taken.length;
      return taken;
    }
    this.#hold();
    const taken = [...this.#held.values()].slice(0, Math.floor(this.#tokens));
    for (const { ticker } of taken) this.#held.delete(ticker);
    this.#tokens -= taken.length;
    return taken;
  }

  clear() {
    this.#single = [];
    this.#held.clear();
  }

  #hold() {
    for (const item of this.#single) {
      const [ticker] = item.tickers.keys();
      const held = this.#held.get(ticker);
      if (!held) this.#held.set(ticker, { item, more: 0, ticker });
      else {
        held.more++;
        if (Math.abs(item.score) > Math.abs(held.item.score)) held.item = item;
      }
    }
    this.#single = [];
  }
}
