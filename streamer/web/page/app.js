/**
 * What the page knows and where it comes from: the address says what is asked for, one stream (shared by all tabs) brings
 * the items, the series endpoint the history. Views listen, and draw at most four times a second.
 *
 * Events: `view` (what is asked for changed), `state`, `news` (an update that is new, with the members of the client's
 * event), `draw`, `tick` (each second that the page can be seen), `pause`.
 */

import { SharedSentimentStream } from "../shared.js";
import { EVERYTHING, formatAddress, parseAddress } from "./address.js";
import { Series } from "./series.js";
import { snapshotOf } from "./snapshot.js";

const EVERY = 250; // ms between two drawings
const MOVERS = 20; // tickers of the board where none are asked for
const REPLAY = 5; // s; the snapshot brings what is older
const ASLEEP = 5000; // ms without a tick; what comes right after it was waiting in a buffer

export class App extends EventTarget {
  view = EVERYTHING;
  /** What of the address could not be read: [{field, message}]. */
  problems = [];
  /** Of items.js; the first rows may be in it before the stream has its own. */
  items;
  series = new Series();
  /** The stream, or null where nothing can be asked for. */
  stream = null;
  metrics = null;
  heartbeat = null;
  /** Ticker → when it last changed on this page, ms since 1970. */
  last = new Map();
  /** When anything last changed. */
  lastChange = null;
  /** Past the first snapshot: only then is an empty page said to be empty. */
  caughtUp = false;
  /** The items may be in another order. */
  replaced = false;
  paused = false;
  /** When the page was not live, in ms: [{from, to, why}]; the last one may still go on. */
  gaps = [];

  #identity; #timer; #drawn = -EVERY; #movers = []; #ticked = Date.now(); #woke = -Infinity;

