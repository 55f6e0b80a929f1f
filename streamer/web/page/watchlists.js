/**
 * The panel of watchlists. Who is signed in has them at the service, where other devices find them and the stream follows
 * a change without a reconnect; nobody has them in this browser, as filters by ticker.
 */

import { parseTickers } from "./address.js";
import * as configurations from "./configurations.js";
import { element } from "./element.js";
import { keep, kept } from "./preferences.js";
import { readSession, signIn } from "./session.js";
import { newId } from "../shared.link.js";

const KEY = "sentiment.watchlists";

export class Watchlists extends EventTarget {
  #panel; #app; #session = { user: null, users: [], configurations: false };
  #lists = []; #edited = null; #theirs = null; #problem = ""; #saving = false;
  #drawn = { edited: null, theirs: null, form: null };

  /** Fires `change` when who is signed in, or a list, has changed. */
  constructor(panel, app) {
    super();
    this.#panel = panel;
    this.#app = app;
    panel.addEventListener("toggle", ({ newState }) => newState === "open" && this.#reload());
    panel.addEventListener("submit", (event) => this.#submit(event));
    panel.addEventListener("click", ({ target }) => target.closest("[data-do]") && this.#do(target.closest("[data-do]").dataset));
    addEventListener("storage", ({ key }) => key === KEY && this.#reload());
  }

  /** Resolves when it is known who looks at the page. */
  async start() {
    this.#session = await readSession();
    await this.#reload();
  }

  get user() {
    return this.#session.user;
  }

  /** What the page shows, in words. */
  get title() {
    const { watchlist, tickers } = this.#app.view;
    if (watchlist) return this.#lists.find(({ config_id: id }) => id === watchlist)?.name ?? "Watchlist";
    if (!tickers.length) return "All tickers";
    const local = this.#remote ? null : this.#lists.find((list) => list.tickers.join() === tickers.join());
    return local?.name ?? (tickers.length > 3 ? `${tickers.slice(0, 3).join(", ")} …` : tickers.join(", "));
  }

  get #remote() {
    return this.#session.user !== null && this.#session.configurations;
  }

  async #reload() {
    await this.#try(async () => {
      this.#lists = this.#remote ? await configurations.list() : kept(KEY, []);
    });
  }

