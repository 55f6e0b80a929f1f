/** How one reader likes the page: kept in this browser, told to all its tabs. */

import { setClock } from "./format.js";

const CHOICES = { theme: ["system", "light", "dark"], density: ["comfortable", "compact"], clock: ["local", "utc"] };
const KEY = "sentiment.preferences";

/** What this browser keeps under a key, or `otherwise` where it keeps nothing, or may not. */
export function kept(key, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** → whether it could be kept. */
export function keep(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
    return true;
  } catch {
    return false; // private mode, or full
  }
}

export class Preferences extends EventTarget {
  values = {};

  /** Applies what is kept; fires `change` when it is changed, here or in another tab. */
  constructor() {
    super();
    this.#apply(kept(KEY, {}));
    addEventListener("storage", ({ key }) => key === KEY && this.#apply(kept(KEY, {})));
  }

  /** Bind radio buttons named as the preferences. */
  bind(form) {
    const show = () => {
      for (const [name, value] of Object.entries(this.values)) form.elements[name].value = value;
    };
    show();
    this.addEventListener("change", show);
    form.addEventListener("change", () => this.set(Object.fromEntries(new FormData(form))));
  }

  set(values) {
    keep(KEY, { ...this.values, ...values });
    this.#apply({ ...this.values, ...values });
  }

  #apply(values) {
    for (const [name, choices] of Object.entries(CHOICES)) this.values[name] = choices.includes(values?.[name]) ? values[name] : choices[0];
    const root = document.documentElement;
    root.dataset.theme = this.values.theme;
    root.dataset.density = this.values.density;
    setClock(this.values.clock);
    this.dispatchEvent(new Event("change"));
  }
}
