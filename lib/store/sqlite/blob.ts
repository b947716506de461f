/** Chunks on their way to and from the disk: the codec's bytes, compressed with zstd. */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { decodeEvents, encodeEvents } from '#lib/table/chunk-codec.ts';
import { decodeMetrics, encodeMetrics } from '#lib/table/chunk-codec-metrics.ts';
import { ChunkFormatError, damaged } from '#lib/table/chunk-frame.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { MetricTable } from '#lib/table/metric-table.ts';
import { decodeDirectory, encodeDirectory } from '#lib/table/packed-codec.ts';
import type { PackedTable } from '#lib/table/packed-table.ts';

/** The planes are either noise or nearly empty: level 3 gains less than a hundredth over 1. */
const ZSTD_LEVEL = 1;
/** No honest chunk is larger when unpacked. */
const MAX_CHUNK_BYTES = 1 << 30;

const STEPS_HEAD_BYTES = 8;
const PAYLOADS_PLAIN = 0;
const PAYLOADS_ZSTD = 1;

const OPTIONS = { params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL } };

export function packEvents(table: EventTable): Uint8Array {
  return zstdCompressSync(encodeEvents(table), OPTIONS);
}

/** @throws ChunkFormatError */
export function unpackEvents(blob: Uint8Array): EventTable {
  return decodeEvents(decompress(blob));
}

export function packMetrics(table: MetricTable): Uint8Array {
  return zstdCompressSync(encodeMetrics(table), OPTIONS);
}

/** @throws ChunkFormatError */
export function unpackMetrics(blob: Uint8Array): MetricTable {
  return decodeMetrics(decompress(blob));
}

/**
 * Packed steps: the length of the directory, how the payloads are kept, the directory (zstd), the
 * payloads. `table` must be compact.
 */
export function packSteps(table: PackedTable): Uint8Array {
  return joinSteps(zstdCompressSync(encodeDirectory(table), OPTIONS), PAYLOADS_PLAIN, table.bytes);
}

/** @throws ChunkFormatError */
export function unpackSteps(blob: Uint8Array): PackedTable {
  if (blob.byteLength < STEPS_HEAD_BYTES) throw damaged('packed steps have no head');
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  const payloadsAt = STEPS_HEAD_BYTES + view.getUint32(0, true);
  const coding = view.getUint32(4, true);
  if (payloadsAt > blob.byteLength) throw damaged('the directory is longer than the chunk');
  const directory = decompress(blob.subarray(STEPS_HEAD_BYTES, payloadsAt));
  const payloads = blob.subarray(payloadsAt);
  if (coding === PAYLOADS_PLAIN) return decodeDirectory(directory, payloads);
  if (coding === PAYLOADS_ZSTD) return decodeDirectory(directory, decompress(payloads));
  throw damaged(`payloads of coding ${coding}`);
}

function joinSteps(directory: Uint8Array, coding: number, payloads: Uint8Array): Uint8Array {
  const blob = new Uint8Array(STEPS_HEAD_BYTES + directory.byteLength + payloads.byteLength);
  const view = new DataView(blob.buffer);
  view.setUint32(0, directory.byteLength, true);
  view.setUint32(4, coding, true);
  blob.set(directory, STEPS_HEAD_BYTES);
  blob.set(payloads, STEPS_HEAD_BYTES + directory.byteLength);
  return blob;
}

function decompress(blob: Uint8Array): Uint8Array {
  try {
    return zstdDecompressSync(blob, { maxOutputLength: MAX_CHUNK_BYTES });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ChunkFormatError('damaged', `damaged chunk: it cannot be decompressed (${why})`);
  }
}
