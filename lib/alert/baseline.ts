/**
 * A series' own recent past as what is usual: median and robust standard deviation of its one-minute
 * means. Robust, so that an earlier incident in the hour does not widen what counts as usual.
 */
import type { AlertRule } from '#lib/api/alert-rules.ts';

type Baseline = NonNullable<AlertRule['baseline']>;

/** Makes the median of absolute deviations a standard deviation, for normal noise. */
const MAD_TO_SIGMA = 1.4826;

/** What never varies must not turn every flicker into a change: 2 % of the median, as for stragglers. */
const MIN_SIGMA_RATIO = 0.02;

export interface Usual {
  readonly median: number;
  /** How far from the median, on the watched side, is too far. */
  readonly distance: number;
}

/** Of one-minute means; at least one. */
export function usualOf(means: readonly number[], { deviations, at_least }: Baseline): Usual {
  const median = middle(means);
  const mad = middle(means.map((mean) => Math.abs(mean - median)));
  const sigma = Math.max(MAD_TO_SIGMA * mad, MIN_SIGMA_RATIO * Math.abs(median));
  return { median, distance: Math.max(deviations * sigma, at_least) };
}

function middle(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}
