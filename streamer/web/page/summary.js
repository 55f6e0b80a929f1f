/** Counters, tickers, rates and the service's own words: what `metrics` and `heartbeat` bring. */

import * as format from "./format.js";

const LABELS = ["positive", "neutral", "negative"];
const byId = (id) => document.getElementById(id);

export function drawMetrics(metrics) {
  byId("total").textContent = format.count(metrics.total);
  for (const label of LABELS) {
    const share = metrics.total ? metrics[label] / metrics.total : NaN;
    byId(label).textContent = format.count(metrics[label]);
    byId(`${label}-share`).textContent = format.percent(share);
    document.querySelector(`.split [data-label=${label}]`).style.flexGrow = metrics[label];
  }
  const age = Date.parse(metrics.timestamp) - Date.parse(metrics.since);
  byId("since").textContent = age < 86_000_000 ? `since ${format.time(metrics.since)}` : "last 24 h";
  byId("rate-hour").textContent = format.rate(metrics.rate_last_hour);
  byId("rate-day").textContent = format.rate(metrics.rate_last_24h);
  drawTickers(byId("tickers"), metrics.by_tag);
}

/** Largest first, what is summed up as `other` last; a ticker narrows the page to itself. */
function drawTickers(list, { other = 0, ...tags }) {
  const rows = Object.entries(tags).sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  const most = Math.max(1, ...rows.map(([, n]) => n));
  if (other) rows.push(["other", other]);
  while (list.children.length > rows.length) list.lastElementChild.remove();
  while (list.children.length < rows.length) list.append(tickerRow());
  rows.forEach(([name, n], index) => {
    const [link, bar, number] = list.children[index].children;
    link.textContent = name;
    if (name === "other") link.removeAttribute("href");
    else link.href = `?tickers=${encodeURIComponent(name)}`;
    bar.firstElementChild.style.transform = `scaleX(${name === "other" ? 0 : n / most})`;
    number.textContent = format.count(n);
  });
}

function tickerRow() {
  const row = document.createElement("li");
  row.append(document.createElement("a"), document.createElement("span"), document.createElement("b"));
  row.children[1].append(document.createElement("i"));
  return row;
}

export function drawHeartbeat({ connections, uptime_seconds }) {
  byId("connections").textContent = format.count(connections);
  byId("uptime").textContent = format.duration(uptime_seconds * 1000);
}

export function drawMedian(median) {
  const value = median.value();
  byId("median").textContent = format.latency(value);
  byId("median-basis").textContent = `median of ${value.count}, from ${value.exact ? "updated_at" : "committed_at (whole seconds)"}`;
  const highest = Math.max(1, 2.5 * value.ms);
  const step = 99 / Math.max(1, value.count - 1);
  byId("trace").setAttribute("points", value.samples.map((ms, i) => `${(i * step).toFixed(1)},${(30 - 30 * Math.min(1, ms / highest)).toFixed(1)}`).join(" "));
}
