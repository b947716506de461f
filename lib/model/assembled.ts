/**
 * What `assemble` yields: the events of one deployment in one table, and the indexes that every
 * analysis starts from. Times are nanoseconds after `events.baseUnixNs`.
 *
 *     events    one row an event, sorted by worker, then start; `events.workers` are the workers
 *     steps     one row a step of a domain       stepOf[row]  -> steps row, -1 without a step
 *     keys      one row a (step, layer, mb)      keyOf[row]   -> keys row, -1 without a step
 *     receives  one row a logical receive, by worker, then start, cut into wait and transfer
 */
import type { ColumnRoom } from '#lib/base/column-room.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';

/** One row a step of a domain, sorted by domain, then step number, then start. */
export interface StepTable {
  readonly length: number;
  readonly domain: Int32Array;
  readonly step: Float64Array;
  /** First start over the domain's workers. */
  readonly startNs: Float64Array;
  /** Last end over the domain's workers. */
  readonly endNs: Float64Array;
  /** The row of the step with the next number that follows within `NO_DATA_GAP_NS`, else -1. */
  readonly next: Int32Array;
}

/** Which steps each worker has events of, in the order of its first event of each. */
export interface WorkerSteps {
  /** Rows in the step table; those of worker w are `[offsets[w], offsets[w + 1])`. */
  readonly step: Int32Array;
  /** The worker's own first start in the step. */
  readonly firstStartNs: Float64Array;
  readonly offsets: Uint32Array;
}

/** One row a key: what joins both sides of the pipeline. */
export interface KeyTable {
  readonly length: number;
  /** Row in the step table. */
  readonly step: Int32Array;
  readonly layer: Int32Array;
  readonly microbatch: Int32Array;
  /** The key of the next layer of the same step and micro-batch, else -1. */
  readonly next: Int32Array;
}

/** Which way a transfer goes. `none`: the worker's role does not tell. */
export const Direction = { a2f: 0, f2a: 1, none: 2 } as const;

/** One row a logical receive: `[startNs, cutNs)` is wait, `[cutNs, endNs)` is transfer. */
export interface ReceiveTable {
  readonly length: number;
  readonly worker: Int32Array;
  /** -1: the receive has no key. */
  readonly key: Int32Array;
  readonly direction: Uint8Array;
  readonly stage: Uint16Array;
  /** The peer that all its events name, else ABSENT. */
  readonly peer: Int32Array;
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
  readonly cutNs: Float64Array;
  /** Row of the last matching send, -1 where none matched. */
  readonly lastSend: Int32Array;
  /**
   * Row of the matching send whose data came last: that ends last, of equal ones starts last. Sends
   * that end when they are posted count by their starts.
   */
  readonly lastArrival: Int32Array;
  /** Receives of worker w are `[offsets[w], offsets[w + 1])`. */
  readonly offsets: Uint32Array;
}

export interface Assembled {
  readonly deployment: string;
  /** Where its columns come from, and those of what is made of it while it is looked at. */
  readonly room: ColumnRoom;
  readonly events: EventTable;
  /** startNs + durationNs. */
  readonly endNs: Float64Array;
  /** Rows of worker w are `[offsets[w], offsets[w + 1])`. */
  readonly offsets: Uint32Array;
  /** Which sender's description a row came with: an index into `sources`. */
  readonly source: Int32Array;
  readonly sources: readonly WorkerInfo[];
  readonly steps: StepTable;
  readonly stepOf: Int32Array;
  readonly workerSteps: WorkerSteps;
  readonly keys: KeyTable;
  readonly keyOf: Int32Array;
  readonly receives: ReceiveTable;
  /**
   * Where a row's transfer begins: later than its start only for the send of a rendezvous sender
   * whose receiver was not there yet. null: at every row's start.
   */
  readonly transferStartNs: Float64Array | null;
  /** Exact duplicates dropped of a row; null where there are none at all. */
  readonly extraCopies: Uint32Array | null;
  /** Events of the phases warmup and capture, which stay out of every figure. */
  readonly setAside: number;
  /** Events too far (over 52 days) from most others to share a table with them; left out. */
  readonly misdated: number;
  /** First start and last end of all rows; both 0 without rows. */
  readonly firstStartNs: number;
  readonly lastEndNs: number;
  /** One more than the largest layer and micro-batch that any row names. */
  readonly layers: number;
  readonly microbatches: number;
}

/** A pause longer than this between two steps, or inside one, means that there is no data. */
export const NO_DATA_GAP_NS = 10e9;
