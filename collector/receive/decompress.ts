/**
 * Content-Encoding to bytes, with the limit and the byte budget enforced while inflating, so that
 * a small body that inflates to gigabytes stops at the limit. zlib works on its own threads.
 */
import {
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
  type Gunzip,
  type Inflate,
  type InflateRaw,
  type ZstdDecompress,
} from 'node:zlib';
import { releaseMemory, releaseOwnMemory } from '#lib/base/release-memory.ts';
import { err, ok, type Result } from '#lib/base/result.ts';
import type { BodyFailure } from './body-failure.ts';
import type { ByteLease } from './byte-budget.ts';
import { joinPieces } from './read-body.ts';

export type Compression = 'gzip' | 'deflate' | 'zstd';

type Inflater = Gunzip | Inflate | InflateRaw | ZstdDecompress;

/** So many that Node never cuts them out of memory that others share, so that they can be freed. */
const MIN_CHUNK_BYTES = Math.max(64 * 1024, Buffer.poolSize);
const MAX_CHUNK_BYTES = 512 * 1024;

/**
 * The lease holds `compressed` when this is called, both while it runs, and only the result after
 * a success. After that `compressed` is freed, where its memory is its own.
 */
export async function decompress(
  compression: Compression,
  compressed: Uint8Array,
  lease: ByteLease,
  maxBytes: number,
): Promise<Result<Uint8Array<ArrayBuffer>, BodyFailure>> {
  if (compression === 'gzip' && !(compressed[0] === 0x1f && compressed[1] === 0x8b)) {
    return err({ kind: 'malformed', message: 'gzip: invalid header' });
  }
  const output = new Output(compression, lease, compressed.byteLength, maxBytes);
  let at = 0;
  // One turn, but for zstd, whose frames may follow each other and are decoded one at a time.
  do {
    const rest = compressed.subarray(at);
    const used = await output.inflate(inflaterFor(compression, rest), rest);
    if (!used.ok) return used;
    at += used.value;
    if (at < compressed.byteLength && (compression !== 'zstd' || used.value === 0)) {
      output.drop();
      return err({ kind: 'malformed', message: `${compression}: data after the end` });
    }
  } while (at < compressed.byteLength);
  const body = output.take();
  releaseOwnMemory(compressed);
  lease.shrinkTo(body.byteLength);
  return ok(body);
}

class Output {
  readonly #compression: Compression;
  readonly #lease: ByteLease;
  readonly #heldBytes: number;
  readonly #maxBytes: number;
  readonly #pieces: Uint8Array[] = [];
  #bytes = 0;

  constructor(compression: Compression, lease: ByteLease, heldBytes: number, maxBytes: number) {
    this.#compression = compression;
    this.#lease = lease;
    this.#heldBytes = heldBytes;
    this.#maxBytes = maxBytes;
  }

  /** Resolves with the number of compressed bytes that were used. */
  inflate(inflater: Inflater, input: Uint8Array): Promise<Result<number, BodyFailure>> {
    return new Promise((resolve) => {
      const stop = (failure: BodyFailure): void => {
        inflater.destroy();
        this.drop();
        resolve(err(failure));
      };
      inflater.on('data', (piece: Uint8Array) => {
        this.#bytes += piece.byteLength;
        if (this.#bytes > this.#maxBytes) {
          stop({ kind: 'too_large', limitBytes: this.#maxBytes });
        } else if (!this.#lease.growTo(this.#heldBytes + this.#bytes)) {
          stop({ kind: 'over_budget' });
        } else {
          this.#pieces.push(piece);
        }
      });
      inflater.on('end', () => resolve(ok(inflater.bytesWritten)));
      inflater.on('error', (error: NodeJS.ErrnoException) => {
        stop({ kind: 'malformed', message: `${this.#compression}: ${reasonOf(error)}` });
      });
      inflater.end(input);
    });
  }

  /**
   * Frees what was inflated of a body that is refused, but for the piece that came last: zlib's thread
   * may be writing behind it, destroyed or not.
   */
  drop(): void {
    const written = this.#pieces.at(-1)?.buffer;
    for (const piece of this.#pieces.splice(0)) {
      if (piece.buffer !== written) releaseMemory(piece);
    }
  }

  /** Once, after the last of it: frees what it was in. */
  take(): Uint8Array<ArrayBuffer> {
    const joined = joinPieces(this.#pieces);
    for (const piece of this.#pieces.splice(0)) releaseMemory(piece);
    return joined;
  }
}

function inflaterFor(compression: Compression, input: Uint8Array): Inflater {
  const chunkSize = Math.min(MAX_CHUNK_BYTES, Math.max(MIN_CHUNK_BYTES, input.byteLength * 4));
  switch (compression) {
    case 'gzip':
      return createGunzip({ chunkSize });
    case 'zstd':
      return createZstdDecompress({ chunkSize });
    case 'deflate':
      return hasZlibHeader(input) ? createInflate({ chunkSize }) : createInflateRaw({ chunkSize });
  }
}

/** RFC 1950: method 8, and the first two bytes divide by 31. Some senders omit it. */
function hasZlibHeader(input: Uint8Array): boolean {
  const cmf = input[0] ?? 0;
  const flg = input[1] ?? 0;
  return (cmf & 0x0f) === 8 && ((cmf << 8) | flg) % 31 === 0;
}

/** zlib's code as words of ours: what the sender may read. */
function reasonOf(error: NodeJS.ErrnoException): string {
  if (error.code === 'Z_BUF_ERROR') return 'the body ends before its data does';
  if (error.code === 'ZSTD_error_prefix_unknown') return 'invalid header';
  return 'damaged data';
}
