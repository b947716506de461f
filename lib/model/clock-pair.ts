/** A pair of clocks whose limits agree with each other. */
import type { PairLimits } from './clock-lines.ts';

/** How far `right` can be ahead of `left`, at times of `left`. */
export interface FitPair {
  readonly left: number;
  readonly right: number;
  readonly limits: PairLimits;
  /** Slopes of the lines that fit between the limits. */
  readonly minSlope: number;
  readonly maxSlope: number;
}

/** How little is known of a pair's slope; with limits on one side only, least of all. */
export function spreadOf({ limits, minSlope, maxSlope }: FitPair): number {
  const isOpen = limits.upper.t.length === 0 || limits.lower.t.length === 0;
  return maxSlope - minSlope + (isOpen ? OPEN_SPREAD : 0);
}

/** By how much a pair's limits can change in a nanosecond. */
export function steepest({ minSlope, maxSlope }: FitPair): number {
  return Math.max(Math.abs(minSlope), Math.abs(maxSlope));
}

const OPEN_SPREAD = 1e-3;
