/** The feed on the screen: one row an item, the newest on top. Every text goes in as text, never as markup. */

import * as format from "./format.js";

const GLYPHS = { positive: "▲", neutral: "■", negative: "▼" };
const WITHDRAWN = { deleted: "deleted", unscored: "no longer scored", ticker_removed: "tickers removed" };
const ARRIVALS = { replayed: "replayed", hidden: "tab hidden", paused: "paused" };
const still = matchMedia("(prefers-reduced-motion: reduce)");

export class FeedView {
  #rows = new Map();

  constructor(list, template) {
    this.list = list;
    this.template = template;
  }

  /** Draw one item, on a new row or on its own. */
  draw(item) {
    let row = this.#rows.get(item);
    if (!row) {
      row = this.template.content.firstElementChild.cloneNode(true);
      this.#rows.set(item, row);
      this.list.prepend(row);
    }
    row.dataset.label = item.label;
    row.toggleAttribute("data-withdrawn", Boolean(item.withdrawn));
    const cell = (selector) => row.querySelector(selector);
    const when = cell(".time");
    text(when, format.time(item.timestamp));
    when.dateTime = when.title = item.timestamp;
    chips(cell(".chips"), item.tickers);
    text(cell(".label b"), `${GLYPHS[item.label] ?? "?"} ${item.label}`);
    mark(cell(".mark"), item);
    gauge(cell(".gauge i"), item.score);
    text(cell(".score b"), format.score(item.score));
    text(cell(".confidence b"), format.percent(item.confidence ?? NaN));
    text(cell(".source"), item.source);
    cell(".source").title = item.source_id;
    late(cell(".lateness"), item);
    if (item.flash) flash(row, item);
  }

  /** Put the rows of these items in order, the last one on top. */
  arrange(items) {
    for (const item of items) {
      const row = this.#rows.get(item);
      if (row) this.list.prepend(row);
    }
  }

  /** Take away the rows of items that `keep` no longer has. */
  prune(keep) {
    for (const [item, row] of this.#rows) {
      if (keep(item)) continue;
      row.remove();
      this.#rows.delete(item);
    }
  }
}

function text(node, value) {
  const words = value == null ? format.NOTHING : String(value);
  if (node.textContent !== words) node.textContent = words;
}

function chips(cell, tickers) {
  cell.replaceChildren(...[...tickers].map(([name, { withdrawn }]) => {
    const chip = document.createElement(withdrawn ? "s" : "span");
    chip.className = "chip";
    chip.textContent = name;
    if (withdrawn) {
      const words = chip.appendChild(document.createElement("span"));
      words.className = "vh";
      words.textContent = " withdrawn";
    }
    return chip;
  }));
}

function mark(cell, item) {
  const was = item.was && [
    item.was.label === item.label ? "" : item.was.label,
    item.was.score === item.score ? "" : format.score(item.was.score),
  ].join(" ").trim();
  if (item.withdrawn) text(cell, `withdrawn: ${WITHDRAWN[item.withdrawn] ?? item.withdrawn}`);
  else if (item.was) text(cell, was ? `corrected, was ${was}` : "corrected");
  else text(cell, "");
}

function gauge(bar, score) {
  const size = Math.min(Math.abs(score ?? 0), 1) * 50;
  bar.style.width = `${size}%`;
  bar.style.left = `${score < 0 ? 50 - size : 50}%`;
}

function late(cell, { late: measured, arrival }) {
  const [value, words] = cell.children;
  text(value, measured ? format.latency(measured) : ARRIVALS[arrival] ?? format.NOTHING);
  text(words, measured ? " to screen" : "");
  cell.title = !measured ? "" : measured.exact ? "from updated_at, the writer's clock" : "at most: from committed_at, whole seconds";
  cell.classList.toggle("measured", Boolean(measured));
}

function flash(row, item) {
  item.flash = false;
  if (!still.matches) row.animate({ backgroundColor: ["var(--flash)", "transparent"] }, { duration: 2500, easing: "ease-out" });
}
