/** How assembly names the rows of its input tables while it sorts them. */
import type { EventTable } from '#lib/table/event-table.ts';

/** Ids number the rows of all tables through: those of table t are `[firstId[t], firstId[t + 1])`. */
export interface TableRows {
  readonly tables: readonly EventTable[];
  readonly firstId: Uint32Array;
  /** Per table: the source of each of its workers, negative for those left out. */
  readonly sourceOf: readonly Int32Array[];
  readonly runs: readonly RowRun[];
}

/** Rows of one table and source that lie together, and that count. */
export interface RowRun {
  readonly table: number;
  readonly source: number;
  readonly from: number;
  readonly to: number;
}

/** Kept rows by worker, then start. */
export interface SortedRows {
  /** After the common base. */
  readonly startNs: Float64Array;
  readonly id: Int32Array;
  /** Rows of worker w are `[offsets[w], offsets[w + 1])`; `dropDuplicates` moves them. */
  readonly offsets: Uint32Array;
  /** Where each run would lie if its rows needed no sorting. */
  readonly runAt: Uint32Array;
}

export function tableOfId(rows: TableRows, id: number): number {
  let low = 0;
  let high = rows.tables.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (rows.firstId[middle + 1]! > id) high = middle;
    else low = middle + 1;
  }
  return low;
}
