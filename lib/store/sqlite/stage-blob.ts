/** Blobs of `stage_rollups` on their way to and from the disk. */
import { constants, crc32, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { CHUNK_VERSION, damaged, frameVersionOf } from '#lib/table/chunk-frame.ts';
import { encodeStageRollup, type StageRollupContent } from '#lib/table/stage-rollup-codec.ts';

const OPTIONS = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
/** No honest rollup is larger when unpacked. */
const MAX_BYTES = 1 << 28;

/** Rows are written to pieces of so much memory, and a new one begins where less than this is left. */
const PIECE_BYTES = 1 << 20;
const ROW_BYTES = 64 * 1024;

/** Rollups as blobs, many to a piece of memory: none has to be made or copied for a row. */
export class StageBlobs {
  #piece = new Uint8Array(0);
  #used = 0;

  of(rollup: StageRollupContent): Uint8Array {
    if (this.#used + ROW_BYTES > this.#piece.byteLength) {
      this.#piece = new Uint8Array(PIECE_BYTES);
      this.#used = 0;
    }
    const bytes = encodeStageRollup(rollup, this.#piece.subarray(this.#used));
    if (frameVersionOf(bytes) === CHUNK_VERSION) return compress(bytes);
    if (bytes.buffer === this.#piece.buffer) this.#used += Math.ceil(bytes.byteLength / 8) * 8;
    return bytes;
  }
}

export function compress(bytes: Uint8Array): Uint8Array {
  return zstdCompressSync(bytes, OPTIONS);
}

/**
 * Chunks of version 2 are bits already, and lie there as they are.
 * @throws ChunkFormatError
 */
export function decompress(blob: Uint8Array): Uint8Array {
  if (frameVersionOf(blob) > CHUNK_VERSION) return blob;
  try {
    return zstdDecompressSync(blob, { maxOutputLength: MAX_BYTES });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw damaged(`a rollup cannot be decompressed (${why})`);
  }
}

/** 'AFDC', as a frame begins. */
const MAGIC_HEX = '41464443';
/** Of a frame: its checksum (lib/table/chunk-frame.ts), and how its header begins. */
const STAMP_BYTES = 32;
/** What `stampOf` says of a blob, made by SQLite, so that the blob need not be read. */
export const STAMP_SQL = `length(blob) || ' ' || hex(substr(blob, 1, ${STAMP_BYTES}))`;

/**
 * Length and checksum as text, which tell versions of a row apart. A blob that is compressed does not
 * begin with its checksum: it is made here.
 */
export function stampOf(blob: Uint8Array): string {
  if (frameVersionOf(blob) === 0) return `${blob.byteLength} crc ${crc32(blob)}`;
  const head = Buffer.from(blob.buffer, blob.byteOffset, Math.min(STAMP_BYTES, blob.byteLength));
  return `${blob.byteLength} ${head.toString('hex').toUpperCase()}`;
}

/** The same of what SQLite made; null: of a compressed blob, which has to be read for it. */
export function stampOfText(text: string): string | null {
  return text.startsWith(MAGIC_HEX, text.indexOf(' ') + 1) ? text : null;
}
