/** How a tab reaches the hub of its stream: in a shared worker, in the tab that leads, or in itself. */

import { Hub, turn } from "./shared.hub.js";

export const PING = 30_000; // ms between two signs of life where a tab or the worker has no lock
const ANSWER = 10_000; // ms that a worker is given to load and answer

export const tabLock = (name, id) => `${name} tab ${id}`;

/** Unlike crypto.randomUUID it is there without https, too. */
export function newId() {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("");
}

/** Resolves once the lock is ours → a function that lets go of it. Until then, aborting the signal gives it up. */
function locked(name, signal, options = {}) {
  return new Promise((resolve, reject) => {
    const hold = () => new Promise((release) => resolve(release));
    navigator.locks.request(name, { signal, ...options }, hold).catch(reject);
  });
}

/**
 * Each kind of link is made with the tab: its `id`, `name` (of the stream), `stream` (what a hub opens), `hidden()`,
 * `whole()`, `receive(message)`, and `lost(answered)`, which is called once if the link ends by itself. Throws where the
 * browser cannot do it.
 */
export class WorkerLink {
  role = "worker";
  #tab; #port; #timer; #joined = false; #answered = false; #watched = false;
  #life = new AbortController(); #release = () => {};

  constructor(tab) {
    this.#tab = tab;
    const worker = new SharedWorker(new URL("./shared.worker.js", import.meta.url), { type: "module", name: tab.name });
    worker.onerror = () => this.#answered || this.#lost();
    this.#port = worker.port;
    this.#port.onmessage = ({ data }) => this.#hear(data);
    this.#timer = setTimeout(() => this.#lost(), ANSWER);
    this.#join();
  }

  send(message) {
    if (this.#joined) this.#port.postMessage({ ...message, id: this.#tab.id });
  }

  close() {
    this.#end();
    this.send({ type: "leave" });
    this.#port.close();
    this.#release();
  }

  /** The lock comes first: the worker takes it for a sign of our end when it gets it. */
  async #join() {
    const { id, name, stream, hidden, whole } = this.#tab;
    const { signal } = this.#life;
    try {
      if (navigator.locks) this.#release = await locked(tabLock(name, id), signal);
    } catch {
      return signal.aborted || this.#lost();
    }
    if (signal.aborted) return this.#release();
    this.#joined = true;
    this.send({ type: "join", stream, hidden: hidden(), from: whole(), locks: Boolean(navigator.locks) });
  }

  #hear(message) {
    if (this.#life.signal.aborted) return;
    if (message.type === "unable") return this.#lost();
    clearTimeout(this.#timer);
    this.#answered = true;
    if (message.lock && !this.#watched) this.#watch(message.lock);
    if (!this.#watched) this.#timer = setTimeout(() => this.#lost(), 3 * PING);
    if (message.type === "ping") return this.send({ type: "pong" });
    this.#tab.receive(message);
  }

  /** The worker holds the lock as long as it lives. */
  async #watch(lock) {
    this.#watched = true;
    const { signal } = this.#life;
    const release = await locked(lock, signal, { mode: "shared" }).catch(() => null);
    release?.();
    if (release) this.#lost();
  }

  #lost() {
    if (this.#life.signal.aborted) return;
    this.#end();
    this.#port.close();
    this.#release();
    this.#tab.lost(this.#answered);
  }

  #end() {
    this.#life.abort();
    clearTimeout(this.#timer);
  }
}

/** The stream is this tab's own. */
export class OwnLink {
  role = "alone";
  #tab;

  constructor(tab) {
    this.#tab = tab;
    this.hub = new Hub(newId(), tab.stream, tab.whole());
    this.hub.add(tab.id, (message) => tab.receive(message));
  }

  send(message) {
    if (message.type === "answer") this.hub.answer(message.call, message);
    else if (!message.hidden) this.hub.show(this.#tab.id, false);
  }

  close() {
    this.hub.close();
  }
}

/** The tab that has the lock leads; the others hear it on a channel. */
export class LeaderLink {
  role = "follower";
  #tab; #channel; #own = null; #joining = [];
  #life = new AbortController(); #release = () => {};

  constructor(tab) {
    if (!navigator.locks) throw new Error("this browser has no locks");
    this.#tab = tab;
    this.#channel = new BroadcastChannel(tab.name);
    this.#channel.onmessage = ({ data }) => this.#hear(data);
    this.#channel.postMessage({ type: "join", id: tab.id });
    this.#lead();
  }

  send(message) {
    if (this.#own) this.#own.send(message);
    else if (!message.hidden) this.#channel.postMessage({ type: "wake" });
  }

  close() {
    this.#life.abort();
    this.#own?.close();
    this.#channel.close();
    this.#release();
  }

  async #lead() {
    const { signal } = this.#life;
    try {
      this.#release = await locked(`${this.#tab.name} leader`, signal);
    } catch {
      if (signal.aborted) return;
      this.close();
      return this.#tab.lost(false);
    }
    await turn(); // what the leader before has said may still be under way
    if (signal.aborted) return this.#release();
    this.role = "leader";
    this.#own = new OwnLink(this.#tab);
    this.#own.hub.add("channel", (message) => this.#channel.postMessage(message), { answers: false });
    this.#tell(null);
  }

  /** `to`: ids; null: everybody. */
  #tell(to) {
    this.#channel.postMessage({ ...this.#own.hub.wholeFor("channel"), to });
  }

  #hear(message) {
    if (this.#own) this.#serve(message);
    else if (message.to === null || message.to?.includes(this.#tab.id) || message.type === "events") this.#tab.receive(message);
  }

  /** Who joins in the same turn gets one answer. */
  #serve({ type, id }) {
    if (type === "wake") this.#own.send({ type: "show", hidden: false });
    if (type !== "join" || this.#joining.push(id) > 1) return;
    turn().then(() => this.#life.signal.aborted || this.#tell(this.#joining.splice(0)));
  }
}
