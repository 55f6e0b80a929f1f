// @ts-self-types="./shared.d.ts"
/**
 * One sentiment stream for all tabs of a browser. docs/client.md says how to use it.
 *
 * The stream is held by a hub (shared.hub.js), which is reached by a link (shared.link.js). Here is a tab's copy of its
 * state: each tab applies the same events to the same items, so that any of them can go on when the hub has ended.
 */

import { apply, DEFAULTS, REMEMBERED, Store } from "./client.js";
import { LASTING, PROTOCOL } from "./shared.hub.js";
import { LeaderLink, newId, OwnLink, WorkerLink } from "./shared.link.js";

const LOSSES = 3; // of workers that had answered, until we try another way

export class SharedSentimentStream extends Store {
  items = new Map();
  tickers;
  state = Object.freeze({ name: "connecting", mode: null, why: "Opening the stream.", until: null, status: null });

  #name; #stream; #functions;
  #seen = new Set(); #place = ""; #last = {}; #begun = false; // what a hub goes on from, with the items
  #ways = [WorkerLink, LeaderLink, OwnLink]; #losses = 0;
  #tab = null; #link = null; #role = "worker";
  #hub = ""; #number = 0; // of the last batch
  #running = new Map(); // number of a call → its AbortController
  #life = new AbortController();

