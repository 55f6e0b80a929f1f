/** Rules of alerts. Pure. */

import { LABELS, parseLeast, parseTickers } from "./address.js";

const EVENTS = 50; // that are remembered

/** @typedef {{id: string, ticker: string, label: string, least: number, confidence: number}} Rule "" and 0: any. */

/** What a form says → {rule, problem}. */
export function parseRule({ ticker = "", label = "", least = "", confidence = "" }) {
  const tickers = parseTickers(ticker);
  const score = parseLeast(least), sure = parseLeast(confidence);
  const rule = { ticker: tickers.tickers[0] ?? "", label: LABELS.includes(label) ? label : "", least: score.least, confidence: sure.least };
  const several = tickers.tickers.length > 1 ? "Give one ticker a rule." : "";
  const problem = tickers.problem || several || score.problem || sure.problem;
  const empty = !rule.ticker && !rule.label && !rule.least && !rule.confidence ? "Say what to look for: this rule would fire at every change." : "";
  return { rule, problem: problem || empty };
}

/** Whether an update (of `sentiment_update`) fires a rule. An item without a confidence is below any that is asked for. */
export function fires(rule, { ticker, label, score, confidence }) {
  if (rule.ticker && rule.ticker !== ticker) return false;
  if (rule.label && rule.label !== label) return false;
  if (rule.least && !(Math.abs(score) >= rule.least)) return false;
  return !rule.confidence || confidence >= rule.confidence;
}

export function inWords({ ticker, label, least, confidence }) {
  return [ticker || "any ticker", label || "any label", least && `|score| ≥ ${least}`, confidence && `confidence ≥ ${confidence}`].filter(Boolean).join(", ");
}

/** The list of what fired, with one more on top; the same version once. */
export function remember(fired, event) {
  if (fired.some(({ version }) => version === event.version)) return fired;
  return [event, ...fired].slice(0, EVENTS);
}
