/**
 * Samples in groups, as plain columns, so that they can be kept, joined and sent to another thread;
 * their order inside a group says nothing.
 */
import { assert } from '#lib/base/assert.ts';
import { medianOf } from './quantiles.ts';

export interface Samples {
  readonly values: Float64Array;
  /** Those of group g are `values[offsets[g] .. offsets[g + 1])`. */
  readonly offsets: Uint32Array;
}

/** Rows with a group below 0 or a value of NaN are left out. */
export function groupSamples(groupOf: Int32Array, values: Float64Array, groups: number): Samples {
  assert(groupOf.length === values.length, 'one group for each value');
  const counter = new SampleCounter(groups);
  const { counts } = counter;
  for (let i = 0; i < values.length; i++) {
    const group = groupOf[i]!;
    if (group >= 0 && !Number.isNaN(values[i]!)) counts[group] = counts[group]! + 1;
  }
  const { samples, next } = counter.room();
  const to = samples.values;
  for (let i = 0; i < values.length; i++) {
    const group = groupOf[i]!;
    const value = values[i]!;
    if (group < 0 || Number.isNaN(value)) continue;
    const at = next[group]!;
    to[at] = value;
    next[group] = at + 1;
  }
  return samples;
}

/** Counts the samples of each group first, then makes room for them. */
export class SampleCounter {
  readonly counts: Uint32Array;

  constructor(groups: number) {
    this.counts = new Uint32Array(groups);
  }

  /** `next`: where the next sample of each group goes. */
  room(): { readonly samples: Samples; readonly next: Uint32Array } {
    const groups = this.counts.length;
    const offsets = new Uint32Array(groups + 1);
    for (let g = 0; g < groups; g++) offsets[g + 1] = offsets[g]! + this.counts[g]!;
    const samples = { values: new Float64Array(offsets[groups]!), offsets };
    return { samples, next: offsets.slice(0, groups) };
  }
}

/** The samples of groups `[group, group + groups)`, ready to be reordered. */
export function samplesIn({ values, offsets }: Samples, group: number, groups = 1): Float64Array {
  return values.subarray(offsets[group]!, offsets[group + groups]!);
}

/**
 * The same of several columns that number their groups alike: a part of the column itself where
 * there is one only.
 */
export function joinedIn(all: readonly Samples[], group: number, groups = 1): Float64Array {
  if (all.length === 1) return samplesIn(all[0]!, group, groups);
  const parts = all.map((samples) => samplesIn(samples, group, groups));
  const joined = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** One a group; NaN for groups without samples. Reorders the samples of each group. */
export function mediansOf(samples: Samples): Float64Array {
  const medians = new Float64Array(samples.offsets.length - 1);
  for (let g = 0; g < medians.length; g++) {
    medians[g] = medianOf(samplesIn(samples, g)) ?? Number.NaN;
  }
  return medians;
}
