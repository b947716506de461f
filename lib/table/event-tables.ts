/** Event tables as wholes: choosing rows, joining, sorting, splitting. Every result is a new table. */
import { assert } from '#lib/base/assert.ts';
import { addNanos, nanosBetween, type UnixNanos } from '#lib/base/units.ts';
import { STAGES } from './codes.ts';
import { type EventTable, LISTS, type ListColumn, MEASURES } from './event-table.ts';
import { earliest } from './instants.ts';
import type { WorkerInfo } from './worker-info.ts';
import { workerKey } from './worker-key.ts';

/** The rows of `table` with these indexes, in this order. Workers and names stay as they are. */
export function selectRows(table: EventTable, rows: Uint32Array): EventTable {
  const measures = Object.fromEntries(
    MEASURES.map((name) => {
      const column = table.measures[name];
      return [name, column === null ? null : gather(column, rows, new Float64Array(rows.length))];
    }),
  ) as EventTable['measures'];
  const lists = Object.fromEntries(
    LISTS.map((name) => {
      const column = table.lists[name];
      return [name, column === null ? null : gatherLists(column, rows)];
    }),
  ) as EventTable['lists'];
  const n = rows.length;
  return {
    length: n,
    baseUnixNs: table.baseUnixNs,
    workers: table.workers,
    stageNames: table.stageNames,
    startNs: gather(table.startNs, rows, new Float64Array(n)),
    durationNs: gather(table.durationNs, rows, new Float64Array(n)),
    worker: gather(table.worker, rows, new Int32Array(n)),
    domain: gather(table.domain, rows, new Int32Array(n)),
    step: gather(table.step, rows, new Float64Array(n)),
    layer: gather(table.layer, rows, new Int32Array(n)),
    microbatch: gather(table.microbatch, rows, new Int32Array(n)),
    stage: gather(table.stage, rows, new Uint16Array(n)),
    kind: gather(table.kind, rows, new Uint8Array(n)),
    phase: gather(table.phase, rows, new Uint8Array(n)),
    peer: gather(table.peer, rows, new Int32Array(n)),
    measures,
    lists,
  };
}

function gather<T extends Float64Array | Int32Array | Uint16Array | Uint8Array>(
  from: T,
  rows: Uint32Array,
  to: T,
): T {
  for (let i = 0; i < rows.length; i++) to[i] = from[rows[i]!]!;
  return to;
}

function gatherLists(from: ListColumn, rows: Uint32Array): ListColumn {
  const offsets = new Uint32Array(rows.length + 1);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    offsets[i + 1] = offsets[i]! + from.offsets[row + 1]! - from.offsets[row]!;
  }
  const values = new Float64Array(offsets[rows.length]!);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    values.set(from.values.subarray(from.offsets[row]!, from.offsets[row + 1]!), offsets[i]!);
  }
  return { offsets, values };
}

/** Rows in ascending order of a small non-negative key; rows of one key keep their order. */
export function rowsByKey(key: ArrayLike<number>, keyCount: number): Uint32Array {
  const next = new Uint32Array(keyCount + 1);
  for (let i = 0; i < key.length; i++) next[key[i]! + 1]!++;
  for (let k = 0; k < keyCount; k++) next[k + 1]! += next[k]!;
  const order = new Uint32Array(key.length);
  for (let i = 0; i < key.length; i++) order[next[key[i]!]!++] = i;
  return order;
}

/**
 * Sorts rows by start, equal ones as they are: insertion sort while that is cheap (nearly sorted
 * rows), else the engine's sort.
 */
export function sortByStart(rows: Uint32Array, startNs: Float64Array): void {
  let movesLeft = rows.length * 8;
  for (let i = 1; i < rows.length; i++) {
    const row = rows[i]!;
    const start = startNs[row]!;
    let j = i - 1;
    while (j >= 0 && startNs[rows[j]!]! > start) {
      rows[j + 1] = rows[j]!;
      j--;
      movesLeft--;
    }
    rows[j + 1] = row;
    if (movesLeft < 0) {
      rows.sort((a, b) => startNs[a]! - startNs[b]! || a - b);
      return;
    }
  }
}

/** First start and last end (at least one nanosecond after each start), or null without rows. */
export function tableSpan(
  table: EventTable,
): { readonly fromUnixNs: UnixNanos; readonly toUnixNs: UnixNanos } | null {
  if (table.length === 0) return null;
  let from = Number.POSITIVE_INFINITY;
  let to = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < table.length; i++) {
    const start = table.startNs[i]!;
    const end = start + Math.max(1, table.durationNs[i]!);
    if (start < from) from = start;
    if (end > to) to = end;
  }
  return {
    fromUnixNs: addNanos(table.baseUnixNs, Math.floor(from)),
    toUnixNs: addNanos(table.baseUnixNs, Math.ceil(to)),
  };
}

