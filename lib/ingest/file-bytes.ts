/**
 * The bytes of a file in pieces, gzip and zstd undone. What a file is, its first bytes tell, never its
 * name.
 */
import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import { pipeline } from 'node:stream';
import { createGunzip, createZstdDecompress, type Gunzip, type ZstdDecompress } from 'node:zlib';

export type Compression = 'none' | 'gzip' | 'zstd';

/** Where pieces go. `room` is asked for anew for each piece. */
export interface ByteTarget {
  /** At least one byte of free space. */
  room(): Uint8Array;
  /** So many bytes were written there. */
  wrote(byteCount: number): void;
  /** Nothing more is wanted. */
  readonly stopped: boolean;
}

const PIECE_BYTES = 1 << 16;
const STREAM_PIECE_BYTES = 1 << 20;

export function compressionOf(bytes: Uint8Array): Compression {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return 'gzip';
  const isZstd = bytes[0] === 0x28 && bytes[1] === 0xb5 && bytes[2] === 0x2f && bytes[3] === 0xfd;
  return isZstd ? 'zstd' : 'none';
}

/** The first bytes of a file as they are, at most `byteCount`. Throws what node:fs throws. */
export function firstBytes(path: string, byteCount: number): Uint8Array {
  const file = openSync(path, 'r');
  try {
    const bytes = new Uint8Array(byteCount);
    let length = 0;
    for (;;) {
      const read = readSync(file, bytes, length, byteCount - length, null);
      if (read === 0) return bytes.subarray(0, length);
      length += read;
      if (length === byteCount) return bytes;
    }
  } finally {
    closeSync(file);
  }
}

/**
 * Reads all of a file into `target`, until it has enough. Resolves to what is wrong with compressed
 * data that ends early or is damaged: what came before has been given then; null where all is well.
 */
export async function readInto(
  path: string,
  compression: Compression,
  target: ByteTarget,
): Promise<string | null> {
  if (compression === 'none') {
    readPlainInto(path, target);
    return null;
  }
  const inflate = inflaterOf(compression);
  const source = createReadStream(path, { highWaterMark: STREAM_PIECE_BYTES });
  pipeline(source, inflate, () => undefined);
  try {
    for await (const piece of inflate as AsyncIterable<Uint8Array>) {
      give(piece, target);
      if (target.stopped) break;
    }
    return null;
  } catch (error) {
    if (!isDamagedData(error)) throw error;
    return `the ${compression} data is cut off or damaged (${error.code})`;
  } finally {
    source.destroy();
    inflate.destroy();
  }
}

export function inflaterOf(compression: 'gzip' | 'zstd'): Gunzip | ZstdDecompress {
  const options = { chunkSize: STREAM_PIECE_BYTES };
  return compression === 'gzip' ? createGunzip(options) : createZstdDecompress(options);
}

/** Did the data keep from being unpacked, and not the file system? */
export function isDamagedData(error: unknown): error is Error & { readonly code: string } {
  if (!(error instanceof Error) || !('code' in error)) return false;
  return /^(Z_|ZSTD_|ERR_ZLIB|ERR__ZSTD|ERR_BUFFER)/.test(String(error.code));
}

function readPlainInto(path: string, target: ByteTarget): void {
  const file = openSync(path, 'r');
  try {
    while (!target.stopped) {
      const room = target.room();
      const read = readSync(file, room, 0, Math.max(room.length, 1), null);
      if (read === 0) return;
      target.wrote(read);
    }
  } finally {
    closeSync(file);
  }
}

function give(piece: Uint8Array, target: ByteTarget): void {
  for (let at = 0; at < piece.length && !target.stopped; ) {
    const room = target.room();
    const part = piece.subarray(at, at + Math.min(room.length, PIECE_BYTES));
    room.set(part);
    at += part.length;
    target.wrote(part.length);
  }
}

/** The first bytes behind the compression; fewer where the file has fewer or is damaged. */
export async function firstPlainBytes(path: string, byteCount: number): Promise<Uint8Array> {
  const raw = firstBytes(path, byteCount);
  const compression = compressionOf(raw);
  if (compression === 'none') return raw;
  const bytes = new Uint8Array(byteCount);
  let length = 0;
  await readInto(path, compression, {
    room: () => bytes.subarray(length),
    wrote: (count) => {
      length += count;
    },
    get stopped() {
      return length === byteCount;
    },
  });
  return bytes.subarray(0, length);
}
