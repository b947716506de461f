/** Packed tables as wholes: choosing steps, joining, their extent. Payloads stay as they are. */
import { assert } from '#lib/base/assert.ts';
import { addNanos, nanosBetween, type UnixNanos } from '#lib/base/units.ts';
import type { EventTable } from './event-table.ts';
import { compareInstants, earliest } from './instants.ts';
import type { PackedTable } from './packed-table.ts';
import type { WorkerInfo } from './worker-info.ts';
import { workerKey } from './worker-key.ts';

/** Offsets from a base are exact up to here: 104 days. */
export const REACH_NS = 2n ** 53n;

/** Tells packed steps from events. */
export function isPackedTable(table: EventTable | PackedTable): table is PackedTable {
  return 'bytes' in table;
}

/** The steps of `table` with these indexes, in this order; the payloads are shared, not copied. */
export function selectSteps(table: PackedTable, rows: Uint32Array): PackedTable {
  const n = rows.length;
  const columns = newColumns(n);
  let events = 0;
  for (let i = 0; i < n; i++) {
    const row = rows[i]!;
    copyStep(columns, i, table, row, table.worker[row]!, 0, table.offset[row]!);
    events += table.stepEvents[row]!;
  }
  const { baseUnixNs, workers, bytes } = table;
  return { length: n, events, baseUnixNs, workers, ...columns, bytes };
}

type StepColumns = Pick<
  PackedTable,
  'worker' | 'domain' | 'step' | 'startNs' | 'endNs' | 'stepEvents' | 'offset' | 'byteLength'
>;

function newColumns(steps: number): StepColumns {
  return {
    worker: new Int32Array(steps),
    domain: new Int32Array(steps),
    step: new Float64Array(steps),
    startNs: new Float64Array(steps),
    endNs: new Float64Array(steps),
    stepEvents: new Uint32Array(steps),
    offset: new Uint32Array(steps),
    byteLength: new Uint32Array(steps),
  };
}

/** Row `row` of `from` as row `to`, under another base; its payload lies at `offset`. */
function copyStep(
  out: StepColumns,
  to: number,
  from: PackedTable,
  row: number,
  worker: number,
  shiftNs: number,
  offset: number,
): void {
  out.worker[to] = worker;
  out.domain[to] = from.domain[row]!;
  out.step[to] = from.step[row]!;
  out.startNs[to] = from.startNs[row]! + shiftNs;
  out.endNs[to] = from.endNs[row]! + shiftNs;
  out.stepEvents[to] = from.stepEvents[row]!;
  out.offset[to] = offset;
  out.byteLength[to] = from.byteLength[row]!;
}

/** First start and last end of all steps, or null without steps. */
export function packedSpan(
  table: PackedTable,
): { readonly fromUnixNs: UnixNanos; readonly toUnixNs: UnixNanos } | null {
  if (table.length === 0) return null;
  let from = Number.POSITIVE_INFINITY;
  let to = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < table.length; i++) {
    if (table.startNs[i]! < from) from = table.startNs[i]!;
    if (table.endNs[i]! > to) to = table.endNs[i]!;
  }
  return {
    fromUnixNs: addNanos(table.baseUnixNs, Math.floor(from)),
    // As with events: at least one nanosecond after each start.
    toUnixNs: addNanos(table.baseUnixNs, Math.max(Math.ceil(to), Math.floor(from) + 1)),
  };
}

/** Tables that lie so close together that one can hold them: neighbours in time, in groups. */
export function groupsWithinReach(
  tables: readonly PackedTable[],
): readonly (readonly PackedTable[])[] {
  const spans = tables
    .flatMap((table) => {
      const span = packedSpan(table);
      return span === null ? [] : [{ table, ...span }];
    })
    .sort((a, b) => compareInstants(a.fromUnixNs, b.fromUnixNs));
  const groups: PackedTable[][] = [];
  let from: bigint | null = null;
  for (const { table, fromUnixNs, toUnixNs } of spans) {
    const group = groups.at(-1);
    if (group === undefined || from === null || toUnixNs - from > REACH_NS) {
      groups.push([table]);
      from = fromUnixNs;
    } else {
      group.push(table);
    }
  }
  return groups;
}

/** Bytes of the payloads of all steps. */
export function payloadBytes(table: PackedTable): number {
  let sum = 0;
  for (let i = 0; i < table.length; i++) sum += table.byteLength[i]!;
  return sum;
}

/**
 * All steps of `tables`, in their order, as one table with bytes of its own; its base is the
 * earliest start and equal workers become one entry. The starts must lie within 2^53 ns (104 days).
 */
