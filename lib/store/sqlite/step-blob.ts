/**
 * Packed steps as blobs, in the journal and in packed chunks:
 *
 *     u32  bytes of the directory
 *     u32  how the payloads are kept: 0 as received, 1 zstd
 *     …    directory (lib/table/packed-codec.ts)
 *     …    payloads
 *
 * Payloads are made of bit-packed residuals, of which zstd takes a fourteenth at 10 ns an event, so
 * they stay as they are unless a sample says that more is to be gained (lists of expert loads).
 */
import { zstdCompressSync } from 'node:zlib';
import { damaged } from '#lib/table/chunk-frame.ts';
import {
  type DecodedDirectory,
  type DirectoryFields,
  decodeDirectory,
  encodeDirectory,
} from '#lib/table/packed-codec.ts';
import type { PackedTable } from '#lib/table/packed-table.ts';
import {
  concatDirectories,
  copyPayloads,
  gatherDirectory,
  gatherPayloads,
  type StepRefs,
} from '#lib/table/packed-tables.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';
import { decompress, ZSTD_OPTIONS } from './blob.ts';

const HEAD_BYTES = 8;
const PLAIN = 0;
const ZSTD = 1;
/** Payloads that a sample shrinks to less than this share are compressed. */
const WORTH_RATIO = 0.8;
const SAMPLE_BYTES = 16_384;

export interface StepBlob {
  readonly blob: Uint8Array;
  /** All steps, over the blob's bytes. */
  readonly table: PackedTable;
}

/** Steps to be packed, wherever they lie. */
export interface StepSource {
  readonly directory: Omit<PackedTable, 'bytes'>;
  copyTo(out: Uint8Array, at: number): void;
}

/** All steps of `tables`, in their order. */
export function allSteps(tables: readonly PackedTable[]): StepSource {
  return {
    directory: concatDirectories(tables),
    copyTo: (out, at) => gatherPayloads(tables, out, at),
  };
}

export function someSteps(refs: StepRefs): StepSource {
  return {
    directory: gatherDirectory(refs),
    copyTo: (out, at) => copyPayloads(refs, out, at),
  };
}

/** The steps as one blob, payloads as received. */
export function packSteps(source: StepSource, fields: DirectoryFields): StepBlob {
  const { directory: columns } = source;
  const directory = encodeDirectory(columns, fields);
  const payloadsAt = HEAD_BYTES + directory.byteLength;
  const { length, offset, byteLength } = columns;
  const byteCount = length === 0 ? 0 : offset[length - 1]! + byteLength[length - 1]!;
  const blob = new Uint8Array(payloadsAt + byteCount);
  writeHead(blob, directory, PLAIN);
  source.copyTo(blob, payloadsAt);
  return { blob, table: { ...columns, bytes: blob.subarray(payloadsAt) } };
}

/** The same blob with compressed payloads; null where that is not worth it. */
export function shrinkSteps({ blob }: StepBlob): Uint8Array | null {
  const payloadsAt = HEAD_BYTES + headOf(blob).directoryBytes;
  const payloads = blob.subarray(payloadsAt);
  const sample = payloads.subarray(0, SAMPLE_BYTES);
  const sampled = zstdCompressSync(sample, ZSTD_OPTIONS).byteLength;
  if (sampled >= sample.byteLength * WORTH_RATIO) return null;
  const packed = zstdCompressSync(payloads, ZSTD_OPTIONS);
  const shrunk = new Uint8Array(payloadsAt + packed.byteLength);
  writeHead(shrunk, blob.subarray(HEAD_BYTES, payloadsAt), ZSTD);
  shrunk.set(packed, payloadsAt);
  return shrunk;
}

/** @throws ChunkFormatError */
export function unpackSteps(
  blob: Uint8Array,
  workerOf?: (id: number) => WorkerInfo | null,
): DecodedDirectory {
  if (blob.byteLength < HEAD_BYTES) throw damaged('packed steps have no head');
  const { directoryBytes, coding } = headOf(blob);
  const payloadsAt = HEAD_BYTES + directoryBytes;
  if (payloadsAt > blob.byteLength) throw damaged('the directory is longer than the chunk');
  if (coding !== PLAIN && coding !== ZSTD) throw damaged(`payloads of coding ${coding}`);
  const kept = blob.subarray(payloadsAt);
  const payloads = coding === PLAIN ? kept : decompress(kept);
  return decodeDirectory(blob.subarray(HEAD_BYTES, payloadsAt), payloads, workerOf);
}

function headOf(blob: Uint8Array): { directoryBytes: number; coding: number } {
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  return { directoryBytes: view.getUint32(0, true), coding: view.getUint32(4, true) };
}

function writeHead(blob: Uint8Array, directory: Uint8Array, coding: number): void {
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  view.setUint32(0, directory.byteLength, true);
  view.setUint32(4, coding, true);
  blob.set(directory, HEAD_BYTES);
}
