// @ts-self-types="./client.d.ts"
/**
 * A sentiment stream for browsers and workers: one EventSource at a time, and the decisions that it does not take by
 * itself. docs/client.md says how to use it, docs/events.md what comes over the wire.
 *
 * An EventSource gives up for good at any answer but 200, in Firefox also when a reconnect is refused; Chromium's comes
 * back without backoff; neither notices silence. So here every error closes it, and a new one asks with `last_event_id`.
 */

const EVENTS = ["connected", "reset", "sentiment_update", "sentiment_withdrawn", "metrics", "heartbeat", "closing"];
const MODES = { poll: "polling", both: "polling", down: "down" }; // of the service → state; any other is `live`
export const DEFAULTS = Object.freeze({ limit: 10_000, timeout: 20, longestWait: 30 });
export const REMEMBERED = 1000; // versions, to tell news from a repeat
const LEAST = 250; // ms; no server means to be asked without a pause
const PAUSE = 50; // ms between two calls of a subscriber
const LONGEST = 86_400_000; // ms; a timer set to more than 2^31 would fire at once
const CLOSING = {
  drain: "This server is being replaced.",
  lifetime: "Every stream is renewed from time to time.",
  server_busy: "The server has no free stream.",
  slow: "This page could not keep up.",
  ticket_expired: "The ticket has expired.",
  configuration_gone: "The configuration was deleted or disabled.",
};

/** Applies an event, unless it says what `items` has, to it and to `seen`. shared.js does so in each tab. */
export function apply(items, seen, limit, name, data) {
  const { ticker, version, ...shown } = data;
  const key = JSON.stringify([data.source_id, data.timestamp]);
  const previous = items.get(key) ?? null;
  const tickers = new Map(previous?.tickers);
  const withdrawn = name === "sentiment_withdrawn";
  if (withdrawn ? !tickers.delete(ticker) : tickers.get(ticker) === version) return null;
  if (!withdrawn) tickers.set(ticker, version);
  const item = tickers.size ? Object.freeze({ ...(withdrawn ? previous : shown), key, tickers }) : null;
  if (item) items.set(key, item);
  else items.delete(key);
  if (items.size > limit) items.delete(items.keys().next().value);
  const news = withdrawn || !seen.has(version);
  if (!withdrawn) seen.add(version);
  if (seen.size > REMEMBERED) seen.delete(seen.values().next().value);
  return { item, previous, news };
}

/** The state as a value that never changes, for what compares by identity, as React does. shared.js has it, too. */
export class Store extends EventTarget {
  #items = null; #metrics = null; #snapshot = null; // made when asked for, and kept until it is outdated
  #calls = new EventTarget(); #asked = false; #due = false; #called = 0; #pause;

