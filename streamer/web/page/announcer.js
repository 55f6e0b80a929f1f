/** Once a minute, one sentence for whoever listens to the page instead of looking at it. */

import * as format from "./format.js";

const EVERY = 60_000; // ms

export class Announcer {
  #node; #since; #counts = new Map(); #sum = 0; #count = 0;

  constructor(node, now) {
    this.#node = node;
    this.#since = now;
  }

  /** Count an update that is new. */
  count({ ticker, score }) {
    this.#counts.set(ticker, (this.#counts.get(ticker) ?? 0) + 1);
    this.#sum += score;
    this.#count++;
  }

  /** Say what the last minute brought, when it is over; nothing if it brought nothing. */
  tick(now) {
    if (now - this.#since < EVERY) return;
    this.#since = now;
    if (this.#count) {
      const most = [...this.#counts].sort(([, a], [, b]) => b - a).slice(0, 3).map(([ticker, n]) => `${ticker} ${n}`).join(", ");
      this.#node.textContent = `${format.count(this.#count)} ${this.#count === 1 ? "change" : "changes"} in the last minute, mean ${format.score(this.#sum / this.#count)}. Most of ${most}.`;
    }
    this.#counts.clear();
    this.#sum = this.#count = 0;
  }
}
