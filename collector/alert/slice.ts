/** Gives the event loop back between pieces of work. */
import { setImmediate } from 'node:timers/promises';

/** The main thread answers senders; it is not kept from that for longer. */
const SLICE_MS = 8;

export class Slice {
  #startedMs = performance.now();
  longestMs = 0;

  get isOver(): boolean {
    return performance.now() - this.#startedMs >= SLICE_MS;
  }

  /** After a piece; waits where pieces took long enough together. */
  async end(): Promise<void> {
    const tookMs = performance.now() - this.#startedMs;
    this.longestMs = Math.max(this.longestMs, tookMs);
    if (tookMs < SLICE_MS) return;
    await setImmediate();
    this.#startedMs = performance.now();
  }
}
