/** Splits the rows of an event table into tables of their own, all columns kept. */
import {
  type EventTable,
  LISTS,
  type ListColumn,
  type ListName,
  MEASURES,
  type Measure,
} from '#lib/table/event-table.ts';

/**
 * One table for each distinct key, rows in their old order. `keyOfRow` must give small non-negative
 * integers; workers and stage names are shared. A table with one key comes back as it is.
 */
export function partitionTable(
  table: EventTable,
  keyOfRow: (row: number) => number,
): ReadonlyMap<number, EventTable> {
  const rowsByKey = new Map<number, number[]>();
  let lastKey = -1;
  let lastRows: number[] = [];
  for (let row = 0; row < table.length; row++) {
    const key = keyOfRow(row);
    // Neighbours mostly share their key: skip the look-up.
    if (key !== lastKey || row === 0) {
      lastKey = key;
      lastRows = rowsByKey.get(key) ?? [];
      if (lastRows.length === 0) rowsByKey.set(key, lastRows);
    }
    lastRows.push(row);
  }
  const parts = new Map<number, EventTable>();
  for (const [key, rows] of rowsByKey) {
    parts.set(key, rows.length === table.length ? table : pickRows(table, rows));
  }
  return parts;
}

/** The rows named, in the order named. */
export function pickRows(table: EventTable, rows: readonly number[]): EventTable {
  const pick = <T extends Float64Array | Int32Array | Uint16Array | Uint8Array>(
    from: T,
    to: T,
  ): T => {
    for (let i = 0; i < rows.length; i++) to[i] = from[rows[i]!]!;
    return to;
  };
  const n = rows.length;
  const measures = Object.fromEntries(
    MEASURES.map((name) => {
      const column = table.measures[name];
      return [name, column === null ? null : pick(column, new Float64Array(n))];
    }),
  ) as Record<Measure, Float64Array | null>;
  const lists = Object.fromEntries(
    LISTS.map((name) => {
      const column = table.lists[name];
      return [name, column === null ? null : pickList(column, rows)];
    }),
  ) as Record<ListName, ListColumn | null>;
  return {
    length: n,
    baseUnixNs: table.baseUnixNs,
    workers: table.workers,
    stageNames: table.stageNames,
    startNs: pick(table.startNs, new Float64Array(n)),
    durationNs: pick(table.durationNs, new Float64Array(n)),
    worker: pick(table.worker, new Int32Array(n)),
    domain: pick(table.domain, new Int32Array(n)),
    step: pick(table.step, new Float64Array(n)),
    layer: pick(table.layer, new Int32Array(n)),
    microbatch: pick(table.microbatch, new Int32Array(n)),
    stage: pick(table.stage, new Uint16Array(n)),
    kind: pick(table.kind, new Uint8Array(n)),
    phase: pick(table.phase, new Uint8Array(n)),
    peer: pick(table.peer, new Int32Array(n)),
    measures,
    lists,
  };
}

function pickList(column: ListColumn, rows: readonly number[]): ListColumn | null {
  const offsets = new Uint32Array(rows.length + 1);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    offsets[i + 1] = offsets[i]! + column.offsets[row + 1]! - column.offsets[row]!;
  }
  const total = offsets[rows.length]!;
  if (total === 0) return null;
  const values = new Float64Array(total);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    values.set(column.values.subarray(column.offsets[row]!, column.offsets[row + 1]!), offsets[i]!);
  }
  return { offsets, values };
}
