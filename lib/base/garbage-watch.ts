/**
 * Memory outside of V8's heap, given back when a piece of work is done. A thread that makes tens of
 * megabytes of columns a second, and keeps few objects, has no reason to collect that V8 would see
 * in time: it lets 64 MB and more pile up, several times that while the machine is busy.
 *
 * Collecting the young is cheap, and finds what the last piece of work left behind. A full collection
 * costs more than the work itself: where no instance of a class is alive it forgets what they look
 * like, and all code that was compiled for them is thrown away and compiled again
 * (docs/decisions/0023-compiled-again.md). So it is for what is left only, and far later.
 *
 * Of Node alone, which the rest of this room is not (tsconfig.pure.json). Works where the process was
 * started with `--expose-gc`, as the launcher and the supervisor do. Asking V8 for it at run time is no
 * way: flags are the whole process's, and threads that start together upset each other.
 */

type Collect = (options: {
  readonly type: 'minor' | 'major';
  readonly execution: 'sync';
  readonly flavor?: 'last-resort';
}) => void;

/** A full collection comes where the young one leaves so many times the bytes that are allowed. */
const FULL_FACTOR = 4;

/**
 * Collects where more than `moreBytes` of buffers came since the last time; call it when what was
 * worked with is dead. Takes some milliseconds; a full collection some ten.
 */
export class GarbageWatch {
  readonly #moreBytes: number;
  #leftBytes = 0;

  constructor(moreBytes: number) {
    this.#moreBytes = moreBytes;
  }

  look(): void {
    const collect = exposedCollect();
    if (collect === null || this.#newBytes() < this.#moreBytes) return;
    collect({ type: 'minor', execution: 'sync' });
    if (this.#newBytes() < this.#moreBytes * FULL_FACTOR) return;
    collect({ type: 'major', execution: 'sync' });
    this.#leftBytes = process.memoryUsage().arrayBuffers;
  }

  #newBytes(): number {
    const { arrayBuffers } = process.memoryUsage();
    this.#leftBytes = Math.min(this.#leftBytes, arrayBuffers);
    return arrayBuffers - this.#leftBytes;
  }
}

/**
 * Collects everything, and gives the rooms for young objects back; they grow again as they are needed.
 * For a thread that has just started: loading programs fills 70 to 100 MB of them, which would stay,
 * and no code is hot yet that could be thrown away.
 */
export function giveBackStart(): void {
  exposedCollect()?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}

function exposedCollect(): Collect | null {
  const found: unknown = Reflect.get(globalThis, 'gc');
  return typeof found === 'function'
    ? (options) => void Reflect.apply(found, undefined, [options])
    : null;
}
