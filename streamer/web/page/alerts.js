/** The panel of alerts: rules of this browser, what fired, and how it is told. Only news fires, never a repeat. */

import { LABELS } from "./address.js";
import { element } from "./element.js";
import * as format from "./format.js";
import { keep, kept } from "./preferences.js";
import { fires, inWords, parseRule, remember } from "./rules.js";
import { newId } from "../shared.link.js";

const KEY = "sentiment.alerts";
const HELD = 3000; // ms; tabs that hear of the same version within it tell it once
const NOTHING = { rules: [], fired: [], notify: false, sound: false };

export class Alerts extends EventTarget {
  #panel; #button; #kept; #problem = ""; #audio = null;
  /** Alerts since the page was last looked at. */
  unseen = 0;

  /** Fires `fired` for each alert. */
  constructor(panel, button) {
    super();
    this.#panel = panel;
    this.#button = button;
    this.#kept = { ...NOTHING, ...kept(KEY, NOTHING) };
    panel.addEventListener("submit", (event) => this.#submit(event));
    panel.addEventListener("click", ({ target }) => this.#click(target));
    panel.addEventListener("change", ({ target }) => target.type === "checkbox" && this.#choose(target));
    panel.addEventListener("toggle", ({ newState }) => newState === "open" && this.seen());
    addEventListener("storage", ({ key }) => {
      if (key !== KEY) return;
      this.#kept = { ...NOTHING, ...kept(KEY, NOTHING) };
      this.#draw();
    });
    document.addEventListener("visibilitychange", () => this.#draw());
    this.#draw();
  }

  /** Look at an update that is news: {data, item}. */
  look({ data }) {
    const rule = this.#kept.rules.find((rule) => fires(rule, data));
    if (!rule) return;
    const { ticker, label, score, version, source_id: id } = data;
    this.#store({ fired: remember(kept(KEY, this.#kept).fired ?? [], { ticker, label, score, version, id, at: Date.now() }) });
    this.unseen++;
    this.#draw();
    this.dispatchEvent(new Event("fired"));
    this.#once(version, () => this.#tell(data));
  }

  seen() {
    this.unseen = 0;
    this.#draw();
    this.dispatchEvent(new Event("fired"));
  }

  /** Of all tabs, let one act. */
  #once(version, act) {
    if (!navigator.locks) return act();
    navigator.locks.request(`sentiment alert ${version}`, { ifAvailable: true }, async (lock) => {
      if (!lock) return;
      act();
      await new Promise((done) => setTimeout(done, HELD));
    });
  }

  #tell({ ticker, label, score, source, version }) {
    if (this.#kept.notify && globalThis.Notification?.permission === "granted") {
      const notification = new Notification(`${ticker} ${format.GLYPHS[label] ?? ""} ${label} ${format.score(score)}`, { body: source ?? "", tag: version, icon: "page/icon.svg" });
      notification.onclick = () => focus();
    }
    if (this.#kept.sound) this.#beep();
  }

  /** Two short tones. A browser that has not been clicked on keeps silent. */
  #beep() {
    this.#audio ??= new AudioContext();
    const { currentTime: now, destination } = this.#audio;
    [660, 880].forEach((frequency, index) => {
      const tone = new OscillatorNode(this.#audio, { frequency });
      tone.connect(new GainNode(this.#audio, { gain: 0.05 })).connect(destination);
      tone.start(now + index * 0.15);
      tone.stop(now + index * 0.15 + 0.12);
    });
  }

  #submit(event) {
    event.preventDefault();
    const { rule, problem } = parseRule(Object.fromEntries(new FormData(event.target)));
    this.#problem = problem;
    if (!problem) {
      this.#store({ rules: [...this.#kept.rules, { ...rule, id: newId() }] });
      this.#panel.querySelector("form").remove(); // the next one is empty
    }
    this.#draw();
  }

  #click(target) {
    const { remove } = target.dataset;
    if (remove) this.#store({ rules: this.#kept.rules.filter(({ id }) => id !== remove) });
    if (target.id === "forget-alerts") this.#store({ fired: [] });
    if (remove || target.id) this.#draw();
  }

  async #choose({ name, checked }) {
    this.#problem = "";
    if (name === "notify" && checked && (await globalThis.Notification?.requestPermission()) !== "granted") {
      checked = false;
      this.#problem = "This browser shows no notifications of this page: allow them in the settings of the site.";
    }
    this.#store({ [name]: checked });
    if (name === "sound" && checked) this.#beep();
    this.#draw();
  }

  #store(changes) {
    this.#kept = { ...this.#kept, ...changes };
    if (!keep(KEY, this.#kept)) this.#problem = "This browser keeps nothing for this page: the rules are lost with the tab.";
  }

  #draw() {
    const { rules, fired, notify, sound } = this.#kept;
    format.put(this.#button, this.unseen ? `Alerts (${this.unseen})` : "Alerts");
    this.#button.toggleAttribute("data-unseen", this.unseen > 0);
    const choice = (name, words, checked) => element("label", {}, element("input", { type: "checkbox", name, checked }), words);
    const form = this.#panel.querySelector("form") ?? newForm();
    this.#panel.replaceChildren(
      element("h2", { textContent: "Alerts" }),
      element("p", { className: "soft", textContent: "A rule looks at each change that this page's stream brings, and is kept in this browser." }),
      element("ul", { className: "lists" }, ...rules.map((rule) => element("li", {},
        element("span", { textContent: inWords(rule) }),
        element("button", { type: "button", textContent: "Delete", "data-remove": rule.id, "aria-label": `Delete the rule ${inWords(rule)}` })))),
      form,
      element("p", { className: "problem", role: "alert", textContent: this.#problem, hidden: !this.#problem }),
      element("p", { className: "choices" }, choice("notify", "Notification", notify), choice("sound", "Sound", sound)),
      element("h3", { textContent: fired.length ? "Fired, the last first" : "Nothing has fired." }),
      element("ol", { className: "lists fired" }, ...fired.map(({ ticker, label, score, id, at }) => element("li", { "data-label": label },
        element("span", { className: "soft", textContent: format.time(at) }),
        element("a", { href: `?tickers=${encodeURIComponent(ticker)}`, textContent: ticker }),
        element("b", { textContent: `${format.GLYPHS[label] ?? ""} ${format.score(score)}` }),
        element("span", { className: "soft", textContent: id })))),
      element("p", { hidden: !fired.length }, element("button", { type: "button", id: "forget-alerts", textContent: "Clear the list" })));
  }
}

function newForm() {
  const field = (words, properties) => element("label", {}, element("span", { className: "soft", textContent: words }), element("input", { autocomplete: "off", size: 6, ...properties }));
  const labels = element("select", { name: "label" }, new Option("any", ""), ...LABELS.map((label) => new Option(`${format.GLYPHS[label]} ${label}`, label)));
  return element("form", { className: "edit", noValidate: true },
    field("Ticker", { name: "ticker", placeholder: "any", autocapitalize: "characters", spellcheck: false }),
    element("label", {}, element("span", { className: "soft", textContent: "Label" }), labels),
    field("Least |score|", { name: "least", inputMode: "decimal", placeholder: "0.5" }),
    field("Least confidence", { name: "confidence", inputMode: "decimal", placeholder: "0.8" }),
    element("p", {}, element("button", { textContent: "Add rule" })));
}
