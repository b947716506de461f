/**
 * The directory of a packed table as bytes: everything but the payloads, which are kept beside it as
 * they are, one behind the other in order of the rows (each has a checksum of its own). The frame is
 * that of chunks (chunk-frame.ts); the header names base and workers; the columns are
 *
 *     worker, domain, step, startNs (each as the difference to the row before)
 *     endNs (as the step's length), stepEvents, byteLength (each as the difference to the row before)
 */
import { unixNanos } from '#lib/base/units.ts';
import { ChunkContent, damaged, FRAME_BYTES, openFrame, sealFrame } from './chunk-frame.ts';
import { parsePackedHeader } from './chunk-header.ts';
import { areSmallIntegers, ColumnReader, ColumnWriter } from './column-codec.ts';
import type { PackedTable } from './packed-table.ts';
import type { WorkerInfo } from './worker-info.ts';

const BYTES_PER_STEP = 48;
const MAX_UINT32 = 0xffff_ffff;
const workerTexts = new WeakMap<WorkerInfo, string>();

/** The directory of `table`, whose payloads must lie in order (`isCompact` in packed-tables.ts). */
export function encodeDirectory(table: PackedTable): Uint8Array {
  const n = table.length;
  const header = new TextEncoder().encode(
    `{"length":${n},"baseUnixNs":"${table.baseUnixNs}","workers":[${table.workers.map(workerText).join(',')}]}`,
  );
  const out = new ColumnWriter(FRAME_BYTES + header.byteLength, 64 + n * BYTES_PER_STEP);
  const scratch = new Float64Array(n);
  const lengths = new Float64Array(n);
  for (let i = 0; i < n; i++) lengths[i] = table.endNs[i]! - table.startNs[i]!;
  for (const column of [table.worker, table.domain, table.step, table.startNs]) {
    writeDeltas(out, column, scratch, n);
  }
  for (const column of [lengths, table.stepEvents, table.byteLength]) {
    writeDeltas(out, column, scratch, n);
  }
  const bytes = out.finish();
  bytes.set(header, FRAME_BYTES);
  sealFrame(bytes, ChunkContent.packed, header.byteLength);
  return bytes;
}

/**
 * The table of a directory and its payloads.
 * @throws ChunkFormatError where it is not one, not whole, or the payloads have another length
 */
export function decodeDirectory(directory: Uint8Array, payloads: Uint8Array): PackedTable {
  const { header: raw, columnsStart } = openFrame(directory, ChunkContent.packed);
  const header = parsePackedHeader(raw);
  const n = header.length;
  const input = new ColumnReader(directory, columnsStart);
  const worker = Int32Array.from(readDeltas(input, n));
  const domain = Int32Array.from(readDeltas(input, n));
  const step = readDeltas(input, n);
  const startNs = readDeltas(input, n);
  const lengths = readDeltas(input, n);
  const stepEvents = readDeltas(input, n);
  const byteLength = readDeltas(input, n);
  input.end();
  const endNs = new Float64Array(n);
  const offset = new Uint32Array(n);
  let events = 0;
  let at = 0;
  for (let i = 0; i < n; i++) {
    if (worker[i]! < 0 || worker[i]! >= header.workers.length) {
      throw damaged('a worker is out of range');
    }
    if (!isUint32(stepEvents[i]!) || !isUint32(byteLength[i]!)) {
      throw damaged('a step has an impossible size');
    }
    endNs[i] = startNs[i]! + lengths[i]!;
    events += stepEvents[i]!;
    offset[i] = at;
    at += byteLength[i]!;
    if (at > payloads.byteLength) throw damaged('payloads are missing');
  }
  if (at !== payloads.byteLength) throw damaged('bytes are left after the payloads');
  return {
    length: n,
    events,
    baseUnixNs: unixNanos(BigInt(header.baseUnixNs)),
    workers: header.workers,
    worker,
    domain,
    step,
    startNs,
    endNs,
    stepEvents: Uint32Array.from(stepEvents),
    offset,
    byteLength: Uint32Array.from(byteLength),
    bytes: payloads,
  };
}

/** Workers are few and their objects live long. */
function workerText(worker: WorkerInfo): string {
  const known = workerTexts.get(worker);
  if (known !== undefined) return known;
  const text = JSON.stringify(worker);
  workerTexts.set(worker, text);
  return text;
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
  const column = input.column(count);
  if (column === null) throw damaged('a column is missing');
  const { coding, values } = column;
  if (coding === 'integers') for (let i = 1; i < count; i++) values[i]! += values[i - 1]!;
  return values;
}

function isUint32(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= MAX_UINT32;
}
