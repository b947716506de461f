/**
 * One bucket of one worker by stage and layer: what a dashboard needs of single events without
 * reading them. Everything in it adds up over buckets and workers (minima and maxima too, with min
 * and max), so that parts can be stored as they come. An event counts in the bucket in which it
 * starts (raw sender time); phases that stay out of every figure (`warmup`, `capture`) stay out.
 *
 *     cell        0          1          …
 *     stage       attention  attention      index into stageNames
 *     layer       0          1              ABSENT: belongs to the step
 *     count       60         60
 *     sumNs …     16.2e6     16.1e6
 *
 * Quantiles come from a sketch per cell: durations counted in logarithmic bins (SKETCH_BINS_PER_OCTAVE
 * of them from one power of two to the next), so that a value taken from the middle of its bin is off
 * by at most SKETCH_RELATIVE_ERROR.
 */
import type { UnixNanos } from '#lib/base/units.ts';
import type { Role } from './codes.ts';

/** Each bucket length is a multiple of the one before it. */
export const STAGE_ROLLUP_RESOLUTIONS_NS = [1e9, 10e9, 60e9, 3600e9] as const;

/** A bin holds durations d with floor(2^5 · d / 2^floor(log2 d)) equal; below 1 ns: bin 0. */
export const SKETCH_BINS_PER_OCTAVE = 32;
export const SKETCH_RELATIVE_ERROR = 1 / 64;

/** Buckets of one second carry so many parts of it, by stage, for pictures of short windows. */
export const SLICES_PER_SECOND = 20;

export interface StageCells {
  readonly length: number;
  readonly stageNames: readonly string[];
  readonly stage: Uint16Array;
  readonly layer: Int32Array;
  readonly count: Float64Array;
  readonly sumNs: Float64Array;
  readonly minNs: Float64Array;
  readonly maxNs: Float64Array;
  /** length + 1 entries: cell `i` has bins `sketchOffsets[i] .. sketchOffsets[i + 1]`, ascending. */
  readonly sketchOffsets: Uint32Array;
  readonly sketchBin: Uint16Array;
  readonly sketchCount: Float64Array;
}

/** Sums by slice of 50 ms and stage, over all layers: rows with a count only, by slice, then stage. */
export interface StageSlices {
  readonly length: number;
  /** 0 to SLICES_PER_SECOND - 1. */
  readonly slice: Uint8Array;
  /** Index into the cells' stageNames. */
  readonly stage: Uint16Array;
  readonly count: Float64Array;
  readonly sumNs: Float64Array;
  readonly minNs: Float64Array;
  readonly maxNs: Float64Array;
}

export interface StageRollup {
  readonly deployment: string;
  readonly resolutionNs: number;
  /** Multiple of resolutionNs since the epoch. */
  readonly bucketStartUnixNs: UnixNanos;
  readonly workerId: string;
  readonly group: string;
  readonly role: Role;
  readonly rank: number;
  readonly cells: StageCells;
  /** null at resolutions above one second. */
  readonly slices: StageSlices | null;
}
