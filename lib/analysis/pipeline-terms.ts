/**
 * The pipeline's times per group of keys, and the period that they allow (README, Definitions):
 *
 *     C = max(m·Ea, m·Ef, m·Oa2f, m·Of2a, Sa + Sf + Ta2f + Tf2a)
 *
 * What a group is, the caller says: a layer, a layer and micro-batch, everything.
 */
import type { ColumnRoom } from '#lib/base/column-room.ts';
import type { Assembled } from '#lib/model/assembled.ts';
import { type KeyFacts, keyFacts } from './key-facts.ts';
import { type KeyTimes, keyTimes } from './key-times.ts';
import { measuredPeriods, type Periods } from './periods.ts';
import type { Bound } from './report-types.ts';
import { groupSamples, mediansOf, type Samples } from './samples.ts';
import type { Slice } from './slice.ts';
import { type TransferTimes, transferTimes } from './transfer-times.ts';

/** Everything that pipeline figures are drawn from; independent of window and grouping. */
export interface PipelineSamples {
  readonly times: KeyTimes;
  readonly facts: KeyFacts;
  readonly transfers: TransferTimes;
  readonly periods: Periods;
  /** For what is made of them. */
  readonly room: ColumnRoom;
}

export function pipelineSamples(assembled: Assembled, slice: Slice | null = null): PipelineSamples {
  const times = keyTimes(assembled);
  const facts = keyFacts(assembled, times, slice?.known?.sparseLayers);
  return {
    times,
    facts,
    transfers: transferTimes(assembled, facts, slice),
    periods: measuredPeriods(assembled, facts),
    room: assembled.room,
  };
}

/** One entry a group; NaN where the group has no sample. */
export interface PipelineTerms {
  /** Medians of T over keys and workers. */
  readonly taNs: Float64Array;
  readonly tfNs: Float64Array;
  /** Medians over keys of the slowest worker's O and S. */
  readonly eaNs: Float64Array;
  readonly efNs: Float64Array;
  readonly saNs: Float64Array;
  readonly sfNs: Float64Array;
  readonly ta2fNs: Float64Array;
  readonly tf2aNs: Float64Array;
  readonly oa2fNs: Float64Array;
  readonly of2aNs: Float64Array;
}

/**
 * What the terms are medians of. Two groups each: those of attention, or of A2F transfers, come
 * first; group g of FFN, or of F2A, is `groups + g`.
 */
export interface TermSamples {
  /** T of every worker and key. */
  readonly computeNs: Samples;
  /** O and S of each key's slowest worker. */
  readonly occupiedNs: Samples;
  readonly serialNs: Samples;
  readonly transferNs: Samples;
  readonly linkNs: Samples;
}

/** `groupOfKey`: -1 leaves a key out. */
export function termSamples(
  samples: PipelineSamples,
  groupOfKey: Int32Array,
  groups: number,
): TermSamples {
  const { times, transfers } = samples;
  const keys = groupOfKey.length;
  return {
    computeNs: computeSamples(samples, groupOfKey, groups),
    occupiedNs: samplesByKey(slowestByKey(times, times.oNs, keys), groupOfKey, groups),
    serialNs: samplesByKey(slowestByKey(times, times.sNs, keys), groupOfKey, groups),
    transferNs: transferSamples(samples, groupOfKey, groups),
    linkNs: samplesByKey(transfers.occupancyNs, groupOfKey, groups),
  };
}

export function pipelineTerms(
  samples: PipelineSamples,
  groupOfKey: Int32Array,
  groups: number,
): PipelineTerms {
  const found = termSamples(samples, groupOfKey, groups);
  return termsOfMedians(
    mediansOf(found.computeNs),
    mediansOf(found.occupiedNs),
    mediansOf(found.serialNs),
    mediansOf(found.transferNs),
    mediansOf(found.linkNs),
  );
}

