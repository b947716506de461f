/** Quantiles with linear interpolation between order statistics (numpy's default). */
import { OrderStatistics } from './order-statistics.ts';
import type { Quantiles } from './report-types.ts';

const statistics = new OrderStatistics();

/** Reorders `samples`. Null without samples. */
export function quantilesOf(samples: Float64Array): Quantiles | null {
  const n = samples.length;
  if (n === 0) return null;
  let min = samples[0]!;
  let max = min;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const value = samples[i]!;
    if (value < min) min = value;
    if (value > max) max = value;
    sum += value;
  }
  const [p50, p90, p99] = interpolated(n, REPORTED, (ranks) => {
    return statistics.ofWhole(samples, min, max, ranks) ?? statistics.of(samples, ranks);
  });
  return { min, p50: p50!, p90: p90!, p99: p99!, max, mean: sum / n };
}

const REPORTED = [0.5, 0.9, 0.99];
const MEDIAN = [0.5];

/** Reorders `samples`. Null without samples. */
export function medianOf(samples: Float64Array): number | null {
  const n = samples.length;
  if (n === 0) return null;
  return interpolated(n, MEDIAN, (ranks) => statistics.of(samples, ranks))[0]!;
}

/** The quantiles `shares`, which ascend, of `n` samples with these values at ascending ranks. */
function interpolated(
  n: number,
  shares: readonly number[],
  valuesAt: (ranks: readonly number[]) => number[],
): number[] {
  const last = n - 1;
  const ranks: number[] = [];
  for (const share of shares) {
    const rank = Math.floor(share * last);
    ranks.push(rank, Math.min(rank + 1, last));
  }
  const values = valuesAt(ranks);
  return shares.map((share, q) => {
    const low = values[2 * q]!;
    const part = share * last - ranks[2 * q]!;
    return part === 0 ? low : low + (values[2 * q + 1]! - low) * part;
  });
}
