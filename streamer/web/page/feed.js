/**
 * The feed on the screen: one row an item, the newest on top, at most ROWS of them. Every text goes in as text, never as
 * markup. A row keeps its place in the list, above those that came before, and the list is moved down by as much: so a new
 * row costs two transforms, no layout, and no style of the others.
 */

import { element } from "./element.js";
import * as format from "./format.js";

export const ROWS = 60;
const FAR = 10_000; // places; then they are given anew, long before a transform gets inexact
const WITHDRAWN = { deleted: "deleted", unscored: "no longer scored", ticker_removed: "tickers removed" };
const ARRIVALS = { replayed: "replayed", snapshot: "earlier", hidden: "tab hidden", paused: "paused", asleep: "while asleep" };

export class FeedView extends EventTarget {
  #rows = new Map(); // item → row, in the order of their places: the oldest first
  #list; #template; #scroller; #places = 0;

  /**
   * Fires `open` with the item of a row that the reader chose, `point` with the one under the pointer or null, and `held`
   * when `held` may be another.
   */
  constructor(list, template, scroller) {
    super();
    this.#list = list;
    this.#template = template;
    this.#scroller = scroller;
    const fire = (name, data) => this.dispatchEvent(Object.assign(new Event(name), { data }));
    list.addEventListener("click", (event) => {
      const item = this.#itemOf(event.target);
      if (item && !event.target.closest("a")) fire("open", item);
    });
    list.addEventListener("pointerover", (event) => fire("point", this.#itemOf(event.target)));
    list.addEventListener("pointerleave", () => fire("point", null));
    list.addEventListener("pointerleave", () => fire("held"));
    list.addEventListener("focusout", () => fire("held"));
    scroller.addEventListener("scroll", () => fire("held"), { passive: true });
  }

  /** Why the feed should not move now: the reader points at it, has moved into it by key, or has scrolled. */
  get held() {
    return this.#scroller.scrollTop > 4 || this.#list.matches(":hover") || this.#list.contains(document.activeElement);
  }

  /** Whether the first items are still on their way; readers of the screen wait for them. */
  set busy(busy) {
    if (this.#list.ariaBusy !== String(busy)) this.#list.ariaBusy = String(busy);
  }

  get size() {
    return this.#rows.size;
  }

  has(item) {
    return this.#rows.has(item);
  }

  /** What the screen shows, the newest first. */
  get items() {
    return [...this.#rows.keys()].reverse();
  }

  /** Show these items and no others, the oldest first, as they are now. Rows of items that stay are kept. */
  show(items) {
    const kept = new Set(items.slice(-ROWS));
    for (const item of this.#rows.keys()) if (!kept.has(item)) this.#remove(item);
    const rows = this.#rows;
    this.#rows = new Map();
    this.#places = 0;
    for (const item of kept) {
      const row = rows.get(item);
      if (row) fill(row, item);
      this.#put(item, row ?? this.#make(item));
    }
    this.#settle();
  }

  /** Put rows on top: [{item, more, ticker}] of sampler.js, the oldest first. */
  add(taken) {
    if (this.#places > FAR) this.show([...this.#rows.keys()]);
    for (const { item, more, ticker } of taken) {
      if (this.#rows.has(item)) continue;
      const row = this.#make(item);
      if (more) alsoCame(row, more, ticker);
      this.#put(item, row);
    }
    while (this.#rows.size > ROWS) this.#remove(this.#rows.keys().next().value);
    if (taken.length) this.#settle();
  }

  /** Draw an item again, where it is. */
  redraw(item) {
    const row = this.#rows.get(item);
    if (row) fill(row, item);
  }

  /** Mark the rows of the items in [from, to) ms; null: none. */
  mark(span) {
    for (const [item, row] of this.#rows) {
      const time = Date.parse(item.timestamp);
      row.toggleAttribute("data-marked", span !== null && time >= span.from && time < span.to);
    }
  }

  /** Move the focus by so many rows, from the one of `item`, else from the one that has it, else from the top → the item. */
  step(by, item = null) {
    const rows = [...this.#list.children];
    const at = rows.indexOf(this.#rows.get(item) ?? document.activeElement?.closest?.("#feed > li"));
    const row = rows[Math.min(rows.length - 1, Math.max(0, at < 0 ? 0 : at + by))];
    row?.querySelector(".time").focus({ preventScroll: false });
    row?.scrollIntoView({ block: "nearest" });
    return this.#itemOf(row);
  }

  toTop() {
    this.#scroller.scrollTop = 0;
  }

  #itemOf(node) {
    const row = node?.closest?.("#feed > li");
    return [...this.#rows].find(([, known]) => known === row)?.[0] ?? null;
  }

  #make(item) {
    const row = this.#template.content.firstElementChild.cloneNode(true);
    fill(row, item);
    return row;
  }

  #remove(item) {
    this.#rows.get(item).remove();
    this.#rows.delete(item);
  }

  /** On top of all. */
  #put(item, row) {
    this.#rows.set(item, row);
    row.style.transform = `translateY(calc(var(--row) * ${-this.#places++}))`;
    if (this.#list.firstElementChild !== row) this.#list.prepend(row);
  }

  #settle() {
    this.#list.style.transform = `translateY(calc(var(--row) * ${this.#places - 1}))`;
    this.#list.parentElement.style.height = `calc(var(--row) * ${this.#rows.size})`;
    const first = this.#list.firstElementChild?.querySelector(".time");
    for (const button of this.#list.querySelectorAll(".time[tabindex='0']")) if (button !== first && button !== document.activeElement) button.tabIndex = -1;
    if (first) first.tabIndex = 0;
  }
}

function fill(row, item) {
  row.dataset.label = item.label;
  row.toggleAttribute("data-withdrawn", Boolean(item.withdrawn));
  const cell = (name) => row.querySelector(`.${name}`);
  const when = cell("time");
  format.put(when, format.time(item.timestamp));
  when.title = item.timestamp;
  when.setAttribute("aria-label", `${format.time(item.timestamp)}, ${[...item.tickers.keys()].join(" ")}, ${item.label} ${format.score(item.score)}: details`);
  chips(cell("chips"), item.tickers);
  format.put(cell("label"), `${format.GLYPHS[item.label] ?? "?"} ${item.label}`);
  gauge(cell("gauge"), item.score);
  format.put(cell("value"), format.score(item.score));
  format.put(cell("source"), item.source);
  cell("source").title = item.source_id;
  mark(cell("mark"), item);
  late(cell("lateness"), item);
}

function chips(cell, tickers) {
  const words = [...tickers].map(([name, { withdrawn }]) => `${withdrawn ? "-" : ""}${name}`).join(" ");
  if (cell.dataset.shown === words) return;
  cell.dataset.shown = words;
  cell.replaceChildren(...[...tickers].map(([name, { withdrawn }]) => element("a", {
    className: "chip", tabIndex: -1, href: linkTo(name), ...(withdrawn && { "data-withdrawn": "" }),
  }, name, ...(withdrawn ? [element("span", { className: "vh", textContent: " withdrawn" })] : []))));
}

function linkTo(ticker) {
  return `?tickers=${encodeURIComponent(ticker)}`;
}

/** What the row says beside the item: withdrawn, or what it was before a correction, or how many more came. */
function mark(cell, item) {
  if (!item.withdrawn && !item.was && cell.querySelector("a")) return;
  let [words, title] = ["", ""];
  if (item.withdrawn) words = title = `withdrawn: ${WITHDRAWN[item.withdrawn] ?? item.withdrawn}`;
  else if (item.was) {
    const { label, score } = item.was;
    words = `was ${format.GLYPHS[label] ?? label} ${format.score(score)}`;
    title = `corrected, was ${label} ${format.score(score)}`;
  }
  if (cell.textContent !== words) cell.textContent = words;
  cell.title = title;
}

function alsoCame(row, more, ticker) {
  const cell = row.querySelector(".mark");
  if (cell.textContent) return;
  const count = format.count(more);
  cell.append(element("a", { tabIndex: -1, href: linkTo(ticker), title: `${count} more for ${ticker}, not shown` },
    `+${count} more`, element("span", { className: "vh", textContent: ` for ${ticker}` })));
}

function gauge(cell, score) {
  const bar = cell.firstElementChild;
  const size = Math.min(Math.abs(score ?? 0), 1) * 50;
  bar.style.width = `${size}%`;
  bar.style.left = `${score < 0 ? 50 - size : 50}%`;
}

function late(cell, { late: measured, arrival }) {
  format.put(cell, measured ? format.latency(measured) : ARRIVALS[arrival]);
  cell.title = !measured ? "How it came" : measured.exact ? "From write to screen, by updated_at, the writer's clock" : "At most: from committed_at, in whole seconds, to the screen";
  cell.classList.toggle("measured", Boolean(measured));
}
