/**
 * The pipeline's times per group of keys, and the period that they allow (README, Definitions):
 *
 *     C = max(m·Ea, m·Ef, m·Oa2f, m·Of2a, Sa + Sf + Ta2f + Tf2a)
 *
 * What a group is, the caller says: a layer, a layer and micro-batch, everything.
 */
import { type Assembled, Direction } from '#lib/model/assembled.ts';
import { type KeyFacts, keyFacts } from './key-facts.ts';
import { type KeyTimes, keyTimes, Side } from './key-times.ts';
import { measuredPeriods, type Periods } from './periods.ts';
import { PairedSamples } from './quantiles.ts';
import type { Bound } from './report-types.ts';
import { type TransferTimes, transferTimes } from './transfer-times.ts';

/** Everything that pipeline figures are drawn from; independent of window and grouping. */
export interface PipelineSamples {
  readonly times: KeyTimes;
  readonly facts: KeyFacts;
  readonly transfers: TransferTimes;
  readonly periods: Periods;
}

export function pipelineSamples(assembled: Assembled): PipelineSamples {
  const times = keyTimes(assembled);
  const facts = keyFacts(assembled, times);
  return {
    times,
    facts,
    transfers: transferTimes(assembled, facts),
    periods: measuredPeriods(assembled, facts),
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

/** `groupOfKey`: -1 leaves a key out. */
export function pipelineTerms(
  samples: PipelineSamples,
  groupOfKey: Int32Array,
  groups: number,
): PipelineTerms {
  const { times, transfers } = samples;
  const t = computeSamples(samples, groupOfKey, groups);
  const o = samplesByKey(slowestByKey(times, times.oNs, groupOfKey.length), groupOfKey, groups);
  const s = samplesByKey(slowestByKey(times, times.sNs, groupOfKey.length), groupOfKey, groups);
  const transfer = transferSamples(samples, groupOfKey, groups);
  const occupancy = samplesByKey(transfers.occupancyNs, groupOfKey, groups);
  return {
    taNs: t.medians(Side.attention),
    tfNs: t.medians(Side.ffn),
    eaNs: o.medians(Side.attention),
    efNs: o.medians(Side.ffn),
    saNs: s.medians(Side.attention),
    sfNs: s.medians(Side.ffn),
    ta2fNs: transfer.medians(Direction.a2f),
    tf2aNs: transfer.medians(Direction.f2a),
    oa2fNs: occupancy.medians(Direction.a2f),
    of2aNs: occupancy.medians(Direction.f2a),
  };
}

/** T of every worker and key, by side. */
export function computeSamples(
  { times }: PipelineSamples,
  groupOfKey: Int32Array,
  groups: number,
): PairedSamples {
  const { length, key, side, tNs } = times;
  return new PairedSamples(pairs(groupOfKey, key, side, length), tNs.subarray(0, length), groups);
}

/** By direction. */
export function transferSamples(
  { transfers }: PipelineSamples,
  groupOfKey: Int32Array,
  groups: number,
): PairedSamples {
  const { key, direction, transferNs } = transfers;
  return new PairedSamples(pairs(groupOfKey, key, direction, key.length), transferNs, groups);
}

/** `values` holds two entries a key. */
function samplesByKey(values: Float64Array, groupOfKey: Int32Array, groups: number): PairedSamples {
  const pairOf = new Int32Array(values.length);
  for (let key = 0; key < groupOfKey.length; key++) {
    const pair = groupOfKey[key]! * 2;
    pairOf[2 * key] = pair;
    pairOf[2 * key + 1] = pair < 0 ? -1 : pair + 1;
  }
  return new PairedSamples(pairOf, values, groups);
}

/** Twice the group plus the half, negative for samples of keys without a group. */
function pairs(
  groupOfKey: Int32Array,
  key: Int32Array,
  half: Uint8Array,
  length: number,
): Int32Array {
  const pairOf = new Int32Array(length);
  for (let i = 0; i < length; i++) {
    const group = groupOfKey[key[i]!]!;
    pairOf[i] = group < 0 ? -1 : group * 2 + half[i]!;
  }
  return pairOf;
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
