/** The board: one row a ticker. Rows keep their place, and links their ticker, unless the reader sorts. */

import * as format from "./format.js";
import { sorted } from "./standings.js";

const STEADY = 0.02; // a smaller change of a mean is drawn as none
const WIDTH = 90, HEIGHT = 24; // of the sparkline

export class Board {
  #rows = new Map(); // ticker → row
  #body; #template; #heads; #sort = null;

  /** `onSort` is called with the column that the reader chose: "column", "-column" or "". */
  constructor(table, template, onSort) {
    this.#body = table.tBodies[0];
    this.#template = template;
    this.#heads = [...table.querySelectorAll("[data-sort]")];
    for (const button of this.#heads) button.addEventListener("click", () => onSort(this.#next(button.dataset.sort)));
  }

  /** Draw these standings. Rows that are sorted move while nobody points at them. */
  draw(standings, sort, now) {
    const chosen = sort !== this.#sort;
    if (chosen) this.#mark(sort);
    const tickers = new Set(standings.map(({ ticker }) => ticker));
    for (const [ticker, row] of this.#rows) {
      if (tickers.has(ticker)) continue;
      row.remove();
      this.#rows.delete(ticker);
    }
    for (const each of standings) fill(this.#rows.get(each.ticker) ?? this.#add(each.ticker), each, now);
    if (chosen || !sort || !this.#body.matches(":hover, :focus-within")) this.#arrange(sorted(standings, sort));
  }

  /** The standings in the order of the screen. */
  get tickers() {
    return [...this.#body.rows].map((row) => row.querySelector("a").textContent);
  }

  /** The first click shows the greatest first (of tickers the least), the second the other way, the third as they came. */
  #next(column) {
    const turns = column === "ticker" ? [column, `-${column}`] : [`-${column}`, column];
    return [...turns, ""][turns.indexOf(this.#sort) + 1];
  }

  #mark(sort) {
    this.#sort = sort;
    for (const button of this.#heads) {
      const shown = button.dataset.sort === sort.replace("-", "");
      button.closest("th").setAttribute("aria-sort", shown ? (sort.startsWith("-") ? "descending" : "ascending") : "none");
    }
  }

  #arrange(standings) {
    standings.forEach(({ ticker }, index) => {
      const row = this.#rows.get(ticker);
      if (this.#body.rows[index] !== row) this.#body.insertBefore(row, this.#body.rows[index] ?? null);
    });
  }

  #add(ticker) {
    const row = this.#template.content.firstElementChild.cloneNode(true);
    const link = row.querySelector("a");
    link.textContent = ticker;
    link.href = `?tickers=${encodeURIComponent(ticker)}`;
    this.#body.append(row);
    this.#rows.set(ticker, row);
    return row;
  }
}

function fill(row, standing, now) {
  const cell = (name) => row.querySelector(`.${name}`);
  for (const span of ["15", "60"]) {
    mean(cell(`mean${span}`), standing[`mean${span}`]);
    change(cell(`change${span}`), standing[`change${span}`]);
  }
  mean(cell("mean24"), standing.mean24);
  spark(cell("spark"), standing.spark);
  split(cell("split"), standing);
  format.put(cell("count"), format.count(standing.count));
  format.put(cell("last"), standing.last === null ? format.NOTHING : format.ago(Math.max(0, now - standing.last)));
}

function mean(cell, value) {
  format.put(cell, format.score(value));
  const tone = value === null || Math.abs(value) < STEADY ? "neutral" : value > 0 ? "positive" : "negative";
  if (cell.dataset.label !== tone) cell.dataset.label = tone;
}

function change(cell, value) {
  const steady = value === null || Math.abs(value) < STEADY;
  format.put(cell, value === null ? "" : `${steady ? "▬" : value > 0 ? "▲" : "▼"} ${format.score(value)}`);
  const tone = steady ? "neutral" : value > 0 ? "positive" : "negative";
  if (cell.dataset.label !== tone) cell.dataset.label = tone;
}

/** Minutes without items break the line. */
function spark(cell, means) {
  const step = WIDTH / Math.max(1, means.length - 1);
  let path = "", open = false;
  means.forEach((value, index) => {
    if (value === null) return void (open = false);
    const [x, y] = [(index * step).toFixed(1), ((1 - value) * (HEIGHT / 2)).toFixed(1)];
    path += open ? `L${x} ${y}` : `M${x} ${y}h.1`; // a single minute is a dot
    open = true;
  });
  const line = cell.querySelector("path");
  if (line.getAttribute("d") !== path) line.setAttribute("d", path);
}

function split(cell, { positive, neutral, negative, count }) {
  const shares = { positive, neutral, negative };
  for (const part of cell.children) part.style.flexGrow = shares[part.dataset.label];
  const words = count ? Object.entries(shares).map(([label, n]) => `${format.percent(n / count)} ${label}`).join(", ") : "no items";
  if (cell.getAttribute("aria-label") !== words) {
    cell.setAttribute("aria-label", words);
    cell.title = words;
  }
}
