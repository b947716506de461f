import type { Assembled, KeyTable, ReceiveTable } from '#lib/model/assembled.ts';

/**
 * Receives of one worker that are open, as a heap: on top the one that ends first; of equal ones the
 * one that starts first, then that of the lowest key.
 */
export class OpenReceives {
  readonly #receives: ReceiveTable;
  readonly #keys: KeyTable;
  readonly #endNs: Float64Array;
  #heap = new Int32Array(16);
  #length = 0;

  constructor({ receives, keys }: Assembled) {
    this.#receives = receives;
    this.#keys = keys;
    this.#endNs = receives.endNs;
  }

  /** -1: none is open. */
  get first(): number {
    return this.#length === 0 ? -1 : this.#heap[0]!;
  }

  clear(): void {
    this.#length = 0;
  }

  add(receive: number): void {
    if (this.#length === this.#heap.length) {
      const larger = new Int32Array(2 * this.#length);
      larger.set(this.#heap);
      this.#heap = larger;
    }
    const heap = this.#heap;
    let at = this.#length++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#endsBefore(receive, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = receive;
  }

  /** Takes out what has ended at `ns`. */
  dropUntil(ns: number): void {
    while (this.#length > 0 && this.#endNs[this.#heap[0]!]! <= ns) this.#dropFirst();
  }

  #dropFirst(): void {
    const heap = this.#heap;
    const length = --this.#length;
    const moved = heap[length]!;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= length) break;
      if (child + 1 < length && this.#endsBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!this.#endsBefore(heap[child]!, moved)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = moved;
  }

  #endsBefore(a: number, b: number): boolean {
    const earlierNs = this.#endNs[a]! - this.#endNs[b]!;
    return earlierNs < 0 || (earlierNs === 0 && this.#comesBefore(a, b));
  }

  /** Whatever the order in which events were told. */
  #comesBefore(a: number, b: number): boolean {
    const { startNs, key, direction } = this.#receives;
    if (startNs[a] !== startNs[b]) return startNs[a]! < startNs[b]!;
    const x = key[a]!;
    const y = key[b]!;
    if (x === y || x < 0 || y < 0) return x === y ? direction[a]! < direction[b]! : x < 0;
    const { step, layer, microbatch } = this.#keys;
    if (step[x] !== step[y]) return step[x]! < step[y]!;
    if (layer[x] !== layer[y]) return layer[x]! < layer[y]!;
    return microbatch[x]! < microbatch[y]!;
  }
}
