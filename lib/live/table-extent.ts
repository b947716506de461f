/** First start and last end of each worker in a table. */
import { addNanos, type UnixNanos } from '#lib/base/units.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { PackedTable } from '#lib/table/packed-table.ts';

export interface WorkerExtent {
  /** Index into the table's workers. */
  readonly worker: number;
  readonly firstStartUnixNs: UnixNanos;
  readonly lastEndUnixNs: UnixNanos;
}

/** One entry for each worker that has a step. */
export function packedExtents(table: PackedTable): WorkerExtent[] {
  return extentsOf(table, (row) => table.endNs[row]!);
}

/** One entry for each worker that has a row. */
export function workerExtents(table: EventTable): WorkerExtent[] {
  return extentsOf(table, (row) => table.startNs[row]! + table.durationNs[row]!);
}

function extentsOf(
  table: Pick<EventTable, 'length' | 'baseUnixNs' | 'workers' | 'worker' | 'startNs'>,
  endNs: (row: number) => number,
): WorkerExtent[] {
  const first = new Float64Array(table.workers.length).fill(Number.POSITIVE_INFINITY);
  const last = new Float64Array(table.workers.length).fill(Number.NEGATIVE_INFINITY);
  for (let i = 0; i < table.length; i++) {
    const worker = table.worker[i]!;
    const start = table.startNs[i]!;
    const end = endNs(i);
    if (start < first[worker]!) first[worker] = start;
    if (end > last[worker]!) last[worker] = end;
  }
  const extents: WorkerExtent[] = [];
  for (let worker = 0; worker < table.workers.length; worker++) {
    if (last[worker] === Number.NEGATIVE_INFINITY) continue;
    extents.push({
      worker,
      firstStartUnixNs: addNanos(table.baseUnixNs, first[worker]!),
      lastEndUnixNs: addNanos(table.baseUnixNs, last[worker]!),
    });
  }
  return extents;
}
