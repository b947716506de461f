/** Copies every column of the kept rows, table by table, straight to its place in the result. */
import type { ColumnRoom } from '#lib/base/column-room.ts';
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
import { type SortedRows, type TableRows, tableOfId } from './table-rows.ts';

export interface ScatteredRows {
  readonly columns: Omit<EventTable, 'length' | 'baseUnixNs' | 'workers'>;
  readonly source: Int32Array;
}

type Column = Float64Array | Int32Array | Uint16Array | Uint8Array;

/** The first `length` rows of `sorted`. */
export function scatterRows(
  rows: TableRows,
  sorted: SortedRows,
  length: number,
  room: ColumnRoom,
): ScatteredRows {
  const { tables } = rows;
  const placement = new Placement(rows, sorted, length, room);
  const copyMeasure = (name: Measure): Float64Array | null => {
    const having = tables.filter((table) => table.measures[name] !== null);
    if (having.length === 0) return null;
    const column = room.float64(length);
    if (having.length < tables.length) column.fill(ABSENT);
    return placement.copy((table) => table.measures[name], column);
  };
  const stageNames = mergedStageNames(tables);
  const stages = new Map(tables.map((table) => [table, stageColumn(table, stageNames)]));
  const columns = {
    stageNames,
    startNs: sorted.startNs.subarray(0, length),
    durationNs: placement.copy((table) => table.durationNs, room.float64(length)),
    worker: workerColumn(sorted, length, room),
    domain: placement.copy((table) => table.domain, room.int32(length)),
    step: placement.copy((table) => table.step, room.float64(length)),
    layer: placement.copy((table) => table.layer, room.int32(length)),
    microbatch: placement.copy((table) => table.microbatch, room.int32(length)),
    stage: placement.copy((table) => stages.get(table)!, room.uint16(length)),
    kind: placement.copy((table) => table.kind, room.uint8(length)),
    phase: placement.copy((table) => table.phase, room.uint8(length)),
    peer: placement.copy((table) => table.peer, room.int32(length)),
    measures: lazyRecord(MEASURES, copyMeasure),
    lists: Object.fromEntries(
      LISTS.map((name) => [name, scatterList(rows, placement, length, name)]),
    ) as Record<ListName, ListColumn | null>,
  };
  return { columns, source: placement.sources() };
}

/** Runs shorter than this are not worth a copy of their own. */
const MIN_RUN_ROWS = 16;

/** Places that sorting changed, and the table and row that belong there. */
interface MovedRows {
  readonly at: Int32Array;
  readonly table: Int32Array;
  readonly row: Int32Array;
}

/**
 * Where rows go. Stored chunks are sorted already: their runs are copied whole, and the few rows that
 * sorting moved are set right after. Elsewhere every row is copied to its place.
 */
class Placement {
  readonly #rows: TableRows;
  readonly #sorted: SortedRows;
  readonly #length: number;
  readonly #room: ColumnRoom;
  /** null: too many. */
  readonly #moved: MovedRows | null;
  #placeOf: Int32Array | null = null;

  constructor(rows: TableRows, sorted: SortedRows, length: number, room: ColumnRoom) {
    this.#room = room;
    this.#rows = rows;
    this.#sorted = sorted;
    this.#length = length;
    const dropped = sorted.id.length - length;
    const short = length < rows.runs.length * MIN_RUN_ROWS;
    this.#moved = dropped > 0 || short ? null : this.#findMoved();
  }

