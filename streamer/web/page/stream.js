/**
 * The connection: one EventSource at a time, and the decisions it does not take by itself.
 *
 * A native EventSource gives up for good on any answer but 200, and Chromium retries a refused connection without backoff.
 * So every error closes it here; the next one asks with `last_event_id` to go on where this one ended.
 */

const EVENTS = ["connected", "reset", "sentiment_update", "sentiment_withdrawn", "metrics", "heartbeat", "closing"];
const LONGEST_WAIT = 30_000;

export class Stream {
  #url; #listener; #source; #waiting; #timer; #watchdog;
  #place = "";
  #failures = 0;
  #base = 1000;
  #silence = 75_000;

  /**
   * `url`: a URL with the filters of a fresh stream. `listener.event(name, data)` gets every event in order;
   * `listener.phase(phase)` gets {name: "connecting" | "open"} or {name: "waiting", why, until} (ms since 1970).
   */
  constructor(url, listener) {
    this.#url = url;
    this.#listener = listener;
    addEventListener("online", () => this.#waiting && this.open());
  }

  /** Connect now. Called once by the page, then only from here. */
  open() {
    this.#stop();
    this.#listener.phase({ name: "connecting" });
    const source = this.#source = new EventSource(this.#address());
    for (const name of EVENTS) source.addEventListener(name, (message) => this.#receive(name, message));
    let answered = false;
    source.onopen = () => { answered = true; };
    source.onerror = () => this.#failed("The connection was lost.", !answered && source.readyState === EventSource.CLOSED);
    this.#watch();
  }

  #address() {
    const url = new URL(this.#url);
    if (this.#place) {
      url.searchParams.delete("replay");
      url.searchParams.set("last_event_id", this.#place);
    }
    return url;
  }

  #receive(name, message) {
    this.#watch();
    let data;
    try {
      data = JSON.parse(message.data);
    } catch {
      return console.warn("dropped an event whose data is no JSON", name, message.lastEventId);
    }
    if (name === "connected") {
      this.#base = data.retry_ms ?? this.#base;
      this.#silence = 2500 * (data.heartbeat_seconds ?? 30);
      this.#listener.phase({ name: "open" });
    }
    if (name === "heartbeat") this.#failures = 0; // past the replay: this connection has proved itself
    this.#listener.event(name, data);
    if (message.lastEventId) this.#place = message.lastEventId;
    if (name === "closing") this.#wait(CLOSING[data.reason] ?? "The server ended the stream.", data.retry_ms ?? this.#base);
  }

  #failed(why, refused) {
    const limit = Math.min(LONGEST_WAIT, this.#base * 2 ** this.#failures++);
    this.#wait(why, Math.random() * limit); // full jitter: who was cut together does not come back together
    if (refused) this.#explain(this.#waiting);
  }

  /** EventSource hides why it was refused; one plain request tells. */
  async #explain(waiting) {
    const abort = new AbortController();
    try {
      const response = await fetch(this.#address(), { signal: abort.signal });
      if (response.ok || waiting !== this.#waiting) return;
      const { detail } = await response.json().catch(() => ({}));
      this.#listener.phase({ ...waiting, why: `The server answered ${response.status}. ${typeof detail === "string" ? detail : ""}` });
    } catch {
      // Not reachable at all: the plain reason is on the screen.
    } finally {
      abort.abort(); // a 200 is a stream, and would hold a slot
    }
  }

  #wait(why, delay) {
    this.#stop();
    this.#waiting = { name: "waiting", why, until: Date.now() + delay };
    this.#listener.phase(this.#waiting);
    this.#timer = setTimeout(() => this.open(), delay);
  }

  /** Comment lines are invisible to scripts, so silence is measured in named events: two heartbeats missed. */
  #watch() {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.#failed("The stream fell silent."), this.#silence);
  }

  #stop() {
    this.#source?.close();
    clearTimeout(this.#timer);
    clearTimeout(this.#watchdog);
    this.#waiting = null;
  }
}

const CLOSING = {
  drain: "This server is being replaced.",
  lifetime: "Every stream is renewed from time to time.",
  server_busy: "The server has no free stream.",
  slow: "This page could not keep up.",
};
