/** What a tab in the background has missed, in its title and its icon. */

export class Attention extends EventTarget {
  #name = "Sentiment"; #missed = 0; #alerts = 0; #icon; #plain;

  /** `icon`: the link element of the favicon. Fires `returned` with the number of changes that came in the background. */
  constructor(icon) {
    super();
    this.#icon = icon;
    this.#plain = icon.getAttribute("href");
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) return;
      const missed = this.#missed;
      this.#missed = 0;
      this.#show();
      if (missed) this.dispatchEvent(Object.assign(new Event("returned"), { data: missed }));
    });
  }

  /** What the page shows, in words. */
  name(words) {
    this.#name = words === "All tickers" ? "Sentiment" : `${words} · Sentiment`;
    this.#show();
  }

  /** One more change came. */
  count() {
    if (!document.hidden) return;
    this.#missed++;
    this.#show();
  }

  alerts(unseen) {
    this.#alerts = unseen;
    this.#show();
  }

  #show() {
    const alerts = this.#alerts && `${this.#alerts} ${this.#alerts === 1 ? "alert" : "alerts"}`;
    const missed = this.#missed && (this.#missed > 99 ? "99+" : String(this.#missed));
    const note = [alerts, missed].filter(Boolean).join(", ");
    const title = note ? `(${note}) ${this.#name}` : this.#name;
    if (document.title !== title) document.title = title;
    const href = note ? this.#plain.replace("icon.svg", "icon-new.svg") : this.#plain;
    if (this.#icon.getAttribute("href") !== href) this.#icon.setAttribute("href", href);
  }
}
