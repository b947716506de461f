/**
 * What happens next in simulated time: a binary heap of (time, action, operands). Entries of
 * the same time come out in the order in which they went in, so that a run is reproducible.
 */
export interface QueuedEvent {
  readonly timeNs: number;
  readonly order: number;
  readonly action: number;
  readonly worker: number;
  /** Domain and micro-batch in one number: domain · microbatches + microbatch. */
  readonly slot: number;
  readonly layer: number;
  /** The one worker that a transfer goes to; -1: all of the other side. */
  readonly peer: number;
}

export class EventQueue {
  readonly #heap: QueuedEvent[] = [];
  #order = 0;

  get size(): number {
    return this.#heap.length;
  }

  push(timeNs: number, action: number, worker: number, slot = -1, layer = -1, peer = -1): void {
    const heap = this.#heap;
    const entry = { timeNs, order: this.#order++, action, worker, slot, layer, peer };
    let hole = heap.length;
    heap.push(entry);
    while (hole > 0) {
      const parent = (hole - 1) >>> 1;
      if (!before(entry, heap[parent]!)) break;
      heap[hole] = heap[parent]!;
      hole = parent;
    }
    heap[hole] = entry;
  }

  /** The earliest entry, taken out; undefined when there is none. */
  pop(): QueuedEvent | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[hole] = heap[child]!;
      hole = child;
    }
    heap[hole] = last;
    return first;
  }
}

function before(a: QueuedEvent, b: QueuedEvent): boolean {
  return a.timeNs < b.timeNs || (a.timeNs === b.timeNs && a.order < b.order);
}
