/**
 * One stream for several tabs: in a shared worker, or in the tab that leads. What a tab gets is a `whole` state when it
 * joins, then `events` in batches; what it is asked is a `call` of one of its functions.
 */

import { SentimentStream } from "./client.js";

/** Of the messages: raise it when they change. Tabs whose scripts differ in it share nothing. */
export const PROTOCOL = 1;
export const LASTING = ["connected", "metrics", "heartbeat"]; // of which the last is told to who joins
const PAUSE = 50; // ms between two batches
const HIDDEN = 1000; // the same, for a tab that nobody sees
const PATIENCE = 3000; // ms that a tab is given to begin with a call before the next is asked, too

/** Resolves in a later turn; a timer of a hidden page may take a second. */
export function turn() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => { port1.close(); resolve(); };
    port2.postMessage(null);
  });
}

export class Hub {
  #stream; #tabs = new Map(); // by id
  #calls = new Map(); #called = 0;
  #last; #begun; // `begun`: there is a state that is worth telling

  /** Opens at once. `functions`: names of those that the tabs have. `from`: what another hub's `whole` was, to go on. */
  constructor(id, { url, functions, ...options }, { place, items, seen, last = {}, begun = false } = {}) {
    this.id = id;
    this.#last = last;
    this.#begun = begun;
    const asked = Object.fromEntries(functions.map((name) => [name, (context) => this.#call(name, context)]));
    this.#stream = new SentimentStream(url, { ...options, ...asked, place, items, seen });
    this.#listen(this.#stream);
  }

  get size() {
    return this.#tabs.size;
  }

  has(id) {
    return this.#tabs.has(id);
  }

  /** `answers`: it gets a `whole` at once, and can be asked for a call. A channel does neither. */
  add(id, post, { hidden = false, answers = true } = {}) {
    this.#tabs.set(id, { id, post, hidden, answers, queue: [], timer: 0, due: false, sent: 0, number: 0 });
    if (answers) post({ type: "whole", hub: this.id, number: 0, whole: this.whole() });
    for (const call of this.#calls.values()) if (!call.asked.size) this.#ask(call);
  }

  remove(id) {
    const tab = this.#tabs.get(id);
    if (!tab) return;
    this.#tabs.delete(id);
    clearTimeout(tab.timer);
    for (const call of this.#calls.values()) if (call.asked.delete(id)) this.#ask(call);
  }

  /** A tab is seen or hidden. */
  show(id, hidden) {
    const tab = this.#tabs.get(id);
    if (!tab) return;
    tab.hidden = hidden;
    if (hidden) return;
    this.#flush(tab);
    this.#stream.wake();
  }

  /** A tab has begun with a call, or says what came of it. */
  answer(number, { begun, value, error }) {
    const call = this.#calls.get(number);
    if (!call) return;
    if (begun) return clearTimeout(call.timer);
    if (error === undefined) call.resolve(value);
    else call.reject(new Error(error));
    call.end();
  }

  /** The state, for who joins or goes on. */
  whole() {
    const { items, seen, place, tickers, state } = this.#stream;
    return { items: [...items.values()], seen, place, tickers, state, last: this.#last, begun: this.#begun || items.size > 0 };
  }

  /** The `whole` for who listens to a channel, behind what was pending for it. */
  wholeFor(id) {
    const tab = this.#tabs.get(id);
    this.#flush(tab);
    return { type: "whole", hub: this.id, number: tab.number, whole: this.whole() };
  }

  close() {
    for (const tab of this.#tabs.values()) clearTimeout(tab.timer);
    this.#tabs.clear();
    this.#stream.close();
  }

  #listen(stream) {
    for (const name of ["sentiment_update", "sentiment_withdrawn"]) {
      stream.addEventListener(name, ({ data, replayed }) => this.#push({ name, data, replayed }));
    }
    for (const name of [...LASTING, "state", "closing"]) {
      stream.addEventListener(name, ({ data }) => {
        if (LASTING.includes(name)) this.#last = { ...this.#last, [name]: data };
        this.#push({ name, data, tickers: stream.tickers });
      });
    }
    stream.addEventListener("replaced", ({ data }) => {
      this.#begun = true;
      const { tickers, items, seen } = stream;
      this.#push({ name: "replaced", data, tickers, items: [...items.values()], seen });
    });
  }

  #push(event) {
    for (const tab of this.#tabs.values()) {
      tab.queue.push(event);
      if (!tab.due) this.#schedule(tab);
    }
  }

  #schedule(tab) {
    tab.due = true;
    const wait = tab.sent + (tab.hidden ? HIDDEN : PAUSE) - Date.now();
    const flush = () => this.#flush(tab);
    if (wait > 0 && wait <= HIDDEN && !globalThis.document?.hidden) tab.timer = setTimeout(flush, wait);
    else turn().then(flush);
  }

  #flush(tab) {
    clearTimeout(tab.timer);
    tab.due = false;
    if (!tab.queue.length || this.#tabs.get(tab.id) !== tab) return;
    tab.sent = Date.now();
    const events = tab.queue.splice(0);
    tab.post({ type: "events", hub: this.id, number: ++tab.number, events, place: this.#stream.place });
  }

  /** Runs a function in the tabs, one after the other, until one answers. */
  #call(name, { signal, ...context }) {
    const { promise, resolve, reject } = withResolvers();
    const call = { number: ++this.#called, name, context, asked: new Set(), timer: 0, resolve, reject };
    call.end = () => {
      clearTimeout(call.timer);
      this.#calls.delete(call.number);
      for (const id of call.asked) this.#tabs.get(id)?.post({ type: "abort", hub: this.id, call: call.number });
    };
    this.#calls.set(call.number, call);
    signal.addEventListener("abort", call.end);
    this.#ask(call);
    return promise;
  }

  /** The next that was not asked, one that is seen rather than a hidden one. */
  #ask(call) {
    clearTimeout(call.timer);
    const free = [...this.#tabs.values()].filter((tab) => tab.answers && !call.asked.has(tab.id));
    const tab = free.find((it) => !it.hidden) ?? free[0];
    if (!tab) return;
    call.asked.add(tab.id);
    call.timer = setTimeout(() => this.#ask(call), PATIENCE);
    this.#flush(tab);
    tab.post({ type: "call", hub: this.id, call: call.number, name: call.name, context: call.context });
  }
}

function withResolvers() {
  let resolve, reject;
  const promise = new Promise((...both) => { [resolve, reject] = both; });
  return { promise, resolve, reject };
}
