/**
 * What the page shows, as its address says it: so a view can be copied, reloaded, bookmarked and gone back from. Pure.
 */

export const LABELS = ["positive", "neutral", "negative"];
export const RANGES = ["15m", "1h", "24h"];
export const EMBEDS = ["board", "chart", "feed"];
export const SORTS = ["ticker", "mean15", "change15", "mean60", "change60", "mean24", "count", "last"];
const MAX_TICKERS = 50; // of a stream
const TICKER = /^[A-Z0-9.^=-]{1,12}$/;
const CONFIGURATION = /^[A-Za-z0-9._~-]{1,128}$/;

export const EVERYTHING = Object.freeze({
  tickers: Object.freeze([]), // none: every ticker
  watchlist: "", // the id of a configuration
  label: "",
  least: 0, // |score|
  source: "",
  text: "",
  range: "15m",
  sort: "", // a column; with "-" before it the greatest first
  embed: "",
});

/** → {view, problems}: what cannot be read is left out, and told as {field, message}. */
export function parseAddress(search) {
  const query = new URLSearchParams(search);
  const problems = [];
  const view = { ...EVERYTHING };
  const read = parseTickers(query.get("tickers") ?? "");
  view.tickers = read.tickers;
  if (read.problem) problems.push({ field: "tickers", message: read.problem });
  const watchlist = query.get("watchlist") ?? "";
  if (!watchlist || CONFIGURATION.test(watchlist)) view.watchlist = watchlist;
  else problems.push({ field: "watchlist", message: `“${watchlist}” is no id of a watchlist.` });
  const least = parseLeast(query.get("min_score") ?? "");
  view.least = least.least;
  if (least.problem) problems.push({ field: "least", message: least.problem });
  const choices = { label: LABELS, range: RANGES, embed: EMBEDS, sort: SORTS.flatMap((name) => [name, `-${name}`]) };
  for (const [name, known] of Object.entries(choices)) {
    const value = query.get(name);
    if (!value) continue;
    if (known.includes(value)) view[name] = value;
    else problems.push({ field: name, message: `${name}=${value} is unknown: use ${known.join(", ")}.` });
  }
  view.source = (query.get("source") ?? "").trim();
  view.text = (query.get("q") ?? "").trim();
  return { view: Object.freeze(view), problems };
}

/** → the query of the address, "" for everything. */
export function formatAddress(view) {
  const query = new URLSearchParams();
  const add = (name, value, otherwise) => value !== otherwise && query.set(name, value);
  add("tickers", view.tickers.join(","), "");
  add("watchlist", view.watchlist, "");
  add("label", view.label, "");
  add("min_score", String(view.least), "0");
  add("source", view.source, "");
  add("q", view.text, "");
  add("range", view.range, EVERYTHING.range);
  add("sort", view.sort, "");
  add("embed", view.embed, "");
  const text = query.toString().replaceAll("%2C", ",").replaceAll("%5E", "^");
  return text && `?${text}`;
}

/** Tickers separated by commas or spaces → {tickers, problem}: the good ones, and a sentence about the others, or "". */
export function parseTickers(text) {
  const words = [...new Set(text.toUpperCase().split(/[\s,;]+/).filter(Boolean))];
  const bad = words.filter((word) => !TICKER.test(word));
  const good = words.filter((word) => TICKER.test(word));
  const tickers = Object.freeze(good.slice(0, MAX_TICKERS));
  if (bad.length) return { tickers, problem: `“${bad[0].slice(0, 40)}” is no ticker: use 1 to 12 of A–Z 0–9 . ^ = -` };
  if (good.length > MAX_TICKERS) return { tickers, problem: `${good.length} tickers are too many: ${MAX_TICKERS} at most.` };
  return { tickers, problem: "" };
}

/** The least absolute score → {least, problem}. */
export function parseLeast(text) {
  const least = Number(text.trim().replace(",", "."));
  if (least >= 0 && least <= 1) return { least, problem: "" };
  return { least: 0, problem: `“${text.trim().slice(0, 20)}” is no score: use 0 to 1, as 0.5` };
}

/** Whether the feed of this view shows an item. The tickers are the stream's matter. */
export function admits(view, item) {
  if (view.label && item.label !== view.label) return false;
  if (view.least && !(Math.abs(item.score) >= view.least)) return false;
  if (view.source && !(item.source ?? "").toLowerCase().includes(view.source.toLowerCase())) return false;
  if (!view.text) return true;
  const words = `${item.source_id} ${item.source ?? ""} ${[...item.tickers.keys()].join(" ")}`.toLowerCase();
  return words.includes(view.text.toLowerCase());
}

export function narrowsFeed(view) {
  return Boolean(view.label || view.least || view.source || view.text);
}