  /** Place by row id, -1 for rows that are left out. */
  get placeOf(): Int32Array {
    if (this.#placeOf === null) {
      const { tables, firstId } = this.#rows;
      const { id } = this.#sorted;
      this.#placeOf = this.#room.int32(firstId[tables.length]!).fill(-1);
      for (let at = 0; at < this.#length; at++) this.#placeOf[id[at]!] = at;
    }
    return this.#placeOf;
  }

  #findMoved(): MovedRows | null {
    const { runs, firstId } = this.#rows;
    const { id, runAt } = this.#sorted;
    const most = this.#length >>> 1;
    const places = this.#room.int32(most);
    let length = 0;
    for (let r = 0; r < runs.length; r++) {
      const { table, from, to } = runs[r]!;
      const idBefore = firstId[table]! + from - runAt[r]!;
      length = addMoved(id, idBefore, runAt[r]!, runAt[r]! + to - from, places, length);
      if (length > most) return null;
    }
    const at = places.slice(0, length);
    const table = at.map((place) => tableOfId(this.#rows, id[place]!));
    const row = at.map((place, i) => id[place]! - firstId[table[i]!]!);
    return { at, table, row };
  }

  /** Tables without the column leave their rows of `to` as they are. */
  copy<T extends Column>(columnOf: (table: EventTable) => Column | null, to: T): T {
    const { tables, firstId, runs } = this.#rows;
    if (this.#moved === null) {
      const { placeOf } = this;
      for (let t = 0; t < tables.length; t++) {
        const from = columnOf(tables[t]!);
        if (from !== null) scatterColumn(placeOf, firstId[t]!, tables[t]!.length, from, to);
      }
      return to;
    }
    const columns = tables.map(columnOf);
    for (let r = 0; r < runs.length; r++) {
      const { table, from, to: end } = runs[r]!;
      const column = columns[table]!;
      if (column !== null) to.set(column.subarray(from, end), this.#sorted.runAt[r]!);
    }
    setMoved(this.#moved, columns, to);
    return to;
  }

  /** The source of every row. */
  sources(): Int32Array {
    const { tables, runs, sourceOf } = this.#rows;
    const source = this.#room.int32(this.#length);
    if (this.#moved !== null) {
      runs.forEach((run, r) => {
        source.fill(run.source, this.#sorted.runAt[r]!, this.#sorted.runAt[r]! + run.to - run.from);
      });
      const { at, table, row } = this.#moved;
      for (let i = 0; i < at.length; i++) {
        const t = table[i]!;
        source[at[i]!] = sourceOf[t]![tables[t]!.worker[row[i]!]!]!;
      }
      return source;
    }
    const { placeOf } = this;
    for (const { table, source: of, from, to } of runs) {
      const first = this.#rows.firstId[table]!;
      for (let row = from; row < to; row++) {
        const at = placeOf[first + row]!;
        if (at >= 0) source[at] = of;
      }
    }
    return source;
  }
}

/**
 * Adds the places in `[from, to)` that do not hold the id `place + idBefore`. The new number of
 * places: one more than there is room for where they are too many.
 */
function addMoved(
  id: Int32Array,
  idBefore: number,
  from: number,
  to: number,
  places: Int32Array,
  length: number,
): number {
  let found = length;
  for (let at = from; at < to; at++) {
    if (id[at] === idBefore + at) continue;
    if (found === places.length) return found + 1;
    places[found++] = at;
  }
  return found;
}

/** One loop a type, for the same reason as in `scatterColumn`. */
function setMoved(moved: MovedRows, columns: readonly (Column | null)[], to: Column): void {
  if (to instanceof Float64Array) {
    setFloats(
      moved,
      columns.map((column) => (column instanceof Float64Array ? column : null)),
      to,
    );
  } else if (to instanceof Int32Array) {
    setIntegers(
      moved,
      columns.map((column) => (column instanceof Int32Array ? column : null)),
      to,
    );
  } else {
    setCodes(moved, columns, to);
  }
}

function setFloats(
  { at, table, row }: MovedRows,
  columns: readonly (Float64Array | null)[],
  to: Float64Array,
): void {
  for (let i = 0; i < at.length; i++) {
    const column = columns[table[i]!]!;
    to[at[i]!] = column === null ? ABSENT : column[row[i]!]!;
  }
}

function setIntegers(
  { at, table, row }: MovedRows,
  columns: readonly (Int32Array | null)[],
  to: Int32Array,
): void {
  for (let i = 0; i < at.length; i++) {
    const column = columns[table[i]!]!;
    to[at[i]!] = column === null ? ABSENT : column[row[i]!]!;
  }
}

function setCodes(
  { at, table, row }: MovedRows,
  columns: readonly (Column | null)[],
  to: Column,
): void {
  for (let i = 0; i < at.length; i++) {
    const column = columns[table[i]!]!;
    if (column !== null) to[at[i]!] = column[row[i]!]!;
  }
}

function workerColumn({ offsets }: SortedRows, length: number, room: ColumnRoom): Int32Array {
  const worker = room.int32(length);
  for (let w = 0; w + 1 < offsets.length; w++) worker.fill(w, offsets[w]!, offsets[w + 1]!);
  return worker;
}

function scatterColumn(
  place: Int32Array,
  first: number,
  rows: number,
  from: Column,
  to: Column,
): void {
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
  placement: Placement,
  length: number,
  name: ListName,
): ListColumn | null {
  if (tables.every((table) => table.lists[name] === null)) return null;
  const place = placement.placeOf;
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
