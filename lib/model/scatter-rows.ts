/** Copies every column of the kept rows, table by table, straight to its place in the result. */
import { ABSENT, STAGES } from '#lib/table/codes.ts';
import {
  type EventTable,
  LISTS,
  type ListColumn,
  type ListName,
  MEASURES,
  type Measure,
} from '#lib/table/event-table.ts';
import { lazyRecord } from './lazy-record.ts';
import type { SortedRows, TableRows } from './table-rows.ts';

export interface ScatteredRows {
  readonly columns: Omit<EventTable, 'length' | 'baseUnixNs' | 'workers'>;
  readonly source: Int32Array;
}

type Column = Float64Array | Int32Array | Uint16Array | Uint8Array;

/** The first `length` rows of `sorted`. */
export function scatterRows(rows: TableRows, sorted: SortedRows, length: number): ScatteredRows {
  const place = new Int32Array(rows.firstId[rows.tables.length]!).fill(-1);
  for (let at = 0; at < length; at++) place[sorted.id[at]!] = at;
  const copy = <T extends Column>(columnOf: (table: EventTable) => Column | null, to: T): T => {
    for (let t = 0; t < rows.tables.length; t++) {
      const from = columnOf(rows.tables[t]!);
      if (from !== null) copyColumn(rows, place, t, from, to);
    }
    return to;
  };
  const copyMeasure = (name: Measure): Float64Array | null => {
    const having = rows.tables.filter((table) => table.measures[name] !== null);
    if (having.length === 0) return null;
    const column = new Float64Array(length);
    if (having.length < rows.tables.length) column.fill(ABSENT);
    return copy((table) => table.measures[name], column);
  };
  const stageNames = mergedStageNames(rows.tables);
  const columns = {
    stageNames,
    startNs: sorted.startNs.subarray(0, length),
    durationNs: copy((table) => table.durationNs, new Float64Array(length)),
    worker: workerColumn(sorted, length),
    domain: copy((table) => table.domain, new Int32Array(length)),
    step: copy((table) => table.step, new Float64Array(length)),
    layer: copy((table) => table.layer, new Int32Array(length)),
    microbatch: copy((table) => table.microbatch, new Int32Array(length)),
    stage: copy((table) => stageColumn(table, stageNames), new Uint16Array(length)),
    kind: copy((table) => table.kind, new Uint8Array(length)),
    phase: copy((table) => table.phase, new Uint8Array(length)),
    peer: copy((table) => table.peer, new Int32Array(length)),
    measures: lazyRecord(MEASURES, copyMeasure),
    lists: Object.fromEntries(
      LISTS.map((name) => [name, scatterList(rows, place, length, name)]),
    ) as Record<ListName, ListColumn | null>,
  };
  const source = new Int32Array(length);
  for (let t = 0; t < rows.tables.length; t++) {
    const { worker } = rows.tables[t]!;
    const ofWorker = rows.sourceOf[t]!;
    const first = rows.firstId[t]!;
    for (let row = 0; row < worker.length; row++) {
      const at = place[first + row]!;
      if (at >= 0) source[at] = ofWorker[worker[row]!]!;
    }
  }
  return { columns, source };
}

function workerColumn({ offsets }: SortedRows, length: number): Int32Array {
  const worker = new Int32Array(length);
  for (let w = 0; w + 1 < offsets.length; w++) worker.fill(w, offsets[w]!, offsets[w + 1]!);
  return worker;
}

function copyColumn(
  { tables, firstId }: TableRows,
  place: Int32Array,
  t: number,
  from: Column,
  to: Column,
): void {
  const first = firstId[t]!;
  const rows = tables[t]!.length;
  // One loop a type: a loop that meets several of them takes more than twice the time.
  if (from instanceof Float64Array && to instanceof Float64Array) {
    copyFloats(place, first, rows, from, to);
  } else if (from instanceof Int32Array && to instanceof Int32Array) {
    copyIntegers(place, first, rows, from, to);
  } else {
    copyCodes(place, first, rows, from, to);
  }
}

function copyFloats(
  place: Int32Array,
  first: number,
  rows: number,
  from: Float64Array,
  to: Float64Array,
): void {
  for (let row = 0; row < rows; row++) {
    const at = place[first + row]!;
    if (at >= 0) to[at] = from[row]!;
  }
}

function copyIntegers(
  place: Int32Array,
  first: number,
  rows: number,
  from: Int32Array,
  to: Int32Array,
): void {
  for (let row = 0; row < rows; row++) {
    const at = place[first + row]!;
    if (at >= 0) to[at] = from[row]!;
  }
}

function copyCodes(place: Int32Array, first: number, rows: number, from: Column, to: Column): void {
  for (let row = 0; row < rows; row++) {
    const at = place[first + row]!;
    if (at >= 0) to[at] = from[row]!;
  }
}

/** The schema's stages, then the others in the order of their names, whatever the tables' order. */
function mergedStageNames(tables: readonly EventTable[]): string[] {
  const others = new Set<string>();
  for (const table of tables) {
    for (let s = STAGES.length; s < table.stageNames.length; s++) others.add(table.stageNames[s]!);
  }
  return [...STAGES, ...[...others].sort()];
}

function stageColumn(table: EventTable, stageNames: readonly string[]): Uint16Array {
  if (table.stageNames.every((name, s) => stageNames[s] === name)) return table.stage;
  const codeOf = table.stageNames.map((name) => stageNames.indexOf(name));
  return table.stage.map((code) => codeOf[code]!);
}

function scatterList(
  { tables, firstId }: TableRows,
  place: Int32Array,
  length: number,
  name: ListName,
): ListColumn | null {
  if (tables.every((table) => table.lists[name] === null)) return null;
  const offsets = new Uint32Array(length + 1);
  const forEachRow = (visit: (list: ListColumn, row: number, at: number) => void): void => {
    for (let t = 0; t < tables.length; t++) {
      const list = tables[t]!.lists[name];
      if (list === null) continue;
      for (let row = 0; row < tables[t]!.length; row++) {
        const at = place[firstId[t]! + row]!;
        if (at >= 0) visit(list, row, at);
      }
    }
  };
  forEachRow((list, row, at) => {
    offsets[at + 1] = list.offsets[row + 1]! - list.offsets[row]!;
  });
  for (let i = 0; i < length; i++) offsets[i + 1] = offsets[i + 1]! + offsets[i]!;
  const values = new Float64Array(offsets[length]!);
  forEachRow((list, row, at) => {
    values.set(list.values.subarray(list.offsets[row]!, list.offsets[row + 1]!), offsets[at]!);
  });
  return { offsets, values };
}
