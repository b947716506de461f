import { GarbageWatch } from '#lib/base/garbage-watch.ts';

const LOOK_EVERY_BYTES = 24 * 2 ** 20;

/**
 * Pieces of messages that were copied, and whose memory is shared with other pieces that may still be
 * waited for, as node:http2 shares what it read from a connection: nobody knows when the last one is
 * dead. They die young, so collecting the young finds them for a millisecond or two. Left alone they count
 * towards the limit of the thread's heap, and V8 marks all of it (docs/decisions/0024-when-v8-collects.md).
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
