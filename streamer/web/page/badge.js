/** The connection in plain words. Only the words are announced to screen readers, not the seconds that count down. */

const MODES = {
  push: ["good", "Changes arrive as they are written."],
  poll: ["warn", "The push path is not trusted now: the table is asked every few seconds, so changes come some seconds late."],
  both: ["warn", "The push path is proving itself; the table is asked as well meanwhile."],
  down: ["bad", "The service hears of no changes: what you see may be out of date."],
};
const TONES = { connecting: "wait", reconnecting: "warn", busy: "warn", polling: "warn", offline: "bad" };

export class Badge {
  #tick;

  constructor(line, countdown) {
    this.line = line;
    this.countdown = countdown;
  }

  /** A state of the stream: while it is open the service's mode, which says more than `live`, else its name. */
  show({ name, mode, why, until }) {
    clearInterval(this.#tick);
    this.countdown.textContent = "";
    if (!why) return this.#words(mode ?? name, ...(MODES[mode] ?? ["warn", "A mode that this page does not know."]));
    const kept = name === "polling" ? "The page is brought up to date now and then." : "The page shows what it had.";
    this.#words(name, TONES[name] ?? "warn", name === "connecting" ? why : `${why} ${kept}`);
    if (name !== "connecting") this.#count(until);
  }

  #count(until) {
    const count = () => {
      const seconds = Math.ceil((until - Date.now()) / 1000);
      this.countdown.textContent = seconds > 0 ? `next try in ${seconds} s` : "trying";
    };
    count();
    this.#tick = setInterval(count, 1000);
  }

  #words(word, tone, meaning) {
    const [badge, words] = this.line.children;
    badge.dataset.tone = tone;
    if (badge.textContent !== word) badge.textContent = word;
    if (words.textContent !== meaning) words.textContent = meaning;
  }
}