  /** `identity`: {user, ticket}, who looks at the page, and the tickets for the stream of a watchlist. */
  constructor(items, identity) {
    super();
    this.items = items;
    this.#identity = identity;
    addEventListener("popstate", () => this.#read());
    document.addEventListener("visibilitychange", () => this.schedule());
    this.series.addEventListener("change", () => this.schedule());
  }

  start() {
    this.#read();
    setInterval(() => this.#tick(Date.now()), 1000);
    navigator.locks?.request("sentiment dashboard", { mode: "shared" }, () => new Promise(() => {})); // see early.js
  }

  /** Show another view: these members of it change. `aside`: the way back skips it. */
  go(changes, { aside = false } = {}) {
    if (changes.tickers?.length && !("watchlist" in changes)) changes = { ...changes, watchlist: "" };
    const view = { ...this.view, ...changes };
    const address = location.pathname + formatAddress(view);
    if (address === location.pathname + location.search && !this.problems.length) return;
    history[aside ? "replaceState" : "pushState"](null, "", address);
    this.#read();
  }

  pause(paused = !this.paused) {
    this.paused = paused;
    this.#fire("pause");
    this.#draw();
  }

  /** The tickers that the board and the chart show: those asked for, else those with the most items. */
  get tickers() {
    return this.stream?.tickers ?? (this.view.tickers.length ? this.view.tickers : this.#movers);
  }

  /** Whether the page shows a part of all tickers. */
  get narrowed() {
    return Boolean(this.view.tickers.length || this.view.watchlist);
  }

  /** Draw soon. */
  schedule() {
    if (document.hidden || this.#timer) return;
    const wait = Math.max(0, this.#drawn + EVERY - performance.now());
    this.#timer = setTimeout(() => requestAnimationFrame(() => this.#draw()), wait);
  }

  #draw() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#drawn = performance.now();
    this.#fire("draw");
  }

  #read() {
    const before = this.view;
    const { view, problems } = parseAddress(location.search);
    this.view = view;
    this.problems = problems;
    const source = ({ tickers, watchlist }) => `${watchlist}?${tickers}`;
    const blocked = problems.some(({ field }) => field === "tickers" || field === "watchlist") && !this.narrowed;
    if (!this.stream || blocked || source(before) !== source(view)) this.#open(blocked);
    this.series.want(this.tickers, view.range);
    this.#fire("view");
    this.schedule();
  }

  #tick(now) {
    this.#noticeSleep(now);
    this.#ticked = now;
    if (!document.hidden) this.#fire("tick");
  }

  #noticeSleep(now) {
    if (now - this.#ticked > ASLEEP) this.#woke = now;
  }

  /** What could not be read is never asked for. */
  #open(blocked) {
    const before = this.stream;
    this.stream = null; // what it says at its end is not ours
    before?.close();
    if (before) this.items.replace([], 0);
    this.series.forget();
    this.last.clear();
    this.lastChange = null;
    this.caughtUp = false;
    this.replaced = true;
    if (blocked) return;
    const { watchlist } = this.view;
    const stream = (this.stream = new SharedSentimentStream(this.streamUrl, {
      limit: this.items.limit,
      snapshot: (context) => snapshotOf(context, stream.state.until !== null),
      ...(watchlist && { ticket: (context) => this.#identity.ticket(watchlist, context), user: this.#identity.user() ?? "" }),
    }));
    for (const name of ["state", "replaced", "sentiment_update", "sentiment_withdrawn", "metrics", "heartbeat"]) {
      stream.addEventListener(name, (event) => stream === this.stream && this.#receive(event));
    }
  }

  /** Of the view. */
  get streamUrl() {
    const { watchlist, tickers } = this.view;
    const url = new URL(watchlist ? `api/v2/configurations/${watchlist}/stream` : "api/v2/stream", document.baseURI);
    if (!watchlist && tickers.length) url.searchParams.set("tickers", tickers.join(","));
    url.searchParams.set("replay", REPLAY);
    return url;
  }

  #receive(event) {
    const { type, data } = event;
    if (type === "state") this.#state(data);
    else if (type === "metrics") this.#count(data);
    else if (type === "heartbeat") this.heartbeat = data;
    else if (type === "replaced") this.#replace();
    else this.#change(event);
    this.schedule();
  }

  #state(state) {
    if (this.#refused(state)) return this.#give(state.why);
    const current = ["live", "polling"].includes(state.name);
    const gap = this.gaps.at(-1);
    const open = gap?.to === Infinity;
    if (!current && !open && this.caughtUp) this.gaps.push({ from: Date.now(), to: Infinity, why: "the page was not live" });
    if (current && open) gap.to = Date.now();
    if (this.gaps.length > 100) this.gaps.shift();
    this.#fire("state");
  }

  /** What was asked for is wrong, and stays so. */
  #refused({ status }) {
    return status === 400 || status === 422 || (status === 404 && this.view.watchlist !== "");
  }

  #give(message) {
    this.problems = [...this.problems, { field: this.view.watchlist ? "watchlist" : "tickers", message }];
    this.#open(true);
    this.#fire("view");
  }

  #replace() {
    this.items.replace(this.stream.items.values(), Date.now());
    this.caughtUp = this.replaced = true;
    this.series.want(this.tickers, this.view.range);
    this.series.readAgain();
  }

  #change(event) {
    const now = Date.now();
    this.#noticeSleep(now);
    const seen = document.hidden ? "hidden" : this.paused ? "paused" : now - this.#woke < ASLEEP ? "asleep" : "live";
    const arrival = event.replayed ? "replayed" : seen;
    const delta = event.type === "sentiment_update" ? this.items.update(event, arrival, now) : this.items.withdraw(event, arrival, now);
    if (event.replayed) this.series.readAgain();
    else this.series.apply(delta);
    if (!event.news) return;
    const at = event.replayed ? Date.parse(event.data.committed_at ?? event.data.timestamp) || now : now;
    this.last.set(delta.ticker, Math.max(at, this.last.get(delta.ticker) ?? 0));
    this.lastChange = Math.max(at, this.lastChange ?? 0);
    if (event.type === "sentiment_update" && (this.caughtUp || !event.replayed)) this.#fire("news", event);
  }

  #count(metrics) {
    this.metrics = metrics;
    const { other, ...tags } = metrics.by_tag;
    const order = Object.entries(tags).sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).map(([ticker]) => ticker);
    const added = order.filter((ticker) => !this.#movers.includes(ticker)).slice(0, Math.max(0, MOVERS - this.#movers.length));
    this.#movers = [...this.#movers, ...added];
    this.series.want(this.tickers, this.view.range);
  }

  #fire(name, source) {
    this.dispatchEvent(Object.assign(new Event(name), source ? { data: source.data, item: source.item, previous: source.previous } : {}));
  }
}
