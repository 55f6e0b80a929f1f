/** Which rows the feed shows, and when: it follows what comes while the reader lets it, and counts meanwhile. */

import { admits, narrowsFeed } from "./address.js";
import { ROWS } from "./feed.js";
import * as format from "./format.js";
import { Sampler } from "./sampler.js";

const MEASURED = 2000; // ms; the sampling is judged over it
const NOTED = 30_000; // ms for which a note stays

export class Following {
  #app; #feed; #parts; #sampler = new Sampler(); #rebuild = true; #came = []; #shown = []; #note = { words: "", until: 0 };

  /** `feed`: of feed.js. `parts`: {follow, news, sampling, empty}, a checkbox, a button and two texts. */
  constructor(app, feed, parts) {
    this.#app = app;
    this.#feed = feed;
    this.#parts = parts;
    app.addEventListener("view", () => { this.#rebuild = true; });
    parts.follow.addEventListener("change", () => app.schedule());
    feed.addEventListener("held", () => app.schedule());
    parts.news.addEventListener("click", () => this.catchUp());
  }

  /** Show the newest items and go on following. */
  catchUp() {
    this.#feed.toTop();
    document.activeElement?.blur();
    this.#rebuild = true;
    this.#app.schedule();
  }

  /** Say something beside the feed for half a minute. */
  note(words, now) {
    this.#note = { words, until: now + NOTED };
    this.#app.schedule();
  }

  /** `changed`: the items that changed since the last drawing. */
  draw(changed, now) {
    if (this.#rebuild || this.#app.replaced) this.#show();
    else this.#follow(changed, now);
    this.#rebuild = this.#app.replaced = false;
    this.#say(now);
  }

  #show() {
    const { view, items } = this.#app;
    this.#sampler.clear();
    this.#feed.show([...items.values()].filter((item) => admits(view, item)).slice(-ROWS));
  }

  #follow(changed, now) {
    let fresh = 0;
    for (const item of changed) {
      if (this.#feed.has(item)) this.#feed.redraw(item);
      else if (!item.withdrawn && admits(this.#app.view, item)) {
        this.#sampler.add(item);
        fresh++;
      }
    }
    this.#came.push([now, fresh]);
    if (!this.#parts.follow.checked || this.#feed.held) return;
    const taken = this.#sampler.take(now);
    this.#feed.add(taken);
    this.#shown.push([now, taken.length]);
  }

  #say(now) {
    const { follow, news, sampling, empty } = this.#parts;
    this.#feed.busy = this.#app.stream !== null && !this.#app.caughtUp;
    const stands = !follow.checked || this.#feed.held;
    const waiting = stands ? this.#sampler.waiting : 0;
    news.hidden = !waiting;
    if (waiting) format.put(news, `${format.count(waiting)} new`);
    const rate = (counts) => {
      while (counts.length && counts[0][0] < now - MEASURED) counts.shift();
      return Math.round(counts.reduce((sum, [, count]) => sum + count, 0) / (MEASURED / 1000));
    };
    const came = rate(this.#came), shown = rate(this.#shown);
    const sampled = !stands && came > 2 * shown && came > 5;
    const ratio = sampled ? `${shown} of ${came} a second are shown, the strongest of each ticker` : "";
    const words = now < this.#note.until ? this.#note.words : ratio;
    if (sampling.textContent !== words) sampling.textContent = words;
    if (sampled || (!stands && this.#sampler.waiting)) this.#app.schedule(); // no event may come that draws what waits
    empty.hidden = this.#feed.size > 0;
    if (!this.#feed.size) format.put(empty, this.#why());
  }

  /** Why there is no row. */
  #why() {
    const { view, stream, caughtUp, items, problems, tickers, narrowed } = this.#app;
    if (!stream) return problems[0]?.message ?? "Nothing is asked for.";
    if (!caughtUp) return "The newest items are being read.";
    if (items.size && narrowsFeed(view)) return `None of the ${format.count(items.size)} items here passes the filter. Changes that do appear as they come.`;
    if (narrowed && tickers.length) return `Nothing is known of ${tickers.join(", ")}. Changes appear here as they are written.`;
    return "Nothing is known yet. The next change appears here.";
  }
}
