import { GarbageWatch } from '#lib/base/garbage-watch.ts';

const LOOK_EVERY_BYTES = 24 * 2 ** 20;

/**
 * Pieces of messages that were copied, and whose memory is shared with other pieces that may still be
 * waited for, as node:http2 shares what it read from a connection: nobody knows when the last one is
 * dead. They die young, so collecting the young finds them for a millisecond or two. Left alone, V8 marks
 * the whole heap of the thread each time that 64 MiB of them came (docs/benchmarks.md, "Plain spans").
 */
export class DeadPieces {
  readonly #garbage = new GarbageWatch(LOOK_EVERY_BYTES);
  #bytes = 0;

  /** `bytes` more were copied out of shared pieces. */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < LOOK_EVERY_BYTES) return;
    this.#bytes = 0;
    this.#garbage.look();
  }
}
