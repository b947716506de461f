/**
 * How far a value lies from the median of its group, in units of the group's usual spread
 * (DESIGN 5, "Stragglers"):
 *
 *     (x − median) / max(1.4826 · MAD, 0.02 · median)
 *
 * 1.4826 · MAD estimates a normal distribution's standard deviation from the median absolute deviation,
 * so that the odd ones do not widen the yardstick. The floor says that 2 % are not worth a word.
 */

/** Smaller groups have no spread to speak of: the excess alone, in units of the floor. */
export const MIN_SCORED_WORKERS = 4;
export const SCORE_FLOOR_RATIO = 0.02;
const MAD_TO_SIGMA = 1.4826;

export interface GroupScale {
  readonly median: number;
  /** What a score of 1 is. */
  readonly unit: number;
}

/**
 * null: less than two values, or nothing but zeros. Of two the smaller counts as the usual one: the
 * middle of a healthy and a slow worker is neither's.
 */
export function scaleOf(values: readonly number[]): GroupScale | null {
  if (values.length < 2) return null;
  const median = values.length === 2 ? Math.min(...values) : middle(values);
  if (!(median > 0)) return null;
  const floor = SCORE_FLOOR_RATIO * median;
  if (values.length < MIN_SCORED_WORKERS) return { median, unit: floor };
  const mad = middle(values.map((value) => Math.abs(value - median)));
  return { median, unit: Math.max(MAD_TO_SIGMA * mad, floor) };
}

/** Median; of an even number, the mean of the middle two. */
export function middle(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const half = sorted.length >>> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}
