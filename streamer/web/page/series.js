/** Reads the series of the tickers on the page, and keeps them right: changes are applied as they come, and what they do not tell is read again. */

import { Buckets } from "./buckets.js";

const MINUTE = 60;
const PAGES = 20; // of an answer, at most
const SOON = 5_000; // ms; what is known to be inexact is read again after it
const REGULARLY = 60_000; // ms
const AFTER_A_FAILURE = 10_000; // ms

/** What is kept: bucket length in seconds → span in seconds. The longest window and the one before it fit. */
const SPANS = { [MINUTE]: 31 * MINUTE, [5 * MINUTE]: 125 * MINUTE, [60 * MINUTE]: 24 * 60 * MINUTE };
/** More for a range of the chart. */
const RANGE_SPANS = { "1h": [MINUTE, 61 * MINUTE], "24h": [15 * MINUTE, 24 * 60 * MINUTE] };

export class Series extends EventTarget {
  #tickers = []; #range = "15m"; #buckets = new Map();
  #reading = null; #timer; #waits = Infinity;
  /** Why the last answer is missing; empty while all is well. */
  problem = "";

  /** Buckets of so many seconds, or undefined while nothing of them is known. */
  of(seconds) {
    return this.#buckets.get(seconds);
  }

  /** Show these tickers and this range; reads what is missing at once. Nothing is read without tickers. */
  want(tickers, range) {
    const same = range === this.#range && tickers.length === this.#tickers.length && tickers.every((ticker) => this.#tickers.includes(ticker));
    if (same) return;
    const grown = tickers.some((ticker) => !this.#tickers.includes(ticker));
    this.#tickers = [...tickers];
    this.#range = range;
    if (grown || !this.#covers(range)) this.#read();
  }

  /** Apply a change of an item (Delta of items.js). */
  apply(delta) {
    if (!this.#tickers.includes(delta.ticker)) return;
    let exact = delta.certain;
    for (const buckets of this.#buckets.values()) exact = buckets.apply(delta) && exact;
    if (!exact) this.readAgain();
  }

  /** What is known may have gaps: read it again soon. */
  readAgain() {
    this.#wait(SOON);
  }

  forget() {
    this.#end();
    this.#tickers = [];
    this.#buckets.clear();
  }

  #covers(range) {
    const [seconds, span] = RANGE_SPANS[range] ?? [MINUTE, 0];
    return (this.#buckets.get(seconds)?.span ?? 0) >= span * 1000;
  }

  async #read() {
    this.#end();
    if (!this.#tickers.length) return;
    const { signal } = (this.#reading = new AbortController());
    const [more, moreSpan] = RANGE_SPANS[this.#range] ?? [];
    const spans = more ? { ...SPANS, [more]: moreSpan } : SPANS;
    try {
      for (const [seconds, span] of Object.entries(spans)) await this.#readOne(Number(seconds), span, signal);
      this.problem = "";
    } catch (error) {
      if (signal.aborted) return;
      this.problem = `The history could not be read: ${error.message}`;
      this.dispatchEvent(new Event("change"));
    }
    if (!signal.aborted) this.#wait(this.problem ? AFTER_A_FAILURE : REGULARLY);
  }

  async #readOne(seconds, span, signal) {
    const found = new Map();
    const buckets = new Buckets(seconds, span);
    const query = new URLSearchParams({ tickers: this.#tickers.join(","), bucket: seconds, since: new Date(Date.now() - span * 1000).toISOString() });
    let since = -Infinity;
    for (let page = 0; page < PAGES; page++) {
      const answer = await fetch(new URL(`api/v2/sentiment/series?${query}`, document.baseURI), { signal, cache: "no-store" });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      const { series, since: from, cursor } = await answer.json();
      since = Math.max(since, Date.parse(from));
      for (const { ticker, buckets } of series) found.set(ticker, [...(found.get(ticker) ?? []), ...buckets]);
      if (cursor === null) break;
      query.set("cursor", cursor);
    }
    buckets.load([...found].map(([ticker, buckets]) => ({ ticker, buckets })), since);
    this.#buckets.set(seconds, buckets);
    this.dispatchEvent(new Event("change"));
  }

  /** Read again after `ms`, or sooner if that was said already; not while the tab is hidden. */
  #wait(ms) {
    const at = Date.now() + ms;
    if (at >= this.#waits) return;
    clearTimeout(this.#timer);
    this.#waits = at;
    this.#timer = setTimeout(() => {
      this.#waits = Infinity;
      if (document.hidden) document.addEventListener("visibilitychange", () => this.#wait(0), { once: true });
      else this.#read();
    }, ms);
  }

  #end() {
    this.#reading?.abort();
    clearTimeout(this.#timer);
    this.#waits = Infinity;
  }
}
