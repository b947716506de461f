/**
 * Memory outside of V8's heap, given back when a piece of work is done. A thread that makes tens of
 * megabytes of columns a second, and keeps few objects, has no reason to collect that V8 would see
 * in time: it lets 64 MB and more pile up, several times that while the machine is busy.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = () => void;

let collect: Collect | undefined;

/**
 * Collects now where more than `moreBytes` of buffers came since the last time; call it when what
 * was worked with is dead. Takes as long as marking what is alive, some 10 ms.
 */
export class GarbageWatch {
  readonly #moreBytes: number;
  #leftBytes = 0;

  constructor(moreBytes: number) {
    this.#moreBytes = moreBytes;
  }

  look(): void {
    const { arrayBuffers } = process.memoryUsage();
    this.#leftBytes = Math.min(this.#leftBytes, arrayBuffers);
    if (arrayBuffers - this.#leftBytes < this.#moreBytes) return;
    collect ??= exposedCollect();
    collect();
    this.#leftBytes = process.memoryUsage().arrayBuffers;
  }
}

/** Node offers it under a flag of V8, which a running process may set. */
function exposedCollect(): Collect {
  setFlagsFromString('--expose-gc');
  const found: unknown = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  return typeof found === 'function' ? () => void Reflect.apply(found, undefined, []) : () => {};
}
