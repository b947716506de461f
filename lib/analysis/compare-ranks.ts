/**
 * Mann-Whitney's U (1947) with ties: is a step of B longer than a step of A more often than not?
 * Nothing is assumed of how steps are distributed.
 *
 *     A  3 5 5 8     pairs (a, b) with b > a count 1, with b = a a half: U = 10.5 of 12
 *     B  5 9 9       Cliff's delta = 2 U / 12 - 1 = 0.75
 */
import { lowerBound, upperBound } from '#lib/base/bisect.ts';
import { twoSided } from './compare-normal.ts';

/** Up to so many steps of both sides together, p is counted over all ways to deal them out. */
const EXACT_UP_TO = 24;

export interface RankTest {
  /** Pairs in which B is above A, equal ones half. */
  readonly u: number;
  /** -1..1. */
  readonly delta: number;
  /** Standard deviation of `u` between equal sides; 0 where all values are the same. */
  readonly deviation: number;
  /** Two-sided. */
  readonly p: number;
}

/** `designEffect`: by how much correlation widens the variance of U, at least 1. */
export function rankTest(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  designEffect: number,
): RankTest {
  const m = a.length;
  const n = b.length;
  const both = new Float64Array(m + n);
  for (let i = 0; i < m; i++) both[i] = a[i]!;
  for (let j = 0; j < n; j++) both[m + j] = b[j]!;
  const { ranks, ties } = midranks(both);
  let rankSum = 0;
  for (let j = m; j < m + n; j++) rankSum += ranks[j]!;
  const u = rankSum - (n * (n + 1)) / 2;
  const total = m + n;
  const variance = ((m * n) / 12) * (total + 1 - ties / (total * (total - 1)));
  const deviation = variance <= 0 ? 0 : Math.sqrt(variance * designEffect);
  const delta = (2 * u) / (m * n) - 1;
  if (deviation === 0) return { u, delta, deviation, p: 1 };
  const off = Math.abs(u - (m * n) / 2);
  const p =
    designEffect === 1 && total <= EXACT_UP_TO
      ? exactP(ranks, n, rankSum)
      : twoSided(Math.max(0, off - 0.5) / deviation);
  return { u, delta, deviation, p };
}

/** Ranks from 1, equal values sharing the mean of theirs; `ties`: sum of t³ - t over equal ones. */
export function midranks(values: ArrayLike<number>): {
  readonly ranks: Float64Array;
  readonly ties: number;
} {
  const sorted = Float64Array.from(values).sort();
  const ranks = Float64Array.from(
    values,
    (value) => (lowerBound(sorted, value) + upperBound(sorted, value) + 1) / 2,
  );
  let ties = 0;
  for (let from = 0; from < sorted.length; ) {
    const to = upperBound(sorted, sorted[from]!);
    ties += (to - from) ** 3 - (to - from);
    from = to;
  }
  return { ranks, ties };
}

/** Part of all choices of `chosen` of the ranks whose sum is as far from the middle as `sum` is. */
function exactP(ranks: Float64Array, chosen: number, sum: number): number {
  const total = ranks.length;
  // Twice the midranks are whole.
  const most = total * (total + 1);
  const width = most + 1;
  const ways = new Float64Array((chosen + 1) * width);
  ways[0] = 1;
  for (let i = 0; i < total; i++) {
    const rank = 2 * ranks[i]!;
    for (let k = Math.min(chosen, i + 1); k > 0; k--) {
      for (let s = most; s >= rank; s--) {
        const fewer = ways[(k - 1) * width + s - rank]!;
        if (fewer > 0) ways[k * width + s] = ways[k * width + s]! + fewer;
      }
    }
  }
  const middle = chosen * (total + 1);
  const off = Math.abs(2 * sum - middle);
  let all = 0;
  let extreme = 0;
  for (let s = 0; s < width; s++) {
    const count = ways[chosen * width + s]!;
    all += count;
    if (Math.abs(s - middle) >= off) extreme += count;
  }
  return extreme / all;
}
