/**
 * The directory of a packed table as bytes: everything but the payloads, which are kept beside it as
 * they are, one behind the other in order of the rows (each has a checksum of its own). The frame is
 * that of chunks (chunk-frame.ts); the header names base and workers; the columns, each as the
 * difference to the row before, are
 *
 *     worker  domain  step  startNs  length (endNs - startNs)  stepEvents  byteLength  sequence
 *
 * `sequence` is the number of the append that brought the step; the column is null where all steps
 * have one that is kept elsewhere. Workers are whole entries, or ids where the keeper has a list of
 * them.
 */
import { type UnixNanos, unixNanos } from '#lib/base/units.ts';
import { ChunkContent, damaged, FRAME_BYTES, openFrame, sealFrame } from './chunk-frame.ts';
import { parsePackedHeader } from './chunk-header.ts';
import { areSmallIntegers, ColumnReader, ColumnWriter } from './column-codec.ts';
import type { PackedTable } from './packed-table.ts';
import { selectSteps } from './packed-tables.ts';
import type { WorkerInfo } from './worker-info.ts';

const BYTES_PER_STEP = 48;
const MAX_UINT32 = 0xffff_ffff;

/** A packed table whose payloads lie in order of its rows; where they lie is said when it is read. */
export type PackedDirectory = Omit<PackedTable, 'bytes' | 'offset'>;

export interface DirectoryFields {
  /** For each step; null: all the same, kept elsewhere. */
  readonly sequences: Float64Array | null;
  /** Ids of the workers in their order; null: the workers themselves are written. */
  readonly workerIds: readonly number[] | null;
}

export function encodeDirectory(table: PackedDirectory, fields: DirectoryFields): Uint8Array {
  const { length: n, startNs, endNs } = table;
  const header = new TextEncoder().encode(
    JSON.stringify({
      length: n,
      baseUnixNs: String(table.baseUnixNs),
      workers: fields.workerIds ?? table.workers,
    }),
  );
  const out = new ColumnWriter(FRAME_BYTES + header.byteLength, 64 + n * BYTES_PER_STEP);
  const lengths = new Float64Array(n);
  for (let i = 0; i < n; i++) lengths[i] = endNs[i]! - startNs[i]!;
  const scratch = new Float64Array(n);
  const { worker, domain, step, stepEvents, byteLength } = table;
  for (const column of [worker, domain, step, startNs, lengths, stepEvents, byteLength]) {
    writeDeltas(out, column, scratch, n);
  }
  if (fields.sequences === null) out.nothing();
  else writeDeltas(out, fields.sequences, scratch, n);
  const bytes = out.finish();
  bytes.set(header, FRAME_BYTES);
  sealFrame(bytes, ChunkContent.packed, header.byteLength);
  return bytes;
}

export interface DecodedDirectory {
  /** Without the steps of workers that are not known. */
  readonly table: PackedTable;
  readonly sequences: Float64Array | null;
  /** Events of the steps that were left out for that. */
  readonly unknownEvents: number;
}

/**
 * The table of a directory and its payloads. `workerOf`: the worker of an id; null: not known.
 * @throws ChunkFormatError where it is not one, not whole, or the payloads have another length
 */
export function decodeDirectory(
  directory: Uint8Array,
  payloads: Uint8Array,
  workerOf: (id: number) => WorkerInfo | null = unknownWorker,
): DecodedDirectory {
  const { header: raw, columnsStart } = openFrame(directory, ChunkContent.packed);
  const header = parsePackedHeader(raw);
  const n = header.length;
  const found = header.workers.map((entry) =>
    typeof entry === 'number' ? workerOf(entry) : entry,
  );
  const workers = found.filter((info) => info !== null);
  const input = new ColumnReader(directory, columnsStart);
  const worker = Int32Array.from(readDeltas(input, n));
  const domain = Int32Array.from(readDeltas(input, n));
  const step = readDeltas(input, n);
  const startNs = readDeltas(input, n);
  const endNs = readDeltas(input, n);
  const stepEvents = sizes(readDeltas(input, n));
  const byteLength = sizes(readDeltas(input, n));
  const sequences = optionalDeltas(input, n);
  input.end();
  const offset = new Uint32Array(n);
  let events = 0;
  let at = 0;
  for (let i = 0; i < n; i++) {
    if (worker[i]! < 0 || worker[i]! >= found.length) throw damaged('a worker is out of range');
    endNs[i]! += startNs[i]!;
    events += stepEvents[i]!;
    offset[i] = at;
    at += byteLength[i]!;
    if (at > payloads.byteLength) throw damaged('payloads are missing');
  }
  if (at !== payloads.byteLength) throw damaged('bytes are left after the payloads');
  const baseUnixNs: UnixNanos = unixNanos(BigInt(header.baseUnixNs));
  const columns = { worker, domain, step, startNs, endNs, stepEvents, offset, byteLength };
  const whole = { length: n, events, baseUnixNs, workers, ...columns, bytes: payloads };
  if (workers.length === found.length) return { table: whole, sequences, unknownEvents: 0 };
  // The steps of the others live.
  const indexOf = found.map((info) => (info === null ? -1 : workers.indexOf(info)));
  const rows = Uint32Array.from(worker.keys()).filter((i) => indexOf[worker[i]!]! >= 0);
  const table = selectSteps(whole, rows);
  table.worker.forEach((index, i) => {
    table.worker[i] = indexOf[index]!;
  });
  return {
    table,
    sequences: sequences === null ? null : Float64Array.from(rows, (i) => sequences[i]!),
    unknownEvents: events - table.events,
  };
}

function unknownWorker(id: number): never {
  throw damaged(`worker ${id} is not known`);
}

function writeDeltas(
  out: ColumnWriter,
  column: ArrayLike<number>,
  scratch: Float64Array,
  count: number,
): void {
  if (!areSmallIntegers(column)) {
    out.doubles(Float64Array.from(column), count);
    return;
  }
  for (let i = 0; i < count; i++) scratch[i] = column[i]! - (i > 0 ? column[i - 1]! : 0);
  out.integers(scratch, count);
}

function readDeltas(input: ColumnReader, count: number): Float64Array {
  const values = optionalDeltas(input, count);
  if (values === null) throw damaged('a column is missing');
  return values;
}

function optionalDeltas(input: ColumnReader, count: number): Float64Array | null {
  const column = input.column(count);
  if (column === null) return null;
  const { coding, values } = column;
  if (coding === 'integers') for (let i = 1; i < count; i++) values[i]! += values[i - 1]!;
  return values;
}

function sizes(values: Float64Array): Uint32Array {
  for (const value of values) {
    if (!Number.isInteger(value) || value < 0 || value > MAX_UINT32) {
      throw damaged('a step has an impossible size');
    }
  }
  return Uint32Array.from(values);
}