/**
 * All rows of `tables` as one table whose base is the earliest start: equal workers become one
 * entry, unknown stage names share one list. The rows must lie within 2^53 ns (104 days).
 */
export function concatTables(tables: readonly EventTable[]): EventTable {
  assert(tables.length > 0, 'concatTables needs a table');
  if (tables.length === 1) return tables[0]!;
  const n = tables.reduce((sum, table) => sum + table.length, 0);
  const starts = tables.flatMap((table) => tableSpan(table)?.fromUnixNs ?? []);
  const base = earliest(starts, starts[0] ?? tables[0]!.baseUnixNs);
  const workers: WorkerInfo[] = [];
  const workerIndex = new Map<string, number>();
  const stageNames: string[] = [...STAGES];
  const stageIndex = new Map(stageNames.map((name, index) => [name, index]));
  const startNs = new Float64Array(n);
  const durationNs = new Float64Array(n);
  const worker = new Int32Array(n);
  const domain = new Int32Array(n);
  const step = new Float64Array(n);
  const layer = new Int32Array(n);
  const microbatch = new Int32Array(n);
  const stage = new Uint16Array(n);
  const kind = new Uint8Array(n);
  const phase = new Uint8Array(n);
  const peer = new Int32Array(n);
  let at = 0;
  for (const table of tables) {
    if (table.length === 0) continue;
    const shiftNs = nanosBetween(base, table.baseUnixNs);
    assert(Math.abs(shiftNs) <= 2 ** 53, 'concatTables: bases more than 104 days apart');
    const workerOf = table.workers.map((info) =>
      indexOf(workerIndex, workerKey(info), () => workers.push(info)),
    );
    const stageOf = table.stageNames.map((name) =>
      indexOf(stageIndex, name, () => stageNames.push(name)),
    );
    for (let i = 0; i < table.length; i++) {
      startNs[at + i] = table.startNs[i]! + shiftNs;
      worker[at + i] = workerOf[table.worker[i]!]!;
      stage[at + i] = stageOf[table.stage[i]!]!;
    }
    durationNs.set(table.durationNs.subarray(0, table.length), at);
    domain.set(table.domain.subarray(0, table.length), at);
    step.set(table.step.subarray(0, table.length), at);
    layer.set(table.layer.subarray(0, table.length), at);
    microbatch.set(table.microbatch.subarray(0, table.length), at);
    kind.set(table.kind.subarray(0, table.length), at);
    phase.set(table.phase.subarray(0, table.length), at);
    peer.set(table.peer.subarray(0, table.length), at);
    at += table.length;
  }
  const measures = Object.fromEntries(
    MEASURES.map((name) => [
      name,
      concatMeasure(
        tables.map((table) => [table.length, table.measures[name]]),
        n,
      ),
    ]),
  ) as EventTable['measures'];
  const lists = Object.fromEntries(
    LISTS.map((name) => [
      name,
      concatLists(
        tables.map((table) => [table.length, table.lists[name]]),
        n,
      ),
    ]),
  ) as EventTable['lists'];
  return {
    length: n,
    baseUnixNs: base,
    workers,
    stageNames,
    startNs,
    durationNs,
    worker,
    domain,
    step,
    layer,
    microbatch,
    stage,
    kind,
    phase,
    peer,
    measures,
    lists,
  };
}

function indexOf(index: Map<string, number>, key: string, add: () => number): number {
  const known = index.get(key);
  if (known !== undefined) return known;
  const made = add() - 1;
  index.set(key, made);
  return made;
}

function concatMeasure(
  parts: readonly (readonly [number, Float64Array | null])[],
  n: number,
): Float64Array | null {
  if (parts.every(([, column]) => column === null)) return null;
  const out = new Float64Array(n).fill(-1);
  let at = 0;
  for (const [length, column] of parts) {
    if (column !== null) out.set(column.subarray(0, length), at);
    at += length;
  }
  return out;
}

export function concatLists(
  parts: readonly (readonly [number, ListColumn | null])[],
  n: number,
): ListColumn | null {
  if (parts.every(([, column]) => column === null)) return null;
  const offsets = new Uint32Array(n + 1);
  let row = 0;
  let end = 0;
  for (const [length, column] of parts) {
    for (let i = 0; i < length; i++, row++) {
      if (column !== null) end += column.offsets[i + 1]! - column.offsets[i]!;
      offsets[row + 1] = end;
    }
  }
  const values = new Float64Array(end);
  let at = 0;
  for (const [length, column] of parts) {
    if (column === null) continue;
    const used = column.values.subarray(column.offsets[0]!, column.offsets[length]!);
    values.set(used, at);
    at += used.length;
  }
  return { offsets, values };
}
