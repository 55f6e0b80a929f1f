/**
 * The page: events go from the stream (client) into what is shown (state) as they come, and from there to the screen
 * (badge, summary, feed) once a frame, so that a burst costs one drawing.
 */

import { SentimentStream } from "../client.js";
import { Badge } from "./badge.js";
import { FeedView } from "./feed.js";
import { lateness, Median } from "./latency.js";
import { Feed } from "./state.js";
import { drawHeartbeat, drawMedian, drawMetrics } from "./summary.js";

const byId = (id) => document.getElementById(id);
const feed = new Feed();
const median = new Median();
const view = new FeedView(byId("feed"), byId("row"));
const badge = new Badge(byId("connection"), byId("countdown"));
const ITEMS = 200; // of a snapshot, at most, from so many pages:
const PAGES = 5;
const latest = {}; // the last `metrics` and `heartbeat` that are not drawn yet
let caughtUp = false; // past the first snapshot: only then is an empty feed said to be empty
let replaced = false; // the rows on the screen may be in another order
let paused = false;
let frame = 0;

const handlers = {
  state: ({ data }) => {
    document.body.toggleAttribute("data-stale", !["live", "polling", "down"].includes(data.name));
    badge.show(data);
  },
  replaced: ({ data }) => {
    feed.replace(stream.items.values(), data.reason === "fresh"); // at a start the history is on the screen already
    caughtUp = replaced = true;
  },
  sentiment_update: (event) => feed.update(event, document.hidden ? "hidden" : paused ? "paused" : "live"),
  sentiment_withdrawn: ({ data }) => feed.withdraw(data),
  metrics: ({ data }) => { latest.metrics = data; },
  heartbeat: ({ data }) => { latest.heartbeat = data; },
};

function handled(event) {
  handlers[event.type](event);
  frame ||= requestAnimationFrame(draw);
}

function draw() {
  frame = 0;
  if (latest.metrics) drawMetrics(latest.metrics);
  if (latest.heartbeat) drawHeartbeat(latest.heartbeat);
  latest.metrics = latest.heartbeat = null;
  if (paused) byId("pause").textContent = `Resume (${feed.waiting} changed)`;
  else drawFeed(Date.now());
}

function drawFeed(now) {
  for (const item of feed.take()) {
    if (item.untimed) clock(item, now);
    view.draw(item);
  }
  view.prune((item) => feed.has(item));
  if (replaced) view.arrange(feed.values());
  replaced = false;
  byId("empty").hidden = feed.size > 0 || !caughtUp;
}

/** Only what came while somebody could look is a measurement; a time in the future shows clocks that differ. */
function clock(item, now) {
  item.untimed = false;
  item.late = item.arrival === "live" ? lateness(item, now) : null;
  if (item.late?.ms >= 0) drawMedian(median.add(item.late));
}

function pause() {
  paused = !paused;
  byId("pause").textContent = paused ? "Resume" : "Pause";
  if (!paused) drawFeed(Date.now());
}

function streamUrl() {
  const url = new URL("api/v2/stream?replay=60", document.baseURI);
  const tickers = new URLSearchParams(location.search).get("tickers")?.replaceAll(" ", "").toUpperCase();
  if (tickers) {
    url.searchParams.set("tickers", tickers);
    url.searchParams.set("events", "sentiment_update,metrics"); // a filtered stream brings counters only if asked
    document.querySelector("[name=tickers]").value = tickers;
    byId("everything").hidden = false;
    byId("scope").textContent = "items, unfiltered";
  }
  return url;
}

/**
 * The newest items, the oldest of them first. Where the table cannot be read, the history is the start. A page may be
 * short, even empty, and name a cursor behind which more is found.
 */
async function snapshot({ signal }) {
  const from = new URL(`api/v2/sentiment?limit=${ITEMS}`, document.baseURI);
  if (url.searchParams.has("tickers")) from.searchParams.set("tickers", url.searchParams.get("tickers"));
  const found = [];
  for (let page = 0; page < PAGES && found.length < ITEMS; page++) {
    const answer = await fetch(from, { signal, cache: "no-store" });
    if (!answer.ok && stream.state.until !== null) throw new Error(`status ${answer.status}`); // it was asked in place
    if (!answer.ok) break; // of a stream: what is shown stays
    const { items, cursor } = await answer.json();
    found.push(...items);
    if (cursor === null) break;
    from.searchParams.set("cursor", cursor);
  }
  return found.reverse();
}

const url = streamUrl();
byId("raw").href = url;
byId("curl").textContent = `curl -N '${url.href.replaceAll("%2C", ",")}'`;
byId("pause").addEventListener("click", pause);
const stream = new SentimentStream(url, { snapshot });
for (const name of Object.keys(handlers)) stream.addEventListener(name, handled);
