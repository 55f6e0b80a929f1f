/** Puts the page together: the application knows what is shown (app.js), the views draw it. */

import { Alerts } from "./alerts.js";
import { Announcer } from "./announcer.js";
import { App } from "./app.js";
import { Attention } from "./attention.js";
import { Board } from "./board.js";
import { Chart } from "./chart.js";
import { ticket } from "./configurations.js";
import { Connection } from "./connection.js";
import * as csv from "./csv.js";
import { Drawer } from "./drawer.js";
import { Filters } from "./filters.js";
import { feed, items, preferences } from "./first.js";
import { Following } from "./following.js";
import * as format from "./format.js";
import { bindKeys } from "./keys.js";
import { lateness, Median } from "./latency.js";
import { standing } from "./standings.js";
import { drawHeartbeat, drawSummary } from "./summary.js";
import { Watchlists } from "./watchlists.js";

const SLOWLY = 1000; // ms between two drawings of board and chart
const FEW = 6; // tickers, whose board leaves room for a higher chart; early.js says so first
const byId = (id) => document.getElementById(id);

const app = new App(items, { ticket, user: () => watchlists.user });
const watchlists = new Watchlists(byId("watchlists-panel"), app);
const alerts = new Alerts(byId("alerts-panel"), byId("alerts"));
const attention = new Attention(document.querySelector("link[rel=icon]"));
const median = new Median();
const connection = new Connection({ badge: byId("connection"), why: byId("why"), countdown: byId("countdown"), age: byId("age"), status: byId("status") });
const board = new Board(byId("board"), byId("board-row"), (sort) => app.go({ sort }, { aside: true }));
const chart = new Chart(byId("chart"), byId("readout"));
const filters = new Filters(byId("filters"), byId("chips"), byId("known-tickers"), (changes) => app.go(changes));
const following = new Following(app, feed, { follow: byId("follow"), news: byId("news"), sampling: byId("sampling"), empty: byId("empty") });
const drawer = new Drawer(byId("item"));
const announcer = new Announcer(byId("announcements"), Date.now());
let standings = [];
let slowly = -Infinity; // when board and chart were drawn

app.addEventListener("view", showView);
app.addEventListener("state", () => {
  document.body.toggleAttribute("data-stale", !["live", "polling", "down"].includes(app.stream.state.name));
  connection.show(app.stream.state);
});
app.series.addEventListener("change", () => { slowly = -Infinity; });
app.addEventListener("draw", () => draw(Date.now()));
app.addEventListener("pause", showPause);
app.addEventListener("tick", () => {
  connection.age(app.lastChange, Date.now());
  announcer.tick(Date.now());
  if (!app.paused) drawSlowly(Date.now());
});

function showView() {
  const { view, problems } = app;
  const { dataset } = document.documentElement;
  if (view.embed) dataset.embed = view.embed;
  else delete dataset.embed; // early.js takes any
  filters.show(view, problems);
  byId("range").querySelector(`[value="${view.range}"]`).checked = true;
  byId("raw").href = app.streamUrl;
  byId("curl").textContent = `curl -N '${app.streamUrl.href.replaceAll("%2C", ",")}'`;
  if (!app.stream) connection.refuse(problems.map(({ message }) => message).join(" "));
  showName();
  slowly = -Infinity;
}

/** Who looks at what. */
function showName() {
  const { user, title } = watchlists;
  format.put(byId("watchlists"), user === null ? title : `${user}: ${title}`);
  attention.name(title);
}

function showPause() {
  byId("pause").setAttribute("aria-pressed", app.paused);
  document.body.toggleAttribute("data-paused", app.paused);
  if (!app.paused) slowly = -Infinity;
}

function draw(now) {
  byId("pause").textContent = app.paused ? `Go on (${format.count(app.items.waiting)} changed)` : "Pause";
  if (app.heartbeat) drawHeartbeat(app.heartbeat);
  if (app.paused) return;
  const changed = app.items.take();
  for (const item of changed) if (item.untimed) clock(item, now);
  following.draw(changed, now);
  drawer.refresh();
  drawSummary(app, median);
  if (now - slowly >= SLOWLY) drawSlowly(now);
}

