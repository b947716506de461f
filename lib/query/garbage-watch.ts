/**
 * Memory outside of V8's heap, given back when a piece of work is done. A thread that makes tens of
 * megabytes of columns a second, and keeps few objects, has no reason to collect that V8 would see
 * in time: it lets 64 MB and more pile up, several times that while the machine is busy.
 *
 * A full collection at once would be simpler, and costs more than the work itself: where no instance
 * of a class is alive it forgets what they look like, and all code that was compiled for them is
 * thrown away and compiled again (docs/decisions/0023-compiled-again.md). Marking beside the running
 * code knows the classes when it comes to that, and keeps their code.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (options: {
  readonly type: 'minor' | 'major';
  readonly execution: 'sync';
  readonly flavor?: 'last-resort';
}) => void;

let exposed: Collect | undefined;

/**
 * Collects where more than `moreBytes` of buffers came since the last time; call it when what was
 * worked with is dead. Young buffers are gone on return, which takes some milliseconds; where that is
 * not enough, old ones follow while the thread goes on or waits.
 */
export class GarbageWatch {
  readonly #moreBytes: number;
  #leftBytes = 0;

  constructor(moreBytes: number) {
    this.#moreBytes = moreBytes;
  }

  look(): void {
    if (!this.#hasMore()) return;
    collectYoung();
    if (!this.#hasMore()) return;
    beginMarking();
    this.#leftBytes = process.memoryUsage().arrayBuffers;
  }

  #hasMore(): boolean {
    const { arrayBuffers } = process.memoryUsage();
    this.#leftBytes = Math.min(this.#leftBytes, arrayBuffers);
    return arrayBuffers - this.#leftBytes >= this.#moreBytes;
  }
}

/** After a collection of the young V8 asks itself whether to mark; under this flag it always does. */
function beginMarking(): void {
  setFlagsFromString('--stress-incremental-marking');
  collectYoung();
  setFlagsFromString('--no-stress-incremental-marking');
}

/**
 * Collects everything, and gives the rooms for young objects back; they grow again as they are needed.
 * For a thread that has just started: loading programs fills 70 to 100 MB of them, which would stay,
 * and no code is hot yet that could be thrown away.
 */
export function giveBackStart(): void {
  exposed ??= exposedCollect();
  exposed({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}

function collectYoung(): void {
  exposed ??= exposedCollect();
  exposed({ type: 'minor', execution: 'sync' });
}

/** Node offers it under a flag of V8, which a running process may set. */
function exposedCollect(): Collect {
  setFlagsFromString('--expose-gc');
  const found: unknown = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  if (typeof found !== 'function') return () => {};
  return (options) => void Reflect.apply(found, undefined, [options]);
}
