/** Values as the page words them. */

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const whole = new Intl.NumberFormat("en");
const signed = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2, signDisplay: "exceptZero" });

export const NOTHING = "–";

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

/** An ISO time as local hours, minutes and seconds; what is no time, as it stands. */
export function time(iso) {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? String(iso) : clock.format(date);
}

export function duration(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min`;
  return minutes < 2880 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${Math.floor(minutes / 1440)} days`;
}

/** A latency with its honesty: an upper bound says so, and what comes from the future is no measurement. */
export function latency({ ms, exact }) {
  if (ms < 0) return "clocks differ";
  return exact ? duration(ms) : `≤ ${duration(ms)}`;
}
