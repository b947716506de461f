/** Chunks on their way to and from the disk: the codec's bytes, compressed with zstd. */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { decodeEvents, encodeEvents } from '#lib/table/chunk-codec.ts';
import { decodeMetrics, encodeMetrics } from '#lib/table/chunk-codec-metrics.ts';
import { ChunkFormatError } from '#lib/table/chunk-frame.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { MetricTable } from '#lib/table/metric-table.ts';

/** The planes are either noise or nearly empty: level 3 gains less than a hundredth over 1. */
const ZSTD_LEVEL = 1;
/** No honest chunk is larger when unpacked. */
const MAX_CHUNK_BYTES = 1 << 30;

export const ZSTD_OPTIONS = { params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL } };

export function packEvents(table: EventTable): Uint8Array {
  return zstdCompressSync(encodeEvents(table), ZSTD_OPTIONS);
}

/** @throws ChunkFormatError */
export function unpackEvents(blob: Uint8Array): EventTable {
  return decodeEvents(decompress(blob));
}

export function packMetrics(table: MetricTable): Uint8Array {
  return zstdCompressSync(encodeMetrics(table), ZSTD_OPTIONS);
}

/** @throws ChunkFormatError */
export function unpackMetrics(blob: Uint8Array): MetricTable {
  return decodeMetrics(decompress(blob));
}

/** @throws ChunkFormatError */
export function decompress(blob: Uint8Array): Uint8Array {
  try {
    return zstdDecompressSync(blob, { maxOutputLength: MAX_CHUNK_BYTES });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ChunkFormatError('damaged', `damaged chunk: it cannot be decompressed (${why})`);
  }
}
