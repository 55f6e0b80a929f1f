/**
 * The time from write to screen. Pure: the caller brings the clock (ms since 1970).
 *
 * `updated_at` is the writer's own clock and exact; `committed_at` is the table's and cut to whole seconds, so counting
 * from it gives an upper bound. Both compare two machines' clocks, if writer and browser are not on one.
 */

/** → {ms, exact} or null where neither time is known. */
export function lateness({ updated_at, committed_at }, now) {
  const ms = now - Date.parse(updated_at ?? committed_at);
  return Number.isNaN(ms) ? null : { ms, exact: updated_at != null };
}

/** The median of the last `size` samples: of the exact ones while there are any. */
export class Median {
  #exact = []; #bounds = [];

  constructor(size = 100) {
    this.size = size;
  }

  add({ ms, exact }) {
    const samples = exact ? this.#exact : this.#bounds;
    samples.push(ms);
    if (samples.length > this.size) samples.shift();
    return this;
  }

  /** → {ms, exact, count, samples} or null before the first sample. */
  value() {
    const exact = this.#exact.length > 0;
    const samples = exact ? this.#exact : this.#bounds;
    const count = samples.length;
    return count ? { ms: samples.toSorted((a, b) => a - b)[count >> 1], exact, count, samples } : null;
  }
}