export function concatPacked(tables: readonly PackedTable[]): PackedTable {
  const directory = concatDirectories(tables);
  const bytes = new Uint8Array(tables.reduce((sum, table) => sum + payloadBytes(table), 0));
  gatherPayloads(tables, bytes, 0);
  return { ...directory, bytes };
}

/** The same without the payloads: `offset` is where `gatherPayloads` puts them. */
export function concatDirectories(tables: readonly PackedTable[]): Omit<PackedTable, 'bytes'> {
  assert(tables.length > 0, 'concatDirectories needs a table');
  let n = 0;
  let events = 0;
  for (const table of tables) {
    n += table.length;
    events += table.events;
  }
  const starts = tables.flatMap((table) => packedSpan(table)?.fromUnixNs ?? []);
  const baseUnixNs = earliest(starts, starts[0] ?? tables[0]!.baseUnixNs);
  const workers: WorkerInfo[] = [];
  const indexByKey = new Map<string, number>();
  const columns = newColumns(n);
  let row = 0;
  let at = 0;
  for (const table of tables) {
    if (table.length === 0) continue;
    const shiftNs = nanosBetween(baseUnixNs, table.baseUnixNs);
    assert(Math.abs(shiftNs) <= 2 ** 53, 'concatDirectories: bases more than 104 days apart');
    const workerOf = new Int32Array(table.workers.length).fill(-1);
    for (let i = 0; i < table.length; i++, row++) {
      const old = table.worker[i]!;
      if (workerOf[old]! < 0) workerOf[old] = indexOf(table.workers[old]!, workers, indexByKey);
      copyStep(columns, row, table, i, workerOf[old]!, shiftNs, at);
      at += table.byteLength[i]!;
    }
  }
  return { length: n, events, baseUnixNs, workers, ...columns };
}

/** Copies the payloads of all steps, in order, to `out` from `at` on. */
export function gatherPayloads(tables: readonly PackedTable[], out: Uint8Array, at: number): void {
  let to = at;
  for (const { length, offset, byteLength, bytes } of tables) {
    // Neighbours are copied together.
    let from = 0;
    let end = 0;
    for (let i = 0; i < length; i++) {
      if (offset[i] !== end) {
        out.set(bytes.subarray(from, end), to);
        to += end - from;
        from = offset[i]!;
        end = from;
      }
      end += byteLength[i]!;
    }
    out.set(bytes.subarray(from, end), to);
    to += end - from;
  }
}

/** Single steps of several tables: step `i` is row `row[i]` of table `part[i]`. */
export interface StepRefs {
  readonly tables: readonly PackedTable[];
  readonly part: Uint32Array;
  readonly row: Uint32Array;
}

/** The steps as one table without payloads: `offset` is where `copyPayloads` puts them. */
export function gatherDirectory({ tables, part, row }: StepRefs): Omit<PackedTable, 'bytes'> {
  assert(part.length > 0, 'gatherDirectory needs a step');
  const n = part.length;
  const first = tables[part[0]!]!;
  const baseUnixNs = addNanos(first.baseUnixNs, Math.floor(first.startNs[row[0]!]!));
  const workers: WorkerInfo[] = [];
  const indexByKey = new Map<string, number>();
  const columns = newColumns(n);
  let lastTable: PackedTable | null = null;
  let lastInfo: WorkerInfo | null = null;
  let lastIndex = 0;
  let shiftNs = 0;
  let events = 0;
  let at = 0;
  for (let i = 0; i < n; i++) {
    const table = tables[part[i]!]!;
    const from = row[i]!;
    if (table !== lastTable) {
      lastTable = table;
      shiftNs = nanosBetween(baseUnixNs, table.baseUnixNs);
    }
    const info = table.workers[table.worker[from]!]!;
    if (info !== lastInfo) {
      lastInfo = info;
      lastIndex = indexOf(info, workers, indexByKey);
    }
    copyStep(columns, i, table, from, lastIndex, shiftNs, at);
    events += table.stepEvents[from]!;
    at += table.byteLength[from]!;
  }
  return { length: n, events, baseUnixNs, workers, ...columns };
}

/** Copies the payloads of these steps, in order, to `out` from `at` on. */
export function copyPayloads({ tables, part, row }: StepRefs, out: Uint8Array, at: number): void {
  let to = at;
  for (let i = 0; i < part.length; i++) {
    const { bytes, offset, byteLength } = tables[part[i]!]!;
    const from = offset[row[i]!]!;
    const end = from + byteLength[row[i]!]!;
    out.set(bytes.subarray(from, end), to);
    to += end - from;
  }
}

function indexOf(info: WorkerInfo, workers: WorkerInfo[], indexByKey: Map<string, number>): number {
  const key = workerKey(info);
  const known = indexByKey.get(key);
  if (known !== undefined) return known;
  const index = workers.push(info) - 1;
  indexByKey.set(key, index);
  return index;
}
