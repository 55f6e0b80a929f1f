/** The fields that narrow the page, and the chips of what is narrowed. What is wrong is said at its field. */

import { EVERYTHING, parseLeast, parseTickers } from "./address.js";
import { element } from "./element.js";

const PAUSE = 300; // ms; who types is not answered letter by letter

export class Filters {
  #form; #chips; #suggestions; #go; #timer; #typed = ""; // the field whose text was not read yet
  #wrong = []; // what of the fields cannot be read, while the rest of them is shown: [{field, message}]

  /** `go` is called with the members of the view that change. */
  constructor(form, chips, suggestions, go) {
    this.#form = form;
    this.#chips = chips;
    this.#suggestions = suggestions;
    this.#go = go;
    form.addEventListener("submit", (event) => {
      event.preventDefault(); // the policy of the page lets no form be sent
      this.#read(true);
    });
    form.addEventListener("input", ({ target }) => {
      clearTimeout(this.#timer);
      this.#typed = target.name;
      if (target.name !== "tickers") this.#timer = setTimeout(() => this.#read(false), PAUSE);
    });
    form.elements.tickers.addEventListener("change", () => this.#read(true));
    chips.addEventListener("click", ({ target }) => {
      const button = target.closest("button");
      if (button) this.#go(JSON.parse(button.dataset.changes));
    });
  }

  /** Show a view, and what of its address could not be read. */
  show(view, ofAddress) {
    clearTimeout(this.#timer);
    const problems = [...ofAddress, ...this.#wrong];
    const { elements } = this.#form;
    const values = { tickers: view.tickers.join(", "), label: view.label, least: view.least || "", source: view.source, text: view.text };
    for (const [name, value] of Object.entries(values)) {
      const refused = problems.some(({ field }) => field === name);
      if (!refused && !this.#stays(elements[name], view)) elements[name].value = value;
    }
    for (const name of Object.keys(values)) this.#complain(name, problems.find(({ field }) => field === name)?.message ?? "");
    const shown = [];
    const add = (words, changes) => shown.push(element("button", {
      type: "button", className: "chip", textContent: `${words} ×`, "aria-label": `Remove the filter ${words}`, "data-changes": JSON.stringify(changes),
    }));
    for (const ticker of view.watchlist ? [] : view.tickers) add(ticker, { tickers: view.tickers.filter((other) => other !== ticker) });
    if (view.label) add(view.label, { label: "" });
    if (view.least) add(`|score| ≥ ${view.least}`, { least: 0 });
    if (view.source) add(`source: ${view.source}`, { source: "" });
    if (view.text) add(`“${view.text}”`, { text: "" });
    if (shown.length) add("all filters", { tickers: EVERYTHING.tickers, label: "", least: 0, source: "", text: "" });
    this.#chips.replaceChildren(...shown);
    this.#chips.hidden = !shown.length;
    delete document.documentElement.dataset.filtered; // of early.js
  }

  /** Offer these tickers while one is typed. */
  suggest(tickers) {
    const known = [...this.#suggestions.options].map(({ value }) => value);
    if (known.length === tickers.length && tickers.every((ticker, i) => ticker === known[i])) return;
    this.#suggestions.replaceChildren(...tickers.map((ticker) => new Option(ticker)));
  }

  focus() {
    this.#form.elements.tickers.select();
    this.#form.elements.tickers.focus();
  }

  /** Whether a field keeps its text, since it is being typed in, and says no other than the view. */
  #stays({ name, value }, { least, [name]: shown }) {
    if (this.#form.elements[name] !== document.activeElement) return false;
    if (name === this.#typed) return true;
    return name === "least" ? parseLeast(value).least === least : value.trim() === shown;
  }

  #read(withTickers) {
    clearTimeout(this.#timer);
    if (withTickers || this.#typed !== "tickers") this.#typed = "";
    const { label, least, source, text, tickers } = Object.fromEntries(new FormData(this.#form));
    const score = parseLeast(least);
    this.#complain("least", score.problem);
    const wrong = score.problem ? [{ field: "least", message: score.problem }] : [];
    const changes = { label, source: source.trim(), text: text.trim(), ...(score.problem ? {} : { least: score.least }) };
    if (withTickers) {
      const read = parseTickers(tickers);
      this.#complain("tickers", read.problem);
      if (!read.problem) changes.tickers = read.tickers;
      else wrong.push({ field: "tickers", message: read.problem });
    }
    this.#wrong = wrong;
    this.#go(changes);
    this.#wrong = [];
  }

  #complain(name, message) {
    const field = this.#form.elements[name];
    const note = this.#form.querySelector(`#${name}-problem`);
    if (message) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
    if (!note) return;
    note.textContent = message;
    note.hidden = !message;
  }
}
