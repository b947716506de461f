/**
 * Reads a stream to its end into memory of its own, which can be given to another thread. Every
 * byte is on the lease before it is kept.
 */
import type { Readable } from 'node:stream';
import { releaseOwnMemory } from '#lib/base/release-memory.ts';
import { err, ok, type Result } from '#lib/base/result.ts';
import type { BodyFailure } from './body-failure.ts';
import type { ByteLease } from './byte-budget.ts';

export interface ReadLimits {
  readonly maxBytes: number;
  /** Longest pause between two pieces. */
  readonly idleMs: number;
  /** Longest time for the whole body. */
  readonly totalMs: number;
}

/** `declaredBytes`: the Content-Length, already on the lease; undefined for a chunked body. */
export function readBody(
  source: Readable,
  declaredBytes: number | undefined,
  lease: ByteLease,
  limits: ReadLimits,
): Promise<Result<Uint8Array<ArrayBuffer>, BodyFailure>> {
  return new Promise((resolve) => {
    const sink = declaredBytes === undefined ? new Pieces() : new Fixed(declaredBytes);
    let bytes = 0;

    const finish = (result: Result<Uint8Array<ArrayBuffer>, BodyFailure>): void => {
      clearTimeout(idle);
      clearTimeout(total);
      source.off('data', onData).off('end', onEnd).off('close', onGone).off('error', onGone);
      // A late error of a stream that nobody reads any more must not end the process.
      source.on('error', ignore);
      source.pause();
      resolve(result);
    };
    const onData = (piece: Uint8Array): void => {
      bytes += piece.byteLength;
      if (bytes > limits.maxBytes) {
        finish(err({ kind: 'too_large', limitBytes: limits.maxBytes }));
      } else if (!lease.growTo(bytes)) {
        finish(err({ kind: 'over_budget' }));
      } else {
        sink.add(piece);
        // Pieces of node:http have 64 KiB each; every 64 MiB of them V8 would look for dead ones in all of
        // the thread's heap.
        if (sink instanceof Fixed) releaseOwnMemory(piece);
        idle.refresh();
      }
    };
    const onEnd = (): void => finish(ok(sink.take()));
    const onGone = (): void => finish(err({ kind: 'aborted' }));
    const tooSlow = (ms: number, what: string) => (): void =>
      finish(err({ kind: 'timeout', message: `${what} for ${ms / 1000} s` }));
    const idle = setTimeout(tooSlow(limits.idleMs, 'no byte of the body came'), limits.idleMs);
    const total = setTimeout(tooSlow(limits.totalMs, 'the body was not complete'), limits.totalMs);

    source.on('data', onData).on('end', onEnd).on('close', onGone).on('error', onGone);
  });
}

function ignore(): void {}

/** A body of known length is copied into its place as it comes. */
class Fixed {
  readonly #body: Uint8Array<ArrayBuffer>;
  #length = 0;

  constructor(bytes: number) {
    // Not zeroed, so that a declared length costs no memory before its bytes come.
    this.#body = Buffer.allocUnsafeSlow(bytes);
  }

  add(piece: Uint8Array): void {
    this.#body.set(piece, this.#length);
    this.#length += piece.byteLength;
  }

  take(): Uint8Array<ArrayBuffer> {
    return this.#length === this.#body.byteLength ? this.#body : this.#body.slice(0, this.#length);
  }
}

class Pieces {
  readonly #pieces: Uint8Array[] = [];

  add(piece: Uint8Array): void {
    this.#pieces.push(piece);
  }

  take(): Uint8Array<ArrayBuffer> {
    return joinPieces(this.#pieces);
  }
}

/** All pieces in one array whose memory is its own. */
export function joinPieces(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let bytes = 0;
  for (const piece of pieces) bytes += piece.byteLength;
  const joined = Buffer.allocUnsafeSlow(bytes);
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.byteLength;
  }
  return joined;
}
