/**
 * Packed steps as they were received: checked, not unpacked. Row `i` is one step of one worker, and
 * `bytes` holds its payload (docs/packed-steps.md):
 *
 *     worker      0       1       …   index into workers
 *     step        812     812
 *     startNs     0       1200        first start of its events, offset from baseUnixNs
 *     endNs       48e6    49e6        last end of them; nothing of the step lies at or after it
 *     stepEvents  732     366
 *     offset      0       2310        where its payload begins in `bytes`
 *     byteLength  2310    1190
 *
 * Only steps of which every event is wanted as it is come this way: nothing in them was refused or
 * clamped, and all their events have the same data-parallel domain. What isn't so plain is unpacked
 * and kept as columns. Rows are in no particular order.
 */
import type { UnixNanos } from '#lib/base/units.ts';
import type { EventTable } from './event-table.ts';
import type { WantedColumns } from './wanted-columns.ts';
import type { WorkerInfo } from './worker-info.ts';

export interface PackedTable {
  /** Steps. */
  readonly length: number;
  /** Sum of `stepEvents`. */
  readonly events: number;
  /** Raw sender time, as in event tables. */
  readonly baseUnixNs: UnixNanos;
  readonly workers: readonly WorkerInfo[];
  readonly worker: Int32Array;
  readonly domain: Int32Array;
  /** Integers below 2^53; ABSENT where the events belong to no step. */
  readonly step: Float64Array;
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
  readonly stepEvents: Uint32Array;
  readonly offset: Uint32Array;
  readonly byteLength: Uint32Array;
  /** Payloads, each with its own checksum. */
  readonly bytes: Uint8Array;
}

/** Makes events of packed steps. `lib/ingest` knows how; stores and the live window only hold it. */
export interface StepUnpacker {
  /**
   * The events of `rows` (all rows where absent), in about the order of their starts; without the
   * optional columns that are not `wanted`, where that is told.
   * @throws ChunkFormatError where a payload is not what was checked when it came in
   */
  unpack(steps: PackedTable, rows?: Uint32Array, wanted?: WantedColumns): EventTable;
}
