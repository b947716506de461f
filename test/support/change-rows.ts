import type { EventTable } from '#lib/table/event-table.ts';
import { type EventRow, EventTableBuilder } from '#lib/table/event-table-builder.ts';
import { workerId } from '#lib/table/worker-info.ts';
import { readRow } from './pick-rows.ts';

/** The same table with each row as `change` gives it back; null drops the row. */
export function changeRows(
  table: EventTable,
  change: (row: EventRow, worker: string) => EventRow | null,
): EventTable {
  const ids = table.workers.map(workerId);
  const builder = new EventTableBuilder(
    table.baseUnixNs,
    [...table.workers],
    [...table.stageNames],
  );
  for (let i = 0; i < table.length; i++) {
    const row = change(readRow(table, i), ids[table.worker[i]!]!);
    if (row !== null) builder.add(row);
  }
  return builder.finish();
}
