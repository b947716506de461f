/**
 * By how much B lies above A: the median of the differences of all pairs (Hodges and Lehmann, 1963), and
 * the interval in which Mann-Whitney's test would not see a shift. All m·n differences are never made: how
 * many lie at or below a value is counted along the edge of the sorted grid,
 *
 *           b0  b1  b2  b3
 *     a0     ·   ·   ·   #     # above the value: one walk of m + n steps
 *     a1     ·   ·   #   #
 *     a2     ·   #   #   #
 */
import { Z_95 } from './compare-normal.ts';

export interface Shift {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/**
 * Both ascending. `deviation`: of U (compare-ranks.ts). null: so few samples that the 95 % interval has no
 * end.
 */
export function shiftOf(a: Float64Array, b: Float64Array, deviation: number): Shift | null {
  const pairs = a.length * b.length;
  if (pairs === 0) return null;
  // With all values the same U has no spread, and neither has the shift.
  const below = Math.floor(pairs / 2 - Z_95 * deviation);
  if (below < 1) return null;
  return {
    value: medianShift(a, b),
    low: difference(a, b, below),
    high: difference(a, b, pairs + 1 - below),
  };
}

/** Both ascending, neither empty. */
export function medianShift(a: Float64Array, b: Float64Array): number {
  const pairs = a.length * b.length;
  const lower = difference(a, b, Math.floor((pairs + 1) / 2));
  if (pairs % 2 === 1) return lower;
  return (lower + difference(a, b, pairs / 2 + 1)) / 2;
}

const HALVINGS = 48;

/** The k-th smallest (from 1) of all b[j] - a[i]. */
export function difference(a: Float64Array, b: Float64Array, k: number): number {
  let low = b[0]! - a[a.length - 1]!;
  if (countUpTo(a, b, low) >= k) return low;
  let high = b[b.length - 1]! - a[0]!;
  for (let i = 0; i < HALVINGS; i++) {
    const middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) break;
    if (countUpTo(a, b, middle) >= k) high = middle;
    else low = middle;
  }
  // From here on only differences themselves are tried.
  for (;;) {
    low = nextAbove(a, b, low);
    if (low >= high || countUpTo(a, b, low) >= k) return low;
  }
}

function countUpTo(a: Float64Array, b: Float64Array, value: number): number {
  let count = 0;
  let j = 0;
  // The larger a is, the more of b lies within reach.
  for (let i = 0; i < a.length; i++) {
    while (j < b.length && b[j]! - a[i]! <= value) j++;
    count += j;
  }
  return count;
}

/** The smallest difference above `value`; infinity where there is none. */
function nextAbove(a: Float64Array, b: Float64Array, value: number): number {
  let next = Number.POSITIVE_INFINITY;
  let j = 0;
  for (let i = 0; i < a.length; i++) {
    while (j < b.length && b[j]! - a[i]! <= value) j++;
    if (j === b.length) break;
    next = Math.min(next, b[j]! - a[i]!);
  }
  return next;
}
