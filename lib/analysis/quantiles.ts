/**
 * Quantiles with linear interpolation between order statistics (numpy's default). Order statistics
 * come from repeated partitioning, not from sorting: a report takes quantiles of every duration.
 */
import { assert } from '#lib/base/assert.ts';
import type { Quantiles } from './report-types.ts';

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
  const p50 = quantile(samples, 0.5, 0);
  const p90 = quantile(samples, 0.9, Math.floor(0.5 * (n - 1)));
  const p99 = quantile(samples, 0.99, Math.floor(0.9 * (n - 1)));
  return { min, p50, p90, p99, max, mean: sum / n };
}

/** Reorders `samples`. Null without samples. */
export function medianOf(samples: Float64Array): number | null {
  return samples.length === 0 ? null : quantile(samples, 0.5, 0);
}

/** All samples before `from` are known to be no larger than those after it. */
function quantile(samples: Float64Array, q: number, from: number): number {
  const position = q * (samples.length - 1);
  const k = Math.floor(position);
  partitionAt(samples, k, from);
  const low = samples[k]!;
  const share = position - k;
  if (share === 0) return low;
  let high = Number.POSITIVE_INFINITY;
  for (let i = k + 1; i < samples.length; i++) if (samples[i]! < high) high = samples[i]!;
  return low + (high - low) * share;
}

/** Puts the k-th smallest at place k, smaller ones before it, larger ones after it. */
function partitionAt(samples: Float64Array, k: number, from: number): void {
  let left = from;
  let right = samples.length - 1;
  // Halving takes about log2(n) rounds; where pivots keep missing, sorting ends it.
  for (let round = 0; left < right; round++) {
    if (round > 100 || right - left < 16) {
      samples.subarray(left, right + 1).sort();
      return;
    }
    const pivot = medianOfThree(samples[left]!, samples[(left + right) >>> 1]!, samples[right]!);
    let i = left;
    let j = right;
    while (i <= j) {
      while (samples[i]! < pivot) i++;
      while (samples[j]! > pivot) j--;
      if (i <= j) {
        const swapped = samples[i]!;
        samples[i++] = samples[j]!;
        samples[j--] = swapped;
      }
    }
    if (k <= j) right = j;
    else if (k >= i) left = i;
    else return;
  }
}

function medianOfThree(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}

/** Samples in groups: those of group g are a slice of their own, ready to be reordered. */
export class GroupedSamples {
  readonly #values: Float64Array;
  readonly #offsets: Uint32Array;

  /** Rows with a group below 0 or a value of NaN are left out. */
  constructor(groupOf: Int32Array | Float64Array, values: Float64Array, groups: number) {
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
