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
import { concatDirectories, gatherPayloads, payloadBytes } from '#lib/table/packed-tables.ts';
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

/** The steps of `tables` as one blob, payloads as received. `idOf`: the worker's id, see codec. */
export function packSteps(
  tables: readonly PackedTable[],
  sequences: Float64Array | null,
  idOf: ((worker: WorkerInfo) => number) | null,
): StepBlob {
  const all = concatDirectories(tables);
  const workerIds = idOf === null ? null : all.workers.map(idOf);
  const fields: DirectoryFields = { sequences, workerIds };
  const directory = encodeDirectory(all, fields);
  const payloadsAt = HEAD_BYTES + directory.byteLength;
  const byteCount = tables.reduce((sum, table) => sum + payloadBytes(table), 0);
  const blob = new Uint8Array(payloadsAt + byteCount);
  writeHead(blob, directory, PLAIN);
  gatherPayloads(tables, blob, payloadsAt);
  return { blob, table: { ...all, bytes: blob.subarray(payloadsAt) } };
}

/** The same blob, its payloads compressed where that is worth it. */
export function shrinkSteps({ blob }: StepBlob): Uint8Array {
  const payloadsAt = HEAD_BYTES + headOf(blob).directoryBytes;
  const payloads = blob.subarray(payloadsAt);
  if (!isWorthIt(payloads)) return blob;
  const packed = zstdCompressSync(payloads, ZSTD_OPTIONS);
  const shrunk = new Uint8Array(payloadsAt + packed.byteLength);
  writeHead(shrunk, blob.subarray(HEAD_BYTES, payloadsAt), ZSTD);
  shrunk.set(packed, payloadsAt);
  return shrunk;
}

/** @throws ChunkFormatError */
export function unpackSteps(
  blob: Uint8Array,
  workerOf?: (id: number) => WorkerInfo,
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

function isWorthIt(payloads: Uint8Array): boolean {
  if (payloads.byteLength < SAMPLE_BYTES / 4) return false;
  const sample = payloads.subarray(0, SAMPLE_BYTES);
  return zstdCompressSync(sample, ZSTD_OPTIONS).byteLength < sample.byteLength * WORTH_RATIO;
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
