/**
 * Puts the rows of one deployment, from tables of any base and order, into one table with merged
 * workers, sorted by worker and start, without warm-up, capture and exact duplicates.
 *
 * Rows are never objects: only (start, row number) pairs are sorted, and every column is then
 * copied once, straight to its sorted place.
 */
import { type ColumnRoom, FRESH_ROOM } from '#lib/base/column-room.ts';
import { nanosBetween, type UnixNanos, unixNanos } from '#lib/base/units.ts';
import { Phase } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';
import { dropDuplicates } from './duplicates.ts';
import { PairSorter } from './pair-sorter.ts';
import { scatterRows } from './scatter-rows.ts';
import { mergeWorkers, Sources } from './sources.ts';
import type { RowRun, SortedRows, TableRows } from './table-rows.ts';

export interface SortedEvents {
  readonly events: EventTable;
  readonly source: Int32Array;
  readonly sources: readonly WorkerInfo[];
  readonly extraCopies: Uint32Array | null;
  readonly setAside: number;
  readonly misdated: number;
}

/** Offsets within this of the base are exact, sums of them too. */
const MAX_SPREAD_NS = 2n ** 52n;

/** Rows that count, in runs of one worker of the deployment; none of them is set aside. */
export interface RowFilter {
  /** First row and end row of each run, ascending. */
  readonly ends: readonly number[];
  /** The last start of each run. */
  readonly lastStartNs: readonly number[];
}

/** `filters`: one a table, where only some rows count. */
export function concatTables(
  tables: readonly EventTable[],
  deployment: string,
  filters?: readonly RowFilter[],
  room: ColumnRoom = FRESH_ROOM,
): SortedEvents {
  const filterOf = new Map(tables.map((table, t) => [table, filters?.[t]]));
  const used = tables.filter((table) => table.workers.some((w) => w.deployment === deployment));
  const baseUnixNs = commonBase(used);
  const near = used.filter((table) => isNear(table, baseUnixNs));
  let misdated = 0;
  for (const table of used) {
    if (!isNear(table, baseUnixNs)) misdated += countRows(table, deployment);
  }
  const sources = new Sources(deployment);
  const rows = numberRows(
    near,
    filters === undefined ? null : near.map((table) => filterOf.get(table)!),
    baseUnixNs,
    sources,
  );
  const { workers, workerOfSource } = mergeWorkers(sources.infos, rows.newestStartNs);
  const sorted = sortRows(rows, baseUnixNs, workerOfSource, workers.length, room);
  const { length, extraCopies } = dropDuplicates(rows, sorted, sources.incarnations);
  const scattered = scatterRows(rows, sorted, length, room);
  return {
    events: { ...scattered.columns, length, baseUnixNs, workers },
    source: scattered.source,
    sources: sources.infos,
    extraCopies,
    setAside: rows.setAside,
    misdated,
  };
}

/** The smallest base among the tables near to where most rows are. */
export function commonBase(tables: readonly EventTable[]): UnixNanos {
  if (tables.length === 0) return unixNanos(0n);
  const byBase = [...tables].sort((a, b) => (a.baseUnixNs < b.baseUnixNs ? -1 : 1));
  let half = byBase.reduce((rows, table) => rows + table.length, 0) / 2;
  const middle = byBase.find((table) => {
    half -= table.length;
    return half <= 0;
  })!;
  return byBase.find((table) => isNear(table, middle.baseUnixNs))!.baseUnixNs;
}

export function isNear(table: EventTable, baseUnixNs: UnixNanos): boolean {
  const apart = table.baseUnixNs - baseUnixNs;
  return apart <= MAX_SPREAD_NS && -apart <= MAX_SPREAD_NS;
}

function countRows(table: EventTable, deployment: string): number {
  let rows = 0;
  for (let row = 0; row < table.length; row++) {
    if (table.workers[table.worker[row]!]!.deployment === deployment) rows++;
  }
  return rows;
}

/** Engines warm up and capture graphs before they serve: that says nothing about serving. */
export function isSetAside(phase: number): boolean {
  return phase === Phase.warmup || phase === Phase.capture;
}

interface NumberedRows extends TableRows {
  /** Kept rows per source. */
  readonly rowsOfSource: Uint32Array;
  /** -Infinity without a kept row. */
  readonly newestStartNs: Float64Array;
  readonly setAside: number;
}

