/**
 * The order of rows by (worker, start) as runs of rows that already are in it: senders write the spans
 * of a worker one after the other, so that a chunk of 65,536 rows is put in order by moving a few hundred runs.
 */
import { rowsByKey, sortByStart } from './event-tables.ts';

const FIRST_RUNS = 1024;
/** Longer ones are cut: V8 compiles a function for good that is called often, and not one that runs long. */
const MAX_RUN_ROWS = 2048;
/** Shorter on average, it is cheaper to move each row. */
const MIN_RUN_ROWS = 8;

export class RowRuns {
  /**
   * null: runs can be put in order. Else they overlap, rows must be moved one by one to where they are
   * here, and the runs are those of the rows in this order.
   */
  order: Uint32Array | null = null;
  /** How many there are; the arrays below are longer. */
  count = 0;
  /** Rows `from[r]` until `to[r]` are one run, all of one worker. */
  from = new Uint32Array(FIRST_RUNS);
  to = new Uint32Array(FIRST_RUNS);

  /**
   * Finds the order of the first `n` rows; rows of equal worker and start keep theirs. `worker[i]` is
   * below `workerCount`.
   */
  find(n: number, worker: Int32Array, startNs: Float64Array, workerCount: number): void {
    this.order = null;
    const isSorted = this.#findAscending(n, worker, startNs);
    if (isSorted) return;
    const areLong = this.count * MIN_RUN_ROWS <= n;
    if (areLong && this.#sortRuns(worker, startNs, workerCount)) return;
    this.#sortRows(n, worker, startNs, workerCount);
  }

  /** Runs as the rows come. true: they are in order. */
  #findAscending(n: number, worker: Int32Array, startNs: Float64Array): boolean {
    this.count = 0;
    if (n === 0) return true;
    let isSorted = true;
    let from = 0;
    let lastWorker = worker[0]!;
    let lastStart = startNs[0]!;
    for (let i = 1; i < n; i++) {
      const own = worker[i]!;
      const start = startNs[i]!;
      if (own !== lastWorker || !(start >= lastStart)) {
        isSorted = isSorted && own > lastWorker;
        this.#add(from, i);
        from = i;
      }
      lastWorker = own;
      lastStart = start;
    }
    this.#add(from, n);
    return isSorted;
  }

  /** false: runs of a worker overlap, and it is the rows that must be sorted. */
  #sortRuns(worker: Int32Array, startNs: Float64Array, workerCount: number): boolean {
    const { count, from, to } = this;
    const owner = new Int32Array(count);
    const first = new Float64Array(count);
    for (let r = 0; r < count; r++) {
      owner[r] = worker[from[r]!]!;
      first[r] = startNs[from[r]!]!;
    }
    const order = sorted(owner, first, workerCount);
    for (let r = 1; r < count; r++) {
      const before = order[r - 1]!;
      const run = order[r]!;
      if (owner[before] !== owner[run]) continue;
      const last = startNs[to[before]! - 1]!;
      if (!(last < first[run]! || (last === first[run] && before < run))) return false;
    }
    const runFrom = from.slice(0, count);
    const runTo = to.slice(0, count);
    for (let r = 0; r < count; r++) {
      from[r] = runFrom[order[r]!]!;
      to[r] = runTo[order[r]!]!;
    }
    return true;
  }

  #sortRows(n: number, worker: Int32Array, startNs: Float64Array, workerCount: number): void {
    const order = sorted(worker.subarray(0, n), startNs, workerCount);
    this.order = order;
    this.count = 0;
    let begin = 0;
    for (let i = 1; i <= n; i++) {
      if (i < n && worker[order[i]!] === worker[order[begin]!]) continue;
      this.#add(begin, i);
      begin = i;
    }
  }

  #add(begin: number, end: number): void {
    for (let from = begin; from < end; from += MAX_RUN_ROWS) {
      this.#addOne(from, Math.min(end, from + MAX_RUN_ROWS));
    }
  }

  #addOne(from: number, to: number): void {
    if (this.count === this.from.length) {
      this.from = grown(this.from);
      this.to = grown(this.to);
    }
    this.from[this.count] = from;
    this.to[this.count] = to;
    this.count++;
  }
}

/** Indexes by (owner, start), equal ones as they are. */
function sorted(owner: Int32Array, start: Float64Array, ownerCount: number): Uint32Array {
  const order = rowsByKey(owner, ownerCount);
  let from = 0;
  for (let i = 1; i <= order.length; i++) {
    if (i < order.length && owner[order[i]!] === owner[order[from]!]) continue;
    sortByStart(order.subarray(from, i), start);
    from = i;
  }
  return order;
}

function grown(array: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(array.length * 2);
  larger.set(array);
  return larger;
}
