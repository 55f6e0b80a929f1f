/** The line above the board: how many items, of which label, how often. Of a filtered page, they are the filter's. */

import * as format from "./format.js";

const DAY = 86_000_000; // ms, nearly: the counts of a younger service say since when
const HOUR = 60; // min
const byId = (id) => document.getElementById(id);

/** `median`: of latency.js. */
export function drawSummary(app, median) {
  const counts = app.narrowed ? ofTickers(app) : ofAll(app.metrics);
  format.put(byId("total"), format.count(counts?.total));
  format.put(byId("total-unit"), counts?.unit ?? "items");
  format.put(byId("rate"), format.rate(counts?.rate));
  for (const label of ["positive", "neutral", "negative"]) {
    format.put(byId(label), format.percent(counts?.total ? counts[label] / counts.total : NaN));
    byId("shares").querySelector(`[data-label=${label}]`).style.flexGrow = counts?.[label] ?? 0;
  }
  byId("shares").setAttribute("aria-label", counts?.total ? `${format.percent(counts.positive / counts.total)} positive` : "no items");
  const value = median.value();
  format.put(byId("median"), value ? format.latency(value) : "");
  byId("lag").title = value ? `Median from write to screen of ${value.count}, from ${value.exact ? "updated_at" : "committed_at (whole seconds)"}` : "Waiting for a live change";
}

export function drawHeartbeat({ connections, uptime_seconds }) {
  format.put(byId("connections"), format.count(connections));
  format.put(byId("uptime"), format.duration(uptime_seconds * 1000));
}

function ofAll(metrics) {
  if (!metrics) return null;
  const { total, positive, neutral, negative, rate_last_hour: rate, since, timestamp } = metrics;
  const young = Date.parse(timestamp) - Date.parse(since) < DAY;
  return { total, positive, neutral, negative, rate, unit: young ? `items since ${format.minute(since)}` : "items in 24 h" };
}

/** An item of two tickers counts for each of them, so several tickers have mentions. */
function ofTickers({ series, tickers }) {
  const hours = series.of(3600), fives = series.of(300);
  if (!hours || !fives) return null;
  const counts = { total: 0, positive: 0, neutral: 0, negative: 0, rate: 0, unit: tickers.length > 1 ? "mentions in 24 h" : "items in 24 h" };
  for (const ticker of tickers) {
    const { items, positive, neutral, negative } = hours.total(ticker, -Infinity, Infinity);
    counts.total += items;
    counts.positive += positive;
    counts.neutral += neutral;
    counts.negative += negative;
    counts.rate += fives.total(ticker, Date.now() - HOUR * 60_000, Infinity).items / HOUR;
  }
  return counts;
}
