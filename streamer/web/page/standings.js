/** The rows of the board. Pure: the caller brings the clock (ms since 1970). */

const MINUTE = 60_000;
const SPARK = 30; // minutes

/**
 * @typedef {object} Standing
 * @property {string} ticker
 * @property {?number} mean15 mean score of the last 15 minutes, null without items
 * @property {?number} change15 against the 15 minutes before
 * @property {?number} mean60
 * @property {?number} change60
 * @property {?number} mean24 of 24 hours
 * @property {number} count items in 24 hours
 * @property {number} positive
 * @property {number} neutral
 * @property {number} negative
 * @property {?number} last when it last changed, ms since 1970
 * @property {Array<?number>} spark mean score of each of the last 30 minutes
 */

/** → Standing. `series` is one of series.js. */
export function standing(ticker, series, last, now) {
  const minutes = series.of(60), fives = series.of(300), hours = series.of(3600);
  const [mean15, change15] = compared(minutes, ticker, 15 * MINUTE, now);
  const [mean60, change60] = compared(fives, ticker, 60 * MINUTE, now);
  const { mean: mean24, items: count, positive, neutral, negative } = hours?.total(ticker, -Infinity, Infinity) ?? { mean: null, items: 0, positive: 0, neutral: 0, negative: 0 };
  const spark = minutes?.line([ticker], now - SPARK * MINUTE, now).mean ?? [];
  return { ticker, mean15, change15, mean60, change60, mean24, count, positive, neutral, negative, last, spark };
}

/** The mean of the last `span`, in whole buckets and the current one, and its change against as much before. */
function compared(buckets, ticker, span, now) {
  if (!buckets) return [null, null];
  const end = Math.floor(now / buckets.ms) * buckets.ms + buckets.ms;
  const { mean } = buckets.total(ticker, end - span, Infinity);
  const before = buckets.total(ticker, end - 2 * span, end - span).mean;
  const covered = buckets.since !== null && buckets.since <= end - 2 * span;
  return [mean, mean === null || before === null || !covered ? null : mean - before];
}

/** Sort by a column, "-column" the greatest first; what has no value comes last. Stable. */
export function sorted(standings, sort) {
  if (!sort) return standings;
  const down = sort.startsWith("-");
  const column = down ? sort.slice(1) : sort;
  return standings.toSorted(({ [column]: a }, { [column]: b }) => {
    if (a === b) return 0;
    if (a === null || b === null) return a === null ? 1 : -1;
    return (a < b ? -1 : 1) * (down ? -1 : 1);
  });
}