function drawSlowly(now) {
  slowly = now;
  const { series, tickers, view, gaps, last } = app;
  standings = tickers.map((ticker) => standing(ticker, series, last.get(ticker) ?? null, now));
  board.draw(standings, view.sort, now);
  document.documentElement.toggleAttribute("data-few", tickers.length > 0 && tickers.length <= FEW);
  byId("board-empty").hidden = tickers.length > 0;
  format.put(byId("board-empty"), "The tickers with the most items appear here.");
  format.put(byId("scope"), app.narrowed ? (view.watchlist ? "the watchlist" : "the filter") : "the tickers with the most items in 24 h");
  format.put(byId("chart-title"), `Mean score${tickers.length ? ` of ${tickers.length === 1 ? tickers[0] : `${tickers.length} tickers`}` : ""}`);
  filters.suggest(tickers);
  if (!tickers.length) format.put(byId("readout"), "The chart appears with the first items.");
  else chart.draw(series, tickers, view.range, gaps, now);
}

/** Only what came while somebody could look is a measurement; a time in the future shows clocks that differ. */
function clock(item, now) {
  item.untimed = false;
  item.late = item.arrival === "live" ? lateness(item, now) : null;
  if (item.late?.ms >= 0) median.add(item.late);
}

/** A link to a view of this page is gone to without loading the page again, unless the reader wants it elsewhere. */
document.addEventListener("click", (event) => {
  const link = event.target.closest?.('a[href^="?tickers="]');
  if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  app.go({ tickers: [new URL(link.href).searchParams.get("tickers")], watchlist: "" });
});
/** What is shown, in the order of the screen. */
const FILES = {
  board: () => csv.toCsv(csv.BOARD, board.tickers.map((ticker) => standings.find((each) => each.ticker === ticker)).filter(Boolean)),
  chart: () => csv.toCsv(csv.CHART, chart.points),
  feed: () => csv.toCsv(csv.FEED, feed.items),
};

byId("share-panel").addEventListener("click", async ({ target }) => {
  const part = target.dataset.csv;
  if (part) csv.download(`sentiment-${part}.csv`, FILES[part]());
  if (target.id === "print") print();
  if (target.id !== "copy") return;
  const copied = await navigator.clipboard?.writeText(location.href).then(() => true, () => false);
  format.put(byId("shared"), copied ? "The link to this view is copied." : `This browser allows no copying here. The link: ${location.href}`);
});

bindKeys({
  "/": () => filters.focus(),
  j: () => step(1),
  k: () => step(-1),
  p: () => app.pause(),
  f: () => byId("follow").click(),
  "?": () => byId("help").click(),
});

function step(by) {
  const shown = drawer.item;
  const item = feed.step(by, shown);
  if (item && shown) drawer.show(item);
}

byId("help").addEventListener("click", () => byId("help-dialog").showModal());
for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("click", ({ target }) => (target === dialog || target.closest("[data-close]")) && dialog.close());
}
feed.addEventListener("open", ({ data }) => drawer.show(data));
app.addEventListener("news", (event) => {
  announcer.count(event.data);
  attention.count();
  alerts.look(event);
});
attention.addEventListener("returned", ({ data }) => following.note(`${format.count(data)} ${data === 1 ? "change" : "changes"} came while this tab was hidden`, Date.now()));
alerts.addEventListener("fired", () => attention.alerts(alerts.unseen));
watchlists.addEventListener("change", showName);
byId("range").addEventListener("change", ({ target }) => app.go({ range: target.value }, { aside: true }));
byId("pause").addEventListener("click", () => app.pause());
chart.addEventListener("point", ({ data }) => feed.mark(data));
feed.addEventListener("point", ({ data }) => chart.point(data && Date.parse(data.timestamp)));
preferences.bind(byId("preferences"));
preferences.addEventListener("change", () => {
  app.replaced = true; // times are worded anew
  chart.recolour();
  app.schedule();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => chart.recolour());
const known = watchlists.start();
if (new URLSearchParams(location.search).has("watchlist")) await known; // it is opened as the one who is signed in
app.start();