  constructor(url, { user = "", snapshot, ticket, ...options } = {}) {
    super();
    const { href } = new URL(url, globalThis.document?.baseURI ?? location.href);
    const { limit, timeout, longestWait } = { ...DEFAULTS, ...options };
    this.#functions = { snapshot, ticket };
    const functions = Object.keys(this.#functions).filter((name) => this.#functions[name]);
    this.#stream = { url: href, functions, limit, timeout, longestWait };
    this.#name = `sentiment ${PROTOCOL} ${JSON.stringify([user, ...Object.values(this.#stream)])}`;
    const { signal } = this.#life;
    const show = () => this.#link?.send({ type: "show", hidden: hidden() });
    addEventListener("pagehide", () => this.#leave(), { signal });
    addEventListener("pageshow", () => this.#enter(), { signal });
    addEventListener("online", show, { signal });
    globalThis.document?.addEventListener("freeze", () => this.#leave(), { signal });
    globalThis.document?.addEventListener("resume", () => this.#enter(), { signal });
    globalThis.document?.addEventListener("visibilitychange", show, { signal });
    globalThis.document?.addEventListener("prerenderingchange", () => this.#enter(), { signal });
    if (!globalThis.document?.prerendering) this.#enter();
  }

  get role() {
    return this.#link?.role ?? this.#role;
  }

  /** No link, lock, timer or listener of ours is left. */
  close() {
    if (this.#life.signal.aborted) return;
    this.#leave();
    this.#show({ ...this.state, name: "closed", why: "Closed by this page.", until: null, status: null });
    this.#life.abort();
  }

  /** What a hub says while a link is made (a tab's own hub does) may close us. */
  #enter() {
    if (this.#tab || this.#life.signal.aborted) return;
    const tab = (this.#tab = {
      id: newId(),
      name: this.#name,
      stream: this.#stream,
      hidden,
      whole: () => (this.#begun ? this.#whole() : undefined),
      receive: (message) => this.#tab === tab && this.#receive(message),
      lost: (answered) => this.#tab === tab && this.#lost(answered),
    });
    const link = this.#reach(tab);
    if (this.#tab === tab) this.#link = link;
    else link.close();
  }

  #reach(tab) {
    for (;;) {
      try {
        return new this.#ways[0](tab);
      } catch (error) {
        if (this.#ways.length === 1) throw error;
        this.#ways.shift();
      }
    }
  }

  /** A page that is put away must hold nothing: neither the lock of the leader nor what keeps it from being put away. */
  #leave() {
    if (this.#link) this.#role = this.#link.role;
    this.#link?.close();
    this.#tab = this.#link = null;
    this.#hub = "";
    for (const asking of this.#running.values()) asking.abort();
    this.#running.clear();
  }

  /** A worker that has answered has died, and the next may live. */
  #lost(answered) {
    this.#leave();
    if (!answered || ++this.#losses === LOSSES) this.#ways.shift();
    this.#enter();
  }

  #receive(message) {
    const { type, hub, number } = message;
    if (type === "whole") {
      this.#hub = hub;
      this.#number = number;
      this.#take(message.whole);
    } else if (type === "events") {
      if (hub !== this.#hub) return;
      if (number === ++this.#number) this.#follow(message);
      else this.#again(); // one is missing
    } else if (type === "call") this.#run(message);
    else if (type === "abort") this.#running.get(message.call)?.abort();
    else if (type === "gone") this.#again(); // we were taken for dead
  }

  #again() {
    this.#leave();
    this.#enter();
  }

  #whole() {
    const { tickers, state } = this;
    return { items: [...this.items.values()], seen: [...this.#seen], place: this.#place, tickers, state, last: this.#last, begun: true };
  }

  /** The state of a hub. To a tab that had one already it is news only where it differs. */
  #take({ items, seen, place, tickers, state, last, begun }) {
    const first = !this.#begun;
    const before = new Map(this.items);
    const differs = !same(before, items);
    const missed = first ? [] : items.flatMap((item) => this.#unseen(item));
    this.#fill(items, [...this.#seen, ...seen]);
    this.#place = place;
    this.tickers = tickers;
    this.#begun ||= begun;
    if (differs || (first && begun)) this.#tell("replaced", { data: { reason: "joined" } });
    this.#show(state);
    for (const name of LASTING) {
      if (last[name] && JSON.stringify(last[name]) !== JSON.stringify(this.#last[name])) this.#tell(name, { data: last[name] });
    }
    this.#last = last;
    for (const { key, data } of missed) {
      const [item, previous] = [this.items.get(key), before.get(key) ?? null];
      if (item) this.#tell("sentiment_update", { data, item, previous, replayed: true, news: true });
    }
  }

  #unseen({ key, tickers, ...shown }) {
    const known = this.items.get(key)?.tickers;
    return [...tickers]
      .filter(([ticker, version]) => known?.get(ticker) !== version && !this.#seen.has(version))
      .map(([ticker, version]) => ({ key, data: { ...shown, ticker, version } }));
  }

  #fill(items, seen) {
    this.items.clear();
    for (const item of items) this.items.set(item.key, Object.freeze(item));
    this.#seen = new Set([...new Set(seen)].slice(-REMEMBERED));
  }

  #follow({ events, place }) {
    const tab = this.#tab;
    for (const event of events) {
      if (this.#tab !== tab) return; // a listener has closed us
      this.#happen(event);
    }
    this.#place = place;
  }

  #happen({ name, data, replayed, tickers, items, seen }) {
    if (name.startsWith("sentiment_")) {
      const change = apply(this.items, this.#seen, this.#stream.limit, name, data);
      this.#begun = true;
      if (change) this.#tell(name, { data, ...change, replayed });
      return;
    }
    this.tickers = tickers;
    if (name === "state") return this.#show(data);
    if (name === "replaced") {
      this.#begun = true;
      this.#fill(items, [...this.#seen, ...seen]);
    }
    if (LASTING.includes(name)) this.#last = { ...this.#last, [name]: data };
    this.#tell(name, { data });
  }

  /** A function of ours, for all tabs. */
  async #run({ call, name, context }) {
    const asking = new AbortController();
    this.#running.set(call, asking);
    this.#answer({ type: "answer", call, begun: true });
    let answer;
    try {
      const value = await this.#functions[name]({ ...context, signal: asking.signal });
      answer = { value: name === "snapshot" ? Array.from(value) : value };
    } catch (error) {
      answer = { error: String(error?.message ?? error) };
    }
    if (asking.signal.aborted) return;
    this.#running.delete(call);
    this.#answer({ type: "answer", call, ...answer });
  }

  #answer(answer) {
    try {
      this.#link?.send(answer);
    } catch (error) { // what came cannot be sent to a worker
      this.#link?.send({ type: "answer", call: answer.call, error: String(error) });
    }
  }

  #show(state) {
    if (this.#life.signal.aborted || JSON.stringify(state) === JSON.stringify(this.state)) return;
    this.state = Object.freeze(state);
    this.#tell("state", { data: state });
  }

  /** What a listener throws is the browser's to report; it does not reach us. */
  #tell(name, members) {
    if (!this.#life.signal.aborted) this.dispatchEvent(Object.assign(new Event(name), members));
  }
}

const hidden = () => globalThis.document?.hidden ?? false;

function same(items, others) {
  let index = 0;
  for (const item of items.values()) {
    const other = others[index++];
    if (other?.key !== item.key || JSON.stringify([...other.tickers]) !== JSON.stringify([...item.tickers])) return false;
  }
  return index === others.length;
}
