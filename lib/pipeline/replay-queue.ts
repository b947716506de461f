/**
 * What happens next in a replay: `EventQueue` with numbers in place of objects, for millions of
 * entries. A binary heap of entries (time, what, job); those of the same time come out in the order
 * in which they went in.
 */
export class ReplayQueue {
  #heap = new Int32Array(64);
  #timeNs = new Float64Array(64);
  #order = new Float64Array(64);
  #what = new Int32Array(64);
  #job = new Int32Array(64);
  /** Entries that are free to be used again, as a stack. */
  #free = new Int32Array(64);
  #freeCount = 0;
  #used = 0;
  #size = 0;
  #pushed = 0;

  /** Of the entry that `pop` took out last. */
  timeNs = 0;
  what = 0;
  job = 0;

  push(timeNs: number, what: number, job: number): void {
    if (this.#size === this.#heap.length) this.#grow();
    const entry = this.#freeCount > 0 ? this.#free[--this.#freeCount]! : this.#used++;
    this.#timeNs[entry] = timeNs;
    this.#order[entry] = this.#pushed++;
    this.#what[entry] = what;
    this.#job[entry] = job;
    const heap = this.#heap;
    const times = this.#timeNs;
    let hole = this.#size++;
    // The newest of equal times goes below them, so that only an earlier time moves it up.
    while (hole > 0) {
      const parent = (hole - 1) >>> 1;
      if (times[heap[parent]!]! <= timeNs) break;
      heap[hole] = heap[parent]!;
      hole = parent;
    }
    heap[hole] = entry;
  }

  /** false: there is none. Else `timeNs`, `what` and `job` are those of the earliest entry. */
  pop(): boolean {
    if (this.#size === 0) return false;
    const heap = this.#heap;
    const times = this.#timeNs;
    const order = this.#order;
    const first = heap[0]!;
    this.timeNs = times[first]!;
    this.what = this.#what[first]!;
    this.job = this.#job[first]!;
    this.#free[this.#freeCount++] = first;
    const size = --this.#size;
    if (size === 0) return true;
    const last = heap[size]!;
    const lastNs = times[last]!;
    const lastOrder = order[last]!;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= size) break;
      let candidate = heap[child]!;
      let ns = times[candidate]!;
      if (child + 1 < size) {
        const other = heap[child + 1]!;
        const otherNs = times[other]!;
        if (otherNs < ns || (otherNs === ns && order[other]! < order[candidate]!)) {
          child++;
          candidate = other;
          ns = otherNs;
        }
      }
      if (ns > lastNs || (ns === lastNs && order[candidate]! > lastOrder)) break;
      heap[hole] = candidate;
      hole = child;
    }
    heap[hole] = last;
    return true;
  }

  #grow(): void {
    const length = this.#heap.length * 2;
    const grown = <T extends Int32Array | Float64Array>(from: T, to: T): T => {
      to.set(from);
      return to;
    };
    this.#heap = grown(this.#heap, new Int32Array(length));
    this.#timeNs = grown(this.#timeNs, new Float64Array(length));
    this.#order = grown(this.#order, new Float64Array(length));
    this.#what = grown(this.#what, new Int32Array(length));
    this.#job = grown(this.#job, new Int32Array(length));
    this.#free = grown(this.#free, new Int32Array(length));
  }
}
