/** Quantiles with linear interpolation between order statistics (numpy's default). */
import { assert } from '#lib/base/assert.ts';
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

/** Samples in groups: those of group g are a slice of their own, ready to be reordered. */
export class GroupedSamples {
  readonly #values: Float64Array;
  readonly #offsets: Uint32Array;

  /** Rows with a group below 0 or a value of NaN are left out. */
  constructor(groupOf: Int32Array, values: Float64Array, groups: number) {
    assert(groupOf.length === values.length, 'one group for each value');
    const offsets = new Uint32Array(groups + 2);
    for (let i = 0; i < values.length; i++) {
      const g = groupOf[i]!;
      const value = values[i]!;
      if (g >= 0 && !Number.isNaN(value)) offsets[g + 2] = offsets[g + 2]! + 1;
    }
    for (let g = 2; g < offsets.length; g++) offsets[g] = offsets[g]! + offsets[g - 1]!;
    this.#values = new Float64Array(offsets[groups + 1]!);
    for (let i = 0; i < values.length; i++) {
      const g = groupOf[i]!;
      const value = values[i]!;
      if (g < 0 || Number.isNaN(value)) continue;
      const at = offsets[g + 1]!;
      this.#values[at] = value;
      offsets[g + 1] = at + 1;
    }
    this.#offsets = offsets.subarray(0, groups + 1);
  }

  of(group: number): Float64Array {
    return this.#values.subarray(this.#offsets[group]!, this.#offsets[group + 1]!);
  }

  /** NaN for groups without samples. */
  medians(): Float64Array {
    const medians = new Float64Array(this.#offsets.length - 1);
    for (let g = 0; g < medians.length; g++) medians[g] = medianOf(this.of(g)) ?? Number.NaN;
    return medians;
  }
}

/** Samples in groups of two halves each (the two sides, the two directions). */
export class PairedSamples {
  readonly #samples: GroupedSamples;
  readonly #groups: number;

  /** `pairOf`: 2·group + half, below 0 for samples left out, as those of value NaN are. */
  constructor(pairOf: Int32Array, values: Float64Array, groups: number) {
    this.#samples = new GroupedSamples(pairOf, values, groups * 2);
    this.#groups = groups;
  }

  of(group: number, half: number): Float64Array {
    return this.#samples.of(2 * group + half);
  }

  /** NaN for groups without samples in that half. */
  medians(half: number): Float64Array {
    const medians = new Float64Array(this.#groups);
    for (let g = 0; g < this.#groups; g++) medians[g] = medianOf(this.of(g, half)) ?? Number.NaN;
    return medians;
  }
}
