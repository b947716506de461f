/** Chunks on their way to and from the disk: the codec's bytes, compressed with zstd. */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { decodeEvents } from '#lib/table/chunk-codec.ts';
import { decodeMetrics, encodeMetrics } from '#lib/table/chunk-codec-metrics.ts';
import { ChunkFormatError } from '#lib/table/chunk-frame.ts';
import { encodeTables } from '#lib/table/encode-events.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { MetricTable } from '#lib/table/metric-table.ts';
import type { WantedColumns } from '#lib/table/wanted-columns.ts';

/** The planes are either noise or nearly empty: level 3 gains less than a hundredth over 1. */
const ZSTD_LEVEL = 1;
/** No honest chunk is larger when unpacked. */
const MAX_CHUNK_BYTES = 1 << 30;

export const ZSTD_OPTIONS = { params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL } };

/** Chunks are encoded to it, one after the other: fresh memory for each costs more than the bytes. */
const room = new Uint8Array(2 * 1024 * 1024);

/** All rows of `tables` as one chunk. */
export function packEvents(tables: readonly EventTable[]): Uint8Array {
  return zstdCompressSync(encodeTables(tables, room), ZSTD_OPTIONS);
}

/** `wanted`: which optional columns to read; absent: all. @throws ChunkFormatError */
export function unpackEvents(blob: Uint8Array, wanted?: WantedColumns): EventTable {
  return decodeEvents(decompress(blob), wanted);
}

export function packMetrics(table: MetricTable): Uint8Array {
  return zstdCompressSync(encodeMetrics(table), ZSTD_OPTIONS);
}

/** @throws ChunkFormatError */
export function unpackMetrics(blob: Uint8Array): MetricTable {
  return decodeMetrics(decompress(blob));
}

/** What comes in one piece needs no joining of pieces: the next chunk is likely as large as the last. */
let likelyBytes = 64 * 1024;
const MAX_LIKELY_BYTES = 8 * 1024 * 1024;

/** @throws ChunkFormatError */
export function decompress(blob: Uint8Array): Uint8Array {
  try {
    const chunkSize = Math.min(likelyBytes, MAX_LIKELY_BYTES);
    const bytes = zstdDecompressSync(blob, { maxOutputLength: MAX_CHUNK_BYTES, chunkSize });
    // A little more, so that the end is seen without another piece.
    likelyBytes = Math.max(4096, Math.ceil(bytes.byteLength * 1.05) + 64);
    return bytes;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ChunkFormatError('damaged', `damaged chunk: it cannot be decompressed (${why})`);
  }
}
