/** The connection in plain words. Only the words are announced to screen readers, not the seconds that count down. */

const MODES = {
  push: ["good", "Changes arrive as they are written."],
  poll: ["warn", "The push path is broken: the table is asked every few seconds, so changes come late and deletions not at all."],
  both: ["warn", "The push path is proving itself; the table is asked as well meanwhile."],
  down: ["bad", "The service hears of no changes: what you see may be out of date."],
};

export class Badge {
  #mode = null;
  #tick;

  constructor(line, countdown) {
    this.line = line;
    this.countdown = countdown;
  }

  /** The service's mode, from `connected` and `heartbeat`. */
  mode(mode) {
    if (!mode) return;
    this.#mode = mode;
    this.#show(mode, ...(MODES[mode] ?? ["warn", "A mode that this page does not know."]));
  }

  /** The connection's phase, as `Stream` tells it. */
  phase({ name, why, until }) {
    clearInterval(this.#tick);
    this.countdown.textContent = "";
    if (name === "connecting" && !this.#mode) this.#show("connecting", "wait", "Opening the stream.");
    if (name !== "waiting") return;
    this.#show("reconnecting", "warn", `${why} The page shows what it had.`);
    const count = () => {
      const seconds = Math.ceil((until - Date.now()) / 1000);
      this.countdown.textContent = seconds > 0 ? `next try in ${seconds} s` : "trying";
    };
    count();
    this.#tick = setInterval(count, 1000);
  }

  #show(word, tone, meaning) {
    const [badge, words] = this.line.children;
    badge.dataset.tone = tone;
    if (badge.textContent !== word) badge.textContent = word;
    if (words.textContent !== meaning) words.textContent = meaning;
  }
}
