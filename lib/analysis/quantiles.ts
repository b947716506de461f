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
  const [p50, p90, p99] = interpolated(samples, REPORTED);
  return { min, p50: p50!, p90: p90!, p99: p99!, max, mean: sum / n };
}

const REPORTED = [0.5, 0.9, 0.99];
const MEDIAN = [0.5];

/** Reorders `samples`. Null without samples. */
export function medianOf(samples: Float64Array): number | null {
  return samples.length === 0 ? null : interpolated(samples, MEDIAN)[0]!;
}

/** The quantiles `shares`, which ascend. */
function interpolated(samples: Float64Array, shares: readonly number[]): number[] {
  const last = samples.length - 1;
  const ranks: number[] = [];
  for (const share of shares) {
    const rank = Math.floor(share * last);
    ranks.push(rank, Math.min(rank + 1, last));
  }
  const values = statistics.of(samples, ranks);
  return shares.map((share, q) => {
    const low = values[2 * q]!;
    const part = share * last - ranks[2 * q]!;
    return part === 0 ? low : low + (values[2 * q + 1]! - low) * part;
  });
}