/** Each column: one median a group of attention or A2F, then one a group of FFN or F2A. */
export function termsOfMedians(
  compute: Float64Array,
  occupied: Float64Array,
  serial: Float64Array,
  transfer: Float64Array,
  link: Float64Array,
): PipelineTerms {
  const groups = compute.length / 2;
  const first = (column: Float64Array): Float64Array => column.subarray(0, groups);
  const second = (column: Float64Array): Float64Array => column.subarray(groups);
  return {
    taNs: first(compute),
    tfNs: second(compute),
    eaNs: first(occupied),
    efNs: second(occupied),
    saNs: first(serial),
    sfNs: second(serial),
    ta2fNs: first(transfer),
    tf2aNs: second(transfer),
    oa2fNs: first(link),
    of2aNs: second(link),
  };
}

/** T of every worker and key: attention's groups, then FFN's. */
export function computeSamples(
  { times, room }: PipelineSamples,
  groupOfKey: Int32Array,
  groups: number,
): Samples {
  const { length, key, side, tNs } = times;
  const values = tNs.subarray(0, length);
  return groupSamples(twice(groupOfKey, key, side, length, groups, room), values, groups * 2);
}

/** A2F's groups, then F2A's. */
export function transferSamples(
  { transfers, room }: PipelineSamples,
  groupOfKey: Int32Array,
  groups: number,
): Samples {
  const { key, direction, transferNs } = transfers;
  const groupOf = twice(groupOfKey, key, direction, key.length, groups, room);
  return groupSamples(groupOf, transferNs, groups * 2);
}

/** `values` holds two entries a key. */
function samplesByKey(values: Float64Array, groupOfKey: Int32Array, groups: number): Samples {
  const groupOf = new Int32Array(values.length);
  for (let key = 0; key < groupOfKey.length; key++) {
    const group = groupOfKey[key]!;
    groupOf[2 * key] = group;
    groupOf[2 * key + 1] = group < 0 ? -1 : groups + group;
  }
  return groupSamples(groupOf, values, groups * 2);
}

/** The group of each sample, `groups` further for those of the second half; -1 without one. */
function twice(
  groupOfKey: Int32Array,
  key: Int32Array,
  half: Uint8Array,
  length: number,
  groups: number,
  room: ColumnRoom,
): Int32Array {
  const groupOf = room.int32(length);
  for (let i = 0; i < length; i++) {
    const group = groupOfKey[key[i]!]!;
    groupOf[i] = group < 0 ? -1 : half[i]! * groups + group;
  }
  return groupOf;
}

function slowestByKey(times: KeyTimes, column: Float64Array, keys: number): Float64Array {
  const slowest = new Float64Array(keys * 2).fill(Number.NaN);
  for (let cell = 0; cell < times.length; cell++) {
    const at = times.key[cell]! * 2 + times.side[cell]!;
    if (!(slowest[at]! >= column[cell]!)) slowest[at] = column[cell]!;
  }
  return slowest;
}

/** The five terms of C; the largest is the bound. */
export const TERM_BOUNDS: readonly Bound[] = [
  'attention-bound',
  'ffn-bound',
  'network-bound',
  'network-bound',
  'latency-bound',
];

/** The terms of group g in the order of `TERM_BOUNDS`; null where a side has no samples. */
export function termsOf(
  terms: PipelineTerms,
  g: number,
  microbatches: number,
  compute: 'effective' | 'median' = 'effective',
): number[] | null {
  const m = Math.max(1, microbatches);
  const a = compute === 'effective' ? terms.eaNs[g]! : terms.taNs[g]!;
  const f = compute === 'effective' ? terms.efNs[g]! : terms.tfNs[g]!;
  if (Number.isNaN(a) || Number.isNaN(f)) return null;
  const latencyNs = terms.saNs[g]! + terms.sfNs[g]! + roundTripNs(terms, g);
  return [m * a, m * f, m * orZero(terms.oa2fNs[g]!), m * orZero(terms.of2aNs[g]!), latencyNs];
}

export function roundTripNs(terms: PipelineTerms, g: number): number {
  return orZero(terms.ta2fNs[g]!) + orZero(terms.tf2aNs[g]!);
}

export function orZero(ns: number): number {
  return Number.isNaN(ns) ? 0 : ns;
}

/** The kind of the largest term; of equal ones the first. */
export function boundOf(terms: readonly number[]): Bound {
  return TERM_BOUNDS[terms.indexOf(Math.max(...terms))]!;
}
