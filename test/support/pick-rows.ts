import type { EventTable } from '#lib/table/event-table.ts';
import { LISTS, MEASURES } from '#lib/table/event-table.ts';
import { type EventRow, EventTableBuilder } from '#lib/table/event-table-builder.ts';

/** A table of the given rows of another one, in the given order. */
export function pickRows(table: EventTable, rows: readonly number[]): EventTable {
  const builder = new EventTableBuilder(
    table.baseUnixNs,
    [...table.workers],
    [...table.stageNames],
  );
  for (const row of rows) builder.add(readRow(table, row));
  return builder.finish();
}

export function readRow(table: EventTable, row: number): EventRow {
  const measures: Record<string, number> = {};
  for (const name of MEASURES) {
    const column = table.measures[name];
    if (column !== null) measures[name] = column[row]!;
  }
  const lists: Record<string, number[]> = {};
  for (const name of LISTS) {
    const list = table.lists[name];
    if (list === null) continue;
    lists[name] = [...list.values.subarray(list.offsets[row]!, list.offsets[row + 1]!)];
  }
  return {
    startNs: table.startNs[row]!,
    durationNs: table.durationNs[row]!,
    worker: table.worker[row]!,
    stage: table.stage[row]!,
    kind: table.kind[row]!,
    domain: table.domain[row]!,
    step: table.step[row]!,
    layer: table.layer[row]!,
    microbatch: table.microbatch[row]!,
    phase: table.phase[row]!,
    peer: table.peer[row]!,
    measures,
    lists,
  };
}
