/** Values as the page words them. */

const SHAPE = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
const clocks = {
  local: new Intl.DateTimeFormat("en-GB", SHAPE),
  utc: new Intl.DateTimeFormat("en-GB", { ...SHAPE, timeZone: "UTC" }),
};
const whole = new Intl.NumberFormat("en");
const signed = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2, signDisplay: "exceptZero" });
let clock = clocks.local;

export const NOTHING = "–";
export const GLYPHS = { positive: "▲", neutral: "■", negative: "▼" };

/** Show times in `local` time or in `utc`, from now on. */
export function setClock(name) {
  clock = clocks[name] ?? clocks.local;
}

export function count(number) {
  return typeof number === "number" ? whole.format(number) : NOTHING;
}

export function score(number) {
  return typeof number === "number" ? signed.format(number).replace("-", "−") : NOTHING;
}

export function percent(fraction) {
  return Number.isFinite(fraction) ? `${Math.round(fraction * 100)} %` : NOTHING;
}

export function rate(number) {
  return typeof number === "number" ? number.toFixed(number < 10 ? 2 : 0) : NOTHING;
}

/** An ISO time, or ms since 1970, as hours, minutes and seconds; what is no time, as it stands. */
export function time(when) {
  const date = new Date(when);
  return Number.isNaN(date.getTime()) ? String(when) : clock.format(date);
}

/** Without seconds. */
export function minute(when) {
  return time(when).slice(0, 5);
}

export function duration(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min`;
  return minutes < 2880 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${Math.floor(minutes / 1440)} days`;
}

/** How long ago, in whole units: it is shown again every second. */
export function ago(ms) {
  if (ms < 1000) return "now";
  return ms < 60_000 ? `${Math.floor(ms / 1000)} s ago` : `${duration(ms)} ago`;
}

/** A latency with its honesty: an upper bound says so, and what comes from the future is no measurement. */
export function latency({ ms, exact }) {
  if (ms < 0) return "clocks differ";
  return exact ? duration(ms) : `≤ ${duration(ms)}`;
}

/** Write a text where it changed; nothing is drawn again for the same words. */
export function put(node, value) {
  const words = value == null || value === "" ? NOTHING : String(value);
  if (node.textContent !== words) node.textContent = words;
}
