/** The connection in a reader's words: Live, Delayed or Disconnected, and why. */

import * as format from "./format.js";

const MODES = {
  push: ["good", "Live", "Changes arrive as they are written."],
  poll: ["warn", "Delayed", "The push path is not trusted now: the table is asked every few seconds, so changes come some seconds late."],
  both: ["warn", "Delayed", "The push path is proving itself; the table is asked as well meanwhile."],
  down: ["bad", "Disconnected", "The service hears of no changes: what you see may be out of date."],
};
const NAMES = { connecting: ["wait", "Connecting"], polling: ["warn", "Delayed"] };
const KEPT = { polling: "The page is brought up to date now and then.", connecting: "" };

export class Connection {
  #badge; #why; #countdown; #age; #status; #tick;

  /** `status` is announced to screen readers when its words change; the others are not. */
  constructor({ badge, why, countdown, age, status }) {
    this.#status = status;
    this.#badge = badge;
    this.#why = why;
    this.#countdown = countdown;
    this.#age = age;
  }

  /** A state of the stream: while it is open the service's mode, which says more than `live`, else its name. */
  show({ name, mode, why, until }) {
    clearInterval(this.#tick);
    this.#countdown.textContent = "";
    if (!why) return this.#words(...(MODES[mode] ?? ["warn", "Delayed", "A mode that this page does not know."]), mode);
    const [tone, word] = NAMES[name] ?? ["bad", "Disconnected"];
    this.#words(tone, word, `${why} ${KEPT[name] ?? "The page shows what it had."}`.trim(), name);
    if (until !== null) this.#count(until);
  }

  /** No stream is opened, since what was asked for cannot be read. */
  refuse(why) {
    clearInterval(this.#tick);
    this.#countdown.textContent = "";
    this.#words("bad", "Not connected", why, "refused");
  }

  /** When the last change came, ms since 1970, or null. */
  age(last, now) {
    format.put(this.#age, last === null ? "no change yet" : `last change ${format.ago(Math.max(0, now - last))}`);
  }

  #count(until) {
    const count = () => {
      const seconds = Math.ceil((until - Date.now()) / 1000);
      this.#countdown.textContent = seconds > 0 ? `next try in ${seconds} s` : "trying";
    };
    count();
    this.#tick = setInterval(count, 1000);
  }

  #words(tone, word, meaning, name) {
    this.#badge.dataset.tone = tone;
    this.#badge.dataset.mode = name;
    format.put(this.#badge, word);
    this.#badge.title = meaning;
    format.put(this.#why, meaning);
    format.put(this.#status, `${word}. ${meaning}`);
  }
}
