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

/** Kept rows in the order of their tables; those of table t are `[offsets[t], offsets[t + 1])`. */
export interface FlatRows {
  readonly tables: readonly EventTable[];
  readonly tableOffsets: Uint32Array;
  readonly row: Uint32Array;
  /** After the common base. */
  readonly startNs: Float64Array;
  readonly durationNs: Float64Array;
  readonly source: Int32Array;
  readonly length: number;
}

export interface ScatteredRows {
  readonly columns: Omit<EventTable, 'length' | 'baseUnixNs' | 'workers'>;
  readonly source: Int32Array;
}

type Column = Float64Array | Int32Array | Uint16Array | Uint8Array;

/** `place[k]`: where flat row k goes, -1 for nowhere; `length` places. */
export function scatterRows(
  flat: FlatRows,
  place: Int32Array,
  length: number,
  workerOfSource: Int32Array,
): ScatteredRows {
  const source = new Int32Array(length);
  const worker = new Int32Array(length);
  const startNs = new Float64Array(length);
  const durationNs = new Float64Array(length);
  for (let k = 0; k < flat.length; k++) {
    const to = place[k]!;
    if (to < 0) continue;
    source[to] = flat.source[k]!;
    worker[to] = workerOfSource[flat.source[k]!]!;
    startNs[to] = flat.startNs[k]!;
    durationNs[to] = flat.durationNs[k]!;
  }
  const copy = <T extends Column>(columnOf: (table: EventTable) => Column | null, to: T): T => {
    for (let t = 0; t < flat.tables.length; t++) {
      const from = columnOf(flat.tables[t]!);
      if (from !== null) copyColumn(flat, place, t, from, to);
    }
    return to;
  };
  const stageNames = mergedStageNames(flat.tables);
  const columns = {
    stageNames,
    startNs,
    durationNs,
    worker,
    domain: copy((table) => table.domain, new Int32Array(length)),
    step: copy((table) => table.step, new Float64Array(length)),
    layer: copy((table) => table.layer, new Int32Array(length)),
    microbatch: copy((table) => table.microbatch, new Int32Array(length)),
    stage: copy((table) => stageColumn(table, stageNames), new Uint16Array(length)),
    kind: copy((table) => table.kind, new Uint8Array(length)),
    phase: copy((table) => table.phase, new Uint8Array(length)),
    peer: copy((table) => table.peer, new Int32Array(length)),
    measures: Object.fromEntries(
      MEASURES.map((name) => [
        name,
        flat.tables.some((table) => table.measures[name] !== null)
          ? copy((table) => table.measures[name], new Float64Array(length).fill(ABSENT))
          : null,
      ]),
    ) as Record<Measure, Float64Array | null>,
    lists: Object.fromEntries(
      LISTS.map((name) => [name, scatterList(flat, place, length, name)]),
    ) as Record<ListName, ListColumn | null>,
  };
  return { columns, source };
}

function copyColumn(flat: FlatRows, place: Int32Array, t: number, from: Column, to: Column): void {
  const rows = flat.row;
  const end = flat.tableOffsets[t + 1]!;
  for (let k = flat.tableOffsets[t]!; k < end; k++) {
    const at = place[k]!;
    if (at >= 0) to[at] = from[rows[k]!]!;
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
  flat: FlatRows,
  place: Int32Array,
  length: number,
  name: ListName,
): ListColumn | null {
  if (flat.tables.every((table) => table.lists[name] === null)) return null;
  const offsets = new Uint32Array(length + 1);
  const forEachRow = (visit: (list: ListColumn, row: number, at: number) => void): void => {
    for (let t = 0; t < flat.tables.length; t++) {
      const list = flat.tables[t]!.lists[name];
      if (list === null) continue;
      for (let k = flat.tableOffsets[t]!; k < flat.tableOffsets[t + 1]!; k++) {
        if (place[k]! >= 0) visit(list, flat.row[k]!, place[k]!);
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