function numberRows(
  tables: readonly EventTable[],
  filters: readonly RowFilter[] | null,
  baseUnixNs: UnixNanos,
  sources: Sources,
): NumberedRows {
  const most = tables.reduce((count, table) => count + table.workers.length, 0);
  const rowsOfSource = new Uint32Array(most);
  const newestStartNs = new Float64Array(most).fill(Number.NEGATIVE_INFINITY);
  const firstId = new Uint32Array(tables.length + 1);
  const sourceOf: Int32Array[] = [];
  const runs: { -readonly [name in keyof RowRun]: RowRun[name] }[] = [];
  let setAside = 0;
  for (let t = 0; t < tables.length; t++) {
    const { length, worker, phase, startNs, workers, baseUnixNs: ownBase } = tables[t]!;
    const ofWorker = new Int32Array(workers.length).fill(-2);
    const shiftNs = nanosBetween(baseUnixNs, ownBase);
    const firstRun = runs.length;
    const add = (from: number, to: number, newestNs: number): void => {
      const w = worker[from]!;
      let source = ofWorker[w]!;
      if (source === -2) {
        source = sources.intern(workers[w]!);
        ofWorker[w] = source;
      }
      if (source < 0) return;
      rowsOfSource[source] = rowsOfSource[source]! + to - from;
      newestStartNs[source] = Math.max(newestStartNs[source]!, newestNs + shiftNs);
      const before = runs.length > firstRun ? runs[runs.length - 1]! : null;
      if (before !== null && before.to === from && before.source === source) before.to = to;
      else runs.push({ table: t, source, from, to });
    };
    firstId[t + 1] = firstId[t]! + length;
    sourceOf.push(ofWorker);
    const filter = filters?.[t];
    if (filter !== undefined) {
      const { ends, lastStartNs } = filter;
      for (let r = 0; r < lastStartNs.length; r++) {
        add(ends[2 * r]!, ends[2 * r + 1]!, lastStartNs[r]!);
      }
      continue;
    }
    for (let row = 0; row < length; ) {
      const end = runEnd(worker, phase, row, length);
      if (end > row) {
        add(row, end, newestStart(startNs, row, end));
        row = end;
        continue;
      }
      if (workers[worker[row]!]!.deployment === sources.deployment) setAside++;
      row++;
    }
  }
  return { tables, firstId, sourceOf, runs, rowsOfSource, newestStartNs, setAside };
}

/** The end of the rows from `from` on that are one worker's and count. */
function runEnd(worker: Int32Array, phase: Uint8Array, from: number, length: number): number {
  const w = worker[from];
  let row = from;
  while (row < length && worker[row] === w && !isSetAside(phase[row]!)) row++;
  return row;
}

function newestStart(startNs: Float64Array, from: number, to: number): number {
  let newestNs = Number.NEGATIVE_INFINITY;
  for (let row = from; row < to; row++) {
    if (startNs[row]! > newestNs) newestNs = startNs[row]!;
  }
  return newestNs;
}

/** By worker, then start. */
function sortRows(
  { tables, firstId, runs, rowsOfSource }: NumberedRows,
  baseUnixNs: UnixNanos,
  workerOfSource: Int32Array,
  workers: number,
  room: ColumnRoom,
): SortedRows {
  const offsets = new Uint32Array(workers + 1);
  for (let s = 0; s < workerOfSource.length; s++) {
    const w = workerOfSource[s]!;
    if (w >= 0) offsets[w + 1] = offsets[w + 1]! + rowsOfSource[s]!;
  }
  for (let w = 0; w < workers; w++) offsets[w + 1] = offsets[w + 1]! + offsets[w]!;
  const filled = offsets.slice();
  const startNs = room.float64(offsets[workers]!);
  const id = room.int32(startNs.length);
  const shiftNs = Float64Array.from(tables, (table) => nanosBetween(baseUnixNs, table.baseUnixNs));
  const runAt = new Uint32Array(runs.length);
  for (let r = 0; r < runs.length; r++) {
    const { table, source, from, to } = runs[r]!;
    const w = workerOfSource[source]!;
    const at = filled[w]!;
    runAt[r] = at;
    filled[w] = at + to - from;
    copyStarts(tables[table]!.startNs, shiftNs[table]!, from, to, startNs, at);
    numberOn(id, at, at + to - from, firstId[table]! + from);
  }
  const sorter = new PairSorter();
  for (let w = 0; w < workers; w++) sorter.sort(startNs, id, offsets[w]!, offsets[w + 1]!);
  return { startNs, id, offsets, runAt };
}

function numberOn(ids: Int32Array, from: number, to: number, first: number): void {
  for (let at = from; at < to; at++) ids[at] = first + at - from;
}

function copyStarts(
  from: Float64Array,
  shiftNs: number,
  first: number,
  end: number,
  to: Float64Array,
  at: number,
): void {
  for (let row = first; row < end; row++) to[at + row - first] = from[row]! + shiftNs;
}
