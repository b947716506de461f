/**
 * The way of events into a chunk (the layout is chunk-codec.ts): rows of several tables are put in
 * order, each column is predicted from what came before, and the residuals go out as byte planes.
 * One pass a column, over memory that is used again: tables are neither joined nor sorted first.
 */
import { assert } from '#lib/base/assert.ts';
import { addNanos, nanosBetween, type UnixNanos } from '#lib/base/units.ts';
import { ChunkContent, FRAME_BYTES, sealFrame } from './chunk-frame.ts';
import type { EventHeader } from './chunk-header.ts';
import { STAGES } from './codes.ts';
import { areSmallIntegers, ColumnWriter } from './column-codec.ts';
import { EncodeScratch } from './encode-scratch.ts';
import { encodeTimes } from './encode-times.ts';
import { type EventTable, LISTS, type ListColumn, MEASURES } from './event-table.ts';
import { concatLists, tableSpan } from './event-tables.ts';
import { earliest } from './instants.ts';
import type { WorkerInfo } from './worker-info.ts';
import { workerKey } from './worker-key.ts';

type IntegerName = 'kind' | 'phase' | 'domain' | 'layer' | 'microbatch' | 'peer';
const INTEGERS: readonly IntegerName[] = ['kind', 'phase', 'domain', 'layer', 'microbatch', 'peer'];

/** About what a row takes: `room` for a chunk of `n` rows. */
export const BYTES_PER_EVENT = 24;

/** Used by one call at a time, which never yields. */
const scratch = new EncodeScratch();

/** The chunk of `table`. Decoding gives the same rows, sorted by (worker, start). */
export function encodeEvents(table: EventTable): Uint8Array {
  return encode([table], table.baseUnixNs, table.workers, table.stageNames);
}

/**
 * The chunk of all rows of `tables`: equal workers become one entry, unknown stage names share one
 * list, the base is the earliest start. The rows must lie within 2^53 ns (104 days). `room`: memory
 * that the chunk may be written to, where it is large enough.
 */
export function encodeTables(tables: readonly EventTable[], room?: Uint8Array): Uint8Array {
  const only = tables[0];
  assert(only !== undefined, 'encodeTables needs a table');
  if (tables.length === 1) {
    return encode(tables, only.baseUnixNs, only.workers, only.stageNames, room);
  }
  const starts = tables.flatMap((table) => tableSpan(table)?.fromUnixNs ?? []);
  return encode(tables, earliest(starts, starts[0] ?? only.baseUnixNs), [], STAGES, room);
}

function encode(
  tables: readonly EventTable[],
  baseUnixNs: UnixNanos,
  ownWorkers: readonly WorkerInfo[],
  ownNames: readonly string[],
  room?: Uint8Array,
): Uint8Array {
  const n = tables.reduce((sum, table) => sum + table.length, 0);
  scratch.reserve(n);
  const workers = [...ownWorkers];
  const stageNames = [...ownNames];
  fillKeys(tables, baseUnixNs, workers, stageNames);
  scratch.sort(n, workers.length);
  const header: EventHeader = {
    length: n,
    baseUnixNs: String(addNanos(baseUnixNs, 0)),
    workers,
    stageNames,
  };
  const headerBytes = new TextEncoder().encode(JSON.stringify(header));
  const out = new ColumnWriter(
    FRAME_BYTES + headerBytes.byteLength,
    64 + n * BYTES_PER_EVENT,
    room,
  );
  out.integers(scratch.rowsOfWorker(workers.length), workers.length);
  scratch.stageSteps(n, out);
  encodeTimes(scratch, n, stageNames.length, out);
  const stageCount = stageNames.length;
  for (const name of INTEGERS) {
    const parts = tables.map((table) => [table.length, table[name]] as const);
    scratch.integerColumn(parts, n, stageCount, out);
  }
  const steps = tables.map((table) => [table.length, table.step] as const);
  scratch.numberColumn(steps, n, stageCount, out);
  for (const name of MEASURES) {
    if (tables.every((table) => table.measures[name] === null)) {
      out.nothing();
      continue;
    }
    const parts = tables.map((table) => [table.length, table.measures[name]] as const);
    scratch.numberColumn(parts, n, stageCount, out);
  }
  for (const name of LISTS) {
    const joined = concatLists(
      tables.map((table) => [table.length, table.lists[name]]),
      n,
    );
    writeLists(out, joined, n, stageCount);
  }
  const bytes = out.finish();
  bytes.set(headerBytes, FRAME_BYTES);
  sealFrame(bytes, ChunkContent.events, headerBytes.byteLength);
  return bytes;
}

/** Worker, start, duration and stage of every row, as the tables come. */
function fillKeys(
  tables: readonly EventTable[],
  baseUnixNs: UnixNanos,
  workers: WorkerInfo[],
  stageNames: string[],
): void {
  const joins = tables.length > 1;
  const workerIndex = new Map<string, number>();
  const stageIndex = new Map(stageNames.map((name, index) => [name, index]));
  const { startNs, durationNs, worker, stage } = scratch;
  let at = 0;
  for (const table of tables) {
    const n = table.length;
    if (n === 0) continue;
    const shiftNs = nanosBetween(baseUnixNs, table.baseUnixNs);
    assert(Math.abs(shiftNs) <= 2 ** 53, 'encodeTables: bases more than 104 days apart');
    const workerOf = table.workers.map((info, own) =>
      joins ? indexIn(workerIndex, workerKey(info), () => workers.push(info)) : own,
    );
    const stageOf = table.stageNames.map((name, own) =>
      joins ? indexIn(stageIndex, name, () => stageNames.push(name)) : own,
    );
    const { startNs: starts, worker: ownWorker, stage: ownStage } = table;
    shiftInto(startNs, at, starts, n, shiftNs);
    mapInto(worker, at, ownWorker, n, Int32Array.from(workerOf));
    if (stageOf.every((code, own) => code === own)) stage.set(ownStage.subarray(0, n), at);
    else mapStages(stage, at, ownStage, n, Uint16Array.from(stageOf));
    durationNs.set(table.durationNs.subarray(0, n), at);
    at += n;
  }
}

function shiftInto(
  to: Float64Array,
  at: number,
  from: Float64Array,
  n: number,
  shiftNs: number,
): void {
  for (let i = 0; i < n; i++) to[at + i] = from[i]! + shiftNs;
}

function mapInto(
  to: Int32Array,
  at: number,
  from: Int32Array,
  n: number,
  codeOf: Int32Array,
): void {
  for (let i = 0; i < n; i++) to[at + i] = codeOf[from[i]!]!;
}

function mapStages(
  to: Uint16Array,
  at: number,
  from: Uint16Array,
  n: number,
  codeOf: Uint16Array,
): void {
  for (let i = 0; i < n; i++) to[at + i] = codeOf[from[i]!]!;
}

function indexIn(index: Map<string, number>, key: string, add: () => number): number {
  const known = index.get(key);
  if (known !== undefined) return known;
  const made = add() - 1;
  index.set(key, made);
  return made;
}

function writeLists(
  out: ColumnWriter,
  joined: ListColumn | null,
  n: number,
  stageCount: number,
): void {
  if (joined === null) {
    out.nothing();
    return;
  }
  const { offsets } = joined;
  const lengths = new Float64Array(n);
  for (let i = 0; i < n; i++) lengths[i] = offsets[i + 1]! - offsets[i]!;
  scratch.numberColumn([[n, lengths]], n, stageCount, out);
  const values = scratch.orderedLists(joined, n);
  if (areSmallIntegers(values)) out.integers(values, values.length);
  else out.doubles(values, values.length);
}