  constructor() {
    super(); // our listener is the first: who asks in another one gets the new state
    const names = ["replaced", "sentiment_update", "sentiment_withdrawn", "connected", "metrics", "state"];
    for (const name of names) this.addEventListener(name, (event) => this.#changed(event));
  }

  snapshot = () => {
    this.#items ??= new Map(this.items);
    const { tickers, state } = this;
    return (this.#snapshot ??= Object.freeze({ items: this.#items, tickers, state, metrics: this.#metrics }));
  };

  subscribe = (listener) => {
    const call = () => listener(); // who subscribes twice is called twice
    this.#calls.addEventListener("change", call);
    this.#asked = true;
    return () => this.#calls.removeEventListener("change", call);
  };

  #changed({ type, data }) {
    this.#snapshot = null;
    if (type === "metrics") this.#metrics = data;
    if (type === "replaced" || type.startsWith("sentiment_")) this.#items = null;
    if (this.#asked) this.#schedule(this.state.name === "closed");
  }

  /** At the end of this task; while much changes, every 50 ms, since each call may cost a copy and a rendering. */
  #schedule(last) {
    if (this.#due && !last) return;
    clearTimeout(this.#pause);
    this.#due = true;
    const wait = this.#called + PAUSE - Date.now();
    if (wait > 0 && wait <= PAUSE && !last) this.#pause = setTimeout(() => this.#call(), wait);
    else queueMicrotask(() => this.#call());
  }

  #call() {
    if (!this.#due) return;
    this.#due = false;
    this.#called = Date.now();
    this.#calls.dispatchEvent(new Event("change"));
  }
}

export class SentimentStream extends Store {
  items = new Map(); // key → item, which is never changed but replaced
  tickers; // of the stream as it last said; null: all
  state = Object.freeze({ name: "connecting", mode: null, why: "Opening the stream.", until: null, status: null });

  #url; #options; #source; #timer; #due;
  #life = new AbortController();
  #attempt = new AbortController(); // one connection and what it waits for, or one wait
  #answered = false; #replaying = true;
  #gathering = null; // at a start and a reset: what came since, until it can replace the state in one step
  #place; #ticket = ""; #seen;
  #failures = 0; #base = 1000; #silence = 45_000; // ms, until the server says its own

  constructor(url, options = {}) {
    super();
    this.#url = new URL(url, globalThis.document?.baseURI ?? location.href);
    const { place = "", items = [], seen = [], ...others } = options;
    this.#options = { ...DEFAULTS, ...others };
    this.#place = place;
    for (const item of items) this.items.set(item.key, Object.freeze(item));
    this.#seen = new Set(seen);
    const { signal } = this.#life;
    addEventListener("online", () => this.state.name === "offline" && this.#open(), { signal });
    addEventListener("offline", () => this.#show({ name: "offline", why: "This device is offline." }), { signal });
    const look = () => document.visibilityState === "visible" && this.wake();
    globalThis.document?.addEventListener("visibilitychange", look, { signal });
    this.#open();
  }

  get place() { return this.#place; }
  get seen() { return [...this.#seen]; }

  /** Somebody looks, perhaps after a sleep in which no timer ran: wait no longer. */
  wake() {
    const dead = this.state.until !== null || this.#source?.readyState === EventSource.CLOSED || Date.now() > this.#due;
    if (dead && !this.#life.signal.aborted) this.#open();
  }

  /** End for good: no connection, timer or listener of ours is left. */
  close() {
    this.#end();
    this.#show({ name: "closed", why: "Closed by this page.", until: null, status: null });
    this.#life.abort();
  }

  async #open() {
    const signal = this.#end();
    this.#watch(1000 * this.#options.timeout);
    this.#show({ until: null });
    try {
      this.#ticket ||= (await this.#options.ticket?.({ signal })) ?? "";
    } catch (error) {
      return signal.aborted || this.#fail(`No ticket could be had: ${error?.message ?? error}`);
    }
    if (signal.aborted) return;
    const source = (this.#source = new EventSource(this.#address()));
    source.onopen = () => { this.#answered = true; };
    source.onerror = () => {
      const refused = !this.#answered && source.readyState === EventSource.CLOSED;
      this.#fail(this.#answered ? "The connection was lost." : "The server cannot be reached.");
      if (refused && !this.#life.signal.aborted) this.#explain(this.#attempt.signal);
    };
    for (const name of EVENTS) source.addEventListener(name, (message) => this.#receive(name, message));
  }

  #address() {
    const url = new URL(this.#url);
    url.searchParams.set("on_full", "wait");
    if (this.#place) url.searchParams.delete("replay");
    else if (!url.searchParams.has("replay")) url.searchParams.set("replay", "60");
    if (this.#place) url.searchParams.set("last_event_id", this.#place);
    if (this.#ticket) url.searchParams.set("ticket", this.#ticket);
    return url;
  }

  #receive(name, { data: text, lastEventId }) {
    let data;
    try {
      data = JSON.parse(text);
    } catch {} // as for what is no object
    if (data === null || typeof data !== "object") return console.warn("dropped an event whose data is no JSON object:", name, lastEventId);
    const { signal } = this.#attempt;
    if (name === "connected") this.#connected(data);
    if (signal.aborted) return; // a listener has closed us
    if (name === "closing") return this.#closing(data);
    if (name === "reset") return this.#reset(data);
    if (this.#replaying || !this.#gathering) this.#watch(this.#silence); // no event excuses a snapshot that does not come
    if (name === "heartbeat") this.#replaying = false; // it ends the replay
    if (!name.startsWith("sentiment_")) this.#tell(name, { data });
    else {
      this.#gathering?.events.push([name, data]);
      if (!this.#gathering || this.#gathering.shown) this.#apply(name, data, this.#replaying);
    }
    if (signal.aborted || !lastEventId) return;
    if (this.#gathering) this.#gathering.place = lastEventId; // ours only when what came before it is applied
    else this.#place = lastEventId;
    this.#settle(data.mode);
  }

  #connected({ retry_ms, heartbeat_seconds, resume, mode, tickers }) {
    this.tickers = tickers ?? null;
    this.#base = retry_ms ?? this.#base;
    this.#silence = 1500 * (heartbeat_seconds ?? 30);
    this.#show({ mode: mode ?? null });
    if (resume === "fresh") this.#gather(resume); // "reset" is followed by the event of that name
  }

  /** At a start, or on a running stream whose configuration changed; either way the next heartbeat ends the replay. */
  #reset({ reason, tickers = this.tickers }) {
    this.tickers = tickers;
    this.#gather(reason);
  }

  #closing(data) {
    const { signal } = this.#attempt;
    this.#tell("closing", { data });
    if (signal.aborted) return;
    if (data.reason === "ticket_expired") this.#ticket = "";
    const wait = Math.max(Number(data.retry_ms ?? this.#base) || 0, LEAST); // spread by the server; who was not live yet waits longer each time
    const name = data.reason === "server_busy" ? "busy" : "reconnecting";
    const why = CLOSING[data.reason] ?? "The server ended the stream.";
    this.#wait(name, why, this.#replaying ? Math.max(wait, this.#backoff()) : wait);
  }

  /**
   * Collect what comes. The snapshot is asked for once the stream is open, so that nothing falls between the two. At a
   * start with nothing to show, what comes is shown all the same, and the snapshot goes under it.
   */
  #gather(reason) {
    const { signal } = this.#attempt;
    const early = reason === "fresh" && !this.items.size;
    const rows = this.#options.snapshot ? null : [];
    const gathering = (this.#gathering = { reason, events: [], rows, place: "", early, shown: false });
    this.#replaying = true;
    if (gathering.rows) return;
    this.#rows(signal).then((rows) => {
      gathering.rows = rows;
      if (gathering === this.#gathering) this.#settle();
    }).catch((error) => signal.aborted || this.#fail(`The snapshot could not be read: ${error?.message ?? error}`));
  }

  async #rows(signal) {
    return Array.from(await this.#options.snapshot({ signal, tickers: this.tickers }));
  }

  /** Past the replay: show it at once if it may be; with the snapshot, replace, apply, live. */
  #settle(mode = this.state.mode) {
    const gathering = this.#gathering;
    if (this.#replaying || (gathering && !gathering.rows && !gathering.early)) return;
    if (gathering) {
      const { signal } = this.#attempt;
      const { reason, rows, events, place, shown } = gathering;
      gathering.shown = true;
      if (rows) {
        this.#gathering = null;
        this.#replace(reason, rows, shown ? events : []);
      }
      if (!shown) for (const [name, data] of [...events]) this.#apply(name, data, true);
      if (signal.aborted) return;
      if (rows) {
        this.#place = place || this.#place;
        this.#watch(this.#silence);
      }
    }
    if (!this.#gathering) this.#failures = 0;
    this.#show({ name: MODES[mode] ?? "live", mode, why: "", until: null, status: null });
  }

  /** `told`: events that came since the snapshot was asked for, and were told. */
  #replace(reason, rows, told = []) {
    this.items.clear();
    for (const row of rows) this.#apply("sentiment_update", row, false, true);
    for (const [name, data] of told) this.#apply(name, data, false, true);
    this.#tell("replaced", { data: { reason } });
  }

  /** A row of a snapshot is an update that is applied silently. */
  #apply(name, data, replayed, silent = false) {
    const change = apply(this.items, this.#seen, this.#options.limit, name, data);
    if (change && !silent) this.#tell(name, { data, ...change, replayed });
  }

  #fail(why) {
    this.#wait("reconnecting", why, this.#backoff());
  }

  /** ms. Full jitter: who was cut together does not come back together. */
  #backoff() {
    return Math.random() * Math.min(1000 * this.#options.longestWait, this.#base * 2 ** this.#failures++);
  }

  #wait(kind, why, delay) {
    const signal = this.#end();
    delay = Math.min(delay, LONGEST);
    const polls = this.#options.snapshot && (kind === "busy" || this.#failures > 1);
    const name = navigator.onLine === false ? "offline" : kind;
    this.#timer = setTimeout(() => this.#open(), delay);
    // Who polled goes on to; if this one fails, #poll says so.
    this.#show({ name: polls && this.state.name === "polling" ? "polling" : name, why, until: Math.round(Date.now() + delay), status: null });
    if (polls && !signal.aborted) this.#poll(signal, name);
  }

  /** No stream is to be had: the snapshot keeps the page current. The place stays, since repeats are harmless. */
  async #poll(signal, otherwise) {
    const rows = await this.#rows(signal).catch(() => null);
    if (signal.aborted) return;
    if (rows) this.#replace("polled", rows);
    if (!signal.aborted) this.#show({ name: rows ? "polling" : otherwise });
  }

  /** EventSource hides why it was refused; one plain request tells, unless it is to another origin that hides it, too. */
  async #explain(signal) {
    const asking = new AbortController();
    signal.addEventListener("abort", () => asking.abort());
    const ask = (more) => fetch(this.#address(), { signal: asking.signal, cache: "no-store", ...more }).catch(() => null);
    const response = await ask();
    if (!response && this.#url.origin !== self.origin) await this.#suspect(signal, ask);
    const type = response?.headers.get("content-type") ?? "no content type";
    const problem = response?.ok === false ? await response.json().catch(() => null) : null;
    asking.abort(); // it may be a stream, and would hold a slot; firefox does not let go of a body that is cancelled
    if (!response || signal.aborted || (response.ok && type.startsWith("text/event-stream"))) return;
    if (response.status === 401) this.#ticket = "";
    const said = response.ok ? `with ${type}, which is no event stream` : response.status;
    const why = `The server answered ${said}.${typeof problem?.detail === "string" ? ` ${problem.detail}` : ""}`;
    this.#show({ name: response.status === 503 ? "busy" : this.state.name, why, status: response.status });
  }

  /** "Failed to fetch" is all that is said of a server that is away, and of one that does not allow our origin. */
  async #suspect(signal, ask) {
    const unnamed = "most likely its setting CORS_ORIGINS does not name that origin";
    if (signal.aborted) return;
    this.#show({ why: `The server cannot be reached from ${self.origin}. If it runs, ${unnamed}.` });
    if (!(await ask({ mode: "no-cors" })) || signal.aborted) return;
    this.#show({ why: `The server answers, but not to pages of ${self.origin}: ${unnamed}, or a gateway answered in its place.` });
  }

  /** Comments are invisible to scripts, so silence is measured in named events. */
  #watch(ms) {
    clearTimeout(this.#timer);
    ms = Math.min(ms, LONGEST);
    this.#due = Date.now() + ms;
    this.#timer = setTimeout(() => {
      const waiting = this.#gathering && !this.#replaying ? "The snapshot did not come." : "The stream fell silent.";
      this.#fail(this.#answered ? waiting : "The server did not answer.");
    }, ms);
  }

  /** End this attempt → the signal of the next. */
  #end() {
    this.#attempt.abort();
    this.#source?.close();
    clearTimeout(this.#timer);
    this.#source = this.#gathering = null;
    this.#answered = false;
    this.#replaying = true;
    this.#attempt = new AbortController();
    return this.#attempt.signal;
  }

  #show(changes) {
    const state = { ...this.state, ...changes };
    if (JSON.stringify(state) === JSON.stringify(this.state)) return;
    this.state = Object.freeze(state);
    this.#tell("state", { data: state });
  }

  /** What a listener throws is the browser's to report (console, `window.onerror`); it does not reach us. */
  #tell(name, members) {
    if (!this.#life.signal.aborted) this.dispatchEvent(Object.assign(new Event(name), members));
  }
}
