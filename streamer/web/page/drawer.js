/** One item in a dialog: what it is, and each version that this page has seen, with its times and how it came. */

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
    dialog.addEventListener("click", ({ target }) => (target === dialog || target.closest("[data-close]")) && dialog.close());
  }

  get open() {
    return this.#dialog.open;
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
    const head = element("header", {}, [
      element("h2", { id: "item-title", textContent: [...item.tickers.keys()].join(", ") }),
      element("button", { type: "button", textContent: "Close", autofocus: true, "data-close": "" }),
    ]);
    const state = item.withdrawn ? GONE[item.withdrawn] ?? item.withdrawn : `${format.GLYPHS[item.label] ?? "?"} ${item.label} ${format.score(item.score)}`;
    const facts = element("dl", {}, Object.entries({
      Now: state, Confidence: format.percent(item.confidence ?? NaN), Source: item.source ?? format.NOTHING, Id: item.source_id, Published: stamp(item.timestamp),
    }).flatMap(([name, value]) => [element("dt", { textContent: name }), element("dd", { textContent: value })]));
    const table = element("table", {}, [
      element("caption", { textContent: `${item.versions.length === 1 ? "The version" : `The ${item.versions.length} versions`} that this page has seen, the last first` }),
      element("thead", {}, [element("tr", {}, COLUMNS.map((name) => element("th", { scope: "col", textContent: name })))]),
      element("tbody", {}, item.versions.toReversed().map((version) => element("tr", {}, [
        format.time(version.at),
        version.tickers.join(" "),
        version.withdrawn ? GONE[version.withdrawn] ?? version.withdrawn : `${version.label} ${format.score(version.score)}`,
        version.withdrawn ? format.NOTHING : format.percent(version.confidence ?? NaN),
        version.updated_at ?? version.committed_at ? format.time(version.updated_at ?? version.committed_at) : format.NOTHING,
        CAME[version.arrival],
      ].map((text) => element("td", { textContent: text }))))),
    ]);
    const scroll = element("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": "Versions" }, [table]);
    this.#dialog.replaceChildren(head, facts, scroll);
  }
}

function stamp(iso) {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? String(iso) : `${format.time(iso)} (${iso})`;
}

function element(name, { "aria-label": label, "data-close": close, ...properties }, children = []) {
  const made = Object.assign(document.createElement(name), properties);
  if (label !== undefined) made.setAttribute("aria-label", label);
  if (close !== undefined) made.setAttribute("data-close", close);
  made.append(...children);
  return made;
}
