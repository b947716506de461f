/** Blobs of `stage_rollups` on their way to and from the disk. */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { damaged } from '#lib/table/chunk-frame.ts';

const OPTIONS = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
/** No honest rollup is larger when unpacked. */
const MAX_BYTES = 1 << 28;

export function compress(bytes: Uint8Array): Uint8Array {
  return zstdCompressSync(bytes, OPTIONS);
}

/** @throws ChunkFormatError */
export function decompress(blob: Uint8Array): Uint8Array {
  try {
    return zstdDecompressSync(blob, { maxOutputLength: MAX_BYTES });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw damaged(`a rollup cannot be decompressed (${why})`);
  }
}
