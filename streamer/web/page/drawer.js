/** One item in a dialog: what it is, and each version that this page has seen, with its times and how it came. */

import { element } from "./element.js";
import * as format from "./format.js";

const CAME = {
  live: "live", replayed: "from the server's history", snapshot: "from the snapshot", hidden: "while the tab was hidden",
  paused: "while the page was paused", asleep: "after the device slept",
};
const GONE = { deleted: "withdrawn: deleted", unscored: "withdrawn: no longer scored", ticker_removed: "withdrawn: the ticker was removed" };
const COLUMNS = ["Seen", "Tickers", "Sentiment", "Confidence", "Written", "How it came"];

export class Drawer {
  #dialog; #item = null; #drawn = 0;

  constructor(dialog) {
    this.#dialog = dialog;
    dialog.addEventListener("close", () => { this.#item = null; });
  }

  /** The item that is shown, or null. */
  get item() {
    return this.#item;
  }

  show(item) {
    this.#item = item;
    this.#draw();
    if (!this.#dialog.open) this.#dialog.showModal();
  }

  /** Draw again if the item has changed. */
  refresh() {
    if (this.#item && this.#item.versions.length + this.#item.tickers.size !== this.#drawn) this.#draw();
  }

  #draw() {
    const item = this.#item;
    this.#drawn = item.versions.length + item.tickers.size;
    const head = element("header", {},
      element("h2", { id: "item-title", textContent: [...item.tickers.keys()].join(", ") }),
      element("button", { type: "button", textContent: "Close", autofocus: true, "data-close": "" }));
    const state = item.withdrawn ? GONE[item.withdrawn] ?? item.withdrawn : `${format.GLYPHS[item.label] ?? "?"} ${item.label} ${format.score(item.score)}`;
    const facts = { Now: state, Confidence: format.percent(item.confidence ?? NaN), Source: item.source ?? format.NOTHING, Id: item.source_id, Published: stamp(item.timestamp) };
    const list = element("dl", {}, ...Object.entries(facts).flatMap(([name, value]) => [element("dt", { textContent: name }), element("dd", { textContent: value })]));
    const seen = item.versions.length === 1 ? "The version" : `The ${item.versions.length} versions`;
    const table = element("table", {},
      element("caption", { textContent: `${seen} that this page has seen, the last first` }),
      element("thead", {}, element("tr", {}, ...COLUMNS.map((name) => element("th", { scope: "col", textContent: name })))),
      element("tbody", {}, ...item.versions.toReversed().map(versionRow)));
    const scroll = element("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": "Versions" }, table);
    this.#dialog.replaceChildren(head, list, scroll);
  }
}

function stamp(iso) {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? String(iso) : `${format.time(iso)} (${iso})`;
}

function versionRow({ at, tickers, withdrawn, label, score, confidence, updated_at: updated, committed_at: committed, arrival }) {
  const written = updated ?? committed;
  const cells = [
    format.time(at), tickers.join(" "),
    withdrawn ? GONE[withdrawn] ?? withdrawn : `${label} ${format.score(score)}`,
    format.percent(confidence ?? NaN),
    written == null ? format.NOTHING : format.time(written),
    CAME[arrival],
  ];
  return element("tr", {}, ...cells.map((textContent) => element("td", { textContent })));
}