  /** Do something that may be refused; what is refused is said in the panel. */
  async #try(act) {
    this.#problem = "";
    try {
      await act();
    } catch (error) {
      this.#problem = error.message;
    }
    this.#draw();
    this.dispatchEvent(new Event("change"));
  }

  #do({ do: what, id, user }) {
    const list = this.#lists.find(({ config_id }) => config_id === id);
    if (what === "show") this.#show(list);
    else if (what === "all") this.#showAll();
    else if (what === "edit") this.#edit(list);
    else if (what === "new") this.#edit({ name: "", tickers: [...this.#app.view.tickers] });
    else if (what === "cancel") this.#edit(null);
    else if (what === "theirs") this.#edit(this.#theirs);
    else if (what === "delete") this.#try(() => this.#remove(list));
    else if (what === "enable") this.#try(() => this.#change(list, { status: "active" }));
    else if (what === "sign") this.#try(() => this.#sign(user || null));
  }

  #show(list) {
    this.#app.go(this.#remote ? { watchlist: list.config_id, tickers: [] } : { tickers: list.tickers, watchlist: "" });
    this.#panel.hidePopover();
  }

  #showAll() {
    this.#app.go({ tickers: [], watchlist: "" });
    this.#panel.hidePopover();
  }

  #edit(list) {
    this.#edited = list;
    this.#theirs = null;
    this.#problem = "";
    this.#draw();
    this.#panel.querySelector("[name=name]")?.focus();
  }

  async #sign(user) {
    await signIn(user);
    this.#session = await readSession();
    this.#edited = this.#theirs = null;
    this.#lists = this.#remote ? await configurations.list() : kept(KEY, []);
    if (this.#app.view.watchlist) this.#app.go({ watchlist: "" });
  }

  async #submit(event) {
    event.preventDefault();
    if (this.#saving) return;
    const { name, tickers: text } = Object.fromEntries(new FormData(event.target));
    const { tickers, problem } = parseTickers(text);
    this.#edited = { ...this.#edited, name: name.trim(), tickers, text };
    this.#problem = problem || (name.trim() ? "" : "Give the watchlist a name.") || (tickers.length ? "" : "Give at least one ticker.");
    if (this.#problem) return this.#draw();
    this.#saving = true;
    await this.#try(() => this.#save(this.#edited));
    this.#saving = false;
  }

  async #save(edited) {
    const { config_id: id, name, tickers } = edited;
    if (!this.#remote) {
      const before = this.#lists.find((list) => list.config_id === id);
      if (!before || this.#shows(before)) this.#app.go({ tickers, watchlist: "" });
      return this.#keep([...this.#lists.filter((list) => list.config_id !== id), { config_id: id ?? newId(), name, tickers, status: "active" }]);
    }
    if (id) await this.#change(edited, { name, tickers });
    else {
      const created = await configurations.create({ name, tickers });
      this.#lists = await configurations.list();
      this.#app.go({ watchlist: created.config_id, tickers: [] });
    }
    if (!this.#theirs) this.#edited = null;
  }

  /** Changed meanwhile by somebody else: both are shown, and the reader decides. */
  async #change(list, changes) {
    try {
      await configurations.change(this.#theirs ?? list, changes);
      this.#theirs = null;
    } catch (error) {
      if (error.status !== 412) throw error;
      this.#edited = { ...list, ...changes };
      this.#theirs = await configurations.read(list.config_id);
    }
    this.#lists = await configurations.list();
  }

  async #remove(list) {
    if (!this.#remote) return this.#keep(this.#lists.filter((other) => other !== list));
    try {
      await configurations.remove(list);
    } catch (error) {
      if (error.status !== 412) throw error;
      this.#lists = await configurations.list();
      throw new Error(`“${list.name}” was changed meanwhile, so it was not deleted: look at it and delete it again.`);
    }
    if (this.#app.view.watchlist === list.config_id) this.#app.go({ watchlist: "" });
    this.#lists = await configurations.list();
  }

  #keep(lists) {
    this.#lists = lists.sort((a, b) => a.name.localeCompare(b.name));
    this.#edited = null;
    if (!keep(KEY, this.#lists)) throw new Error("This browser keeps nothing for this page: the watchlist is lost with the tab.");
  }

  #draw() {
    const { users, user } = this.#session;
    const parts = [element("h2", { textContent: "Watchlists" })];
    if (users.length) parts.push(signing(user, users));
    else if (user) parts.push(element("p", { className: "soft", textContent: `Signed in as ${user}` }));
    if (!this.#remote) parts.push(element("p", { className: "soft", textContent: "Kept in this browser." }));
    parts.push(element("ul", { className: "lists" },
      element("li", {}, action("All tickers", "all")),
      ...this.#lists.map((list) => row(list, this.#shows(list)))));
    if (this.#edited) parts.push(this.#form());
    else parts.push(element("p", {}, action("New watchlist", "new")));
    if (this.#problem) parts.push(element("p", { className: "problem", role: "alert", textContent: this.#problem }));
    const focused = document.activeElement;
    this.#panel.replaceChildren(...parts);
    if (this.#panel.contains(focused)) focused.focus();
  }

  /** The form with what was typed into it, unless it is about another list: the lists may come while somebody types. */
  #form() {
    const [edited, theirs] = [this.#edited, this.#theirs];
    if (this.#drawn.edited !== edited || this.#drawn.theirs !== theirs) this.#drawn = { edited, theirs, form: form(edited, theirs) };
    return this.#drawn.form;
  }

  #shows({ config_id: id, tickers }) {
    const { view } = this.#app;
    return this.#remote ? view.watchlist === id : view.tickers.length > 0 && view.tickers.join() === tickers.join();
  }
}

function action(words, what, more = {}) {
  const button = element("button", { type: "button", textContent: words, "data-do": what });
  for (const [name, value] of Object.entries(more)) button.setAttribute(name, value);
  return button;
}

function signing(user, users) {
  const ways = users.map((name) => action(name, "sign", { "data-user": name, "aria-pressed": name === user }));
  return element("p", {}, user ? `Signed in as ${user}: ` : "Sign in as ", ...ways, ...(user ? [action("Sign out", "sign", { "data-user": "" })] : []));
}

function row(list, shown) {
  const { config_id: id, name, tickers, status } = list;
  const disabled = status === "disabled";
  const show = action(name, "show", { "data-id": id, ...(shown && { "aria-current": "true" }) });
  show.disabled = disabled;
  const words = `${tickers.slice(0, 6).join(" ")}${tickers.length > 6 ? ` and ${tickers.length - 6} more` : ""}${disabled ? " (disabled)" : ""}`;
  return element("li", {},
    show, element("span", { className: "soft", textContent: words }),
    ...(disabled ? [action("Enable", "enable", { "data-id": id, "aria-label": `Enable ${name}` })] : []),
    action("Edit", "edit", { "data-id": id, "aria-label": `Edit ${name}` }),
    action("Delete", "delete", { "data-id": id, "aria-label": `Delete ${name}` }));
}

/** `text`: what was typed for tickers, if it was. */
function form({ config_id: id, name, tickers, text = tickers.join(", ") }, theirs) {
  const field = (words, properties) => element("label", {}, element("span", { className: "soft", textContent: words }), element("input", { autocomplete: "off", required: true, ...properties }));
  const conflict = theirs && [
    element("p", { className: "problem", role: "alert", textContent: `It was changed meanwhile. It is now “${theirs.name}”: ${theirs.tickers.join(", ")}.` }),
    element("p", {}, element("button", { textContent: "Overwrite with mine" }), action("Take that", "theirs")),
  ];
  return element("form", { className: "edit", noValidate: true },
    field("Name", { name: "name", value: name, maxLength: 128 }),
    field("Tickers", { name: "tickers", value: text, placeholder: "NVDA, AMD", autocapitalize: "characters", spellcheck: false }),
    ...(conflict ?? [element("p", {}, element("button", { textContent: id ? "Save" : "Create" }), action("Cancel", "cancel"))]));
}
