/**
 * Stage events as columns: row `i` of every column is one event of one worker.
 *
 *     startNs     120      395      …   offset from baseUnixNs
 *     durationNs  270      70
 *     worker      0        0            index into workers
 *     stage       0        2            index into stageNames (0 attention, 2 a2f_send)
 *     layer       7        7            ABSENT (-1): belongs to the step
 *
 * A frozen `EventTable` never changes; `EventTableBuilder` (event-table-builder.ts) makes one.
 * Rows are in no particular order. Measures and lists are null where no row of the table has one.
 */
import type { UnixNanos } from '#lib/base/units.ts';
import type { WorkerInfo } from './worker-info.ts';

/** Optional scalar columns; ABSENT (-1) where a row has none. All are >= 0 where present. */
export const MEASURES = [
  'tokens',
  'bytes',
  'flops',
  'requests',
  'contextTokens',
  'expertsActive',
  'expertsMaxTokens',
  'expertsMeanTokens',
] as const;
export type Measure = (typeof MEASURES)[number];

/** Optional list columns: row `i` is `values[offsets[i] .. offsets[i + 1])`. */
export const LISTS = ['peers', 'expertTokens'] as const;
export type ListName = (typeof LISTS)[number];

export interface ListColumn {
  /** length + 1 entries, starting at 0. */
  readonly offsets: Uint32Array;
  readonly values: Float64Array;
}

export interface EventTable {
  readonly length: number;
  /** Raw sender time; clock alignment is applied on read, by the analysis. */
  readonly baseUnixNs: UnixNanos;
  readonly workers: readonly WorkerInfo[];
  /** Starts with STAGES; unknown stages follow under their own names. */
  readonly stageNames: readonly string[];

  readonly startNs: Float64Array;
  readonly durationNs: Float64Array;
  readonly worker: Int32Array;
  readonly domain: Int32Array;
  /** Integers below 2^53; ABSENT where the event belongs to no step. */
  readonly step: Float64Array;
  readonly layer: Int32Array;
  readonly microbatch: Int32Array;
  readonly stage: Uint16Array;
  /** `Kind` code. */
  readonly kind: Uint8Array;
  /** `Phase` code. */
  readonly phase: Uint8Array;
  /** Rank in the other group; ABSENT: all of them, or those in `lists.peers`. */
  readonly peer: Int32Array;
  readonly measures: Readonly<Record<Measure, Float64Array | null>>;
  readonly lists: Readonly<Record<ListName, ListColumn | null>>;
}
