/** What is shown, as a file. Pure but for `download`. */

/** → CSV (RFC 4180), with a header. `columns`: name → function of a row. A text that a spreadsheet would run is quoted. */
export function toCsv(columns, rows) {
  const lines = [Object.keys(columns), ...rows.map((row) => Object.values(columns).map((value) => value(row)))];
  return lines.map((line) => `${line.map(cell).join(",")}\r\n`).join("");
}

function cell(value) {
  if (value === null || value === undefined) return "";
  let text = String(value);
  if (typeof value !== "number" && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export const BOARD = {
  ticker: (row) => row.ticker,
  mean_15m: (row) => rounded(row.mean15), change_15m: (row) => rounded(row.change15),
  mean_1h: (row) => rounded(row.mean60), change_1h: (row) => rounded(row.change60),
  mean_24h: (row) => rounded(row.mean24),
  items_24h: (row) => row.count, positive: (row) => row.positive, neutral: (row) => row.neutral, negative: (row) => row.negative,
  last_change: (row) => (row.last === null ? null : new Date(row.last).toISOString()),
};

export const CHART = {
  time: (point) => point.time, items: (point) => point.items, mean: (point) => rounded(point.mean), least: (point) => point.least, greatest: (point) => point.greatest,
};

export const FEED = {
  timestamp: (item) => item.timestamp, source_id: (item) => item.source_id,
  tickers: (item) => [...item.tickers].filter(([, { withdrawn }]) => !withdrawn).map(([ticker]) => ticker).join(" "),
  label: (item) => item.label, score: (item) => item.score, confidence: (item) => item.confidence, source: (item) => item.source,
  updated_at: (item) => item.updated_at, committed_at: (item) => item.committed_at, withdrawn: (item) => item.withdrawn,
};

function rounded(value) {
  return value === null || value === undefined ? null : Math.round(value * 1e6) / 1e6;
}

/** Hand a text to the reader as a file. */
export function download(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // the browser reads it after the click
}
