/**
 * Turns intervals that come nearly sorted by start into a normal set (`lib/base/intervals.ts`),
 * merging on the way; only a start out of order costs a sort at the end.
 */
import { type Intervals, NO_INTERVALS } from '#lib/base/intervals.ts';
import { PairSorter } from '#lib/model/pair-sorter.ts';

export class IntervalCollector {
  #startNs = new Float64Array(64);
  #endNs = new Float64Array(64);
  #length = 0;
  #sorted = true;
  readonly #sorter = new PairSorter();

  /** Empty and inverted intervals count as nothing. */
  add(startNs: number, endNs: number): void {
    if (!(startNs < endNs)) return;
    const last = this.#length - 1;
    if (last >= 0) {
      if (startNs < this.#startNs[last]!) {
        this.#sorted = false;
      } else if (startNs <= this.#endNs[last]!) {
        if (endNs > this.#endNs[last]!) this.#endNs[last] = endNs;
        return;
      }
    }
    if (this.#length === this.#startNs.length) this.#grow();
    this.#startNs[this.#length] = startNs;
    this.#endNs[this.#length] = endNs;
    this.#length++;
  }

  /** The union of what was added; the collector is empty after. */
  take(): Intervals {
    const n = this.#length;
    if (n === 0) return NO_INTERVALS;
    const set = this.#sorted ? this.#interleave() : this.#mergeSorted();
    this.#length = 0;
    this.#sorted = true;
    return set;
  }

  #grow(): void {
    const startNs = new Float64Array(this.#startNs.length * 2);
    const endNs = new Float64Array(this.#startNs.length * 2);
    startNs.set(this.#startNs);
    endNs.set(this.#endNs);
    this.#startNs = startNs;
    this.#endNs = endNs;
  }

  #interleave(): Intervals {
    const set = new Float64Array(this.#length * 2);
    for (let i = 0; i < this.#length; i++) {
      set[2 * i] = this.#startNs[i]!;
      set[2 * i + 1] = this.#endNs[i]!;
    }
    return set;
  }

  #mergeSorted(): Intervals {
    const n = this.#length;
    const order = new Int32Array(n);
    for (let i = 0; i < n; i++) order[i] = i;
    const startsNs = this.#startNs.slice(0, n);
    this.#sorter.sort(startsNs, order, 0, n);
    const set = new Float64Array(n * 2);
    let out = 0;
    for (let i = 0; i < n; i++) {
      const start = startsNs[i]!;
      const end = this.#endNs[order[i]!]!;
      if (out > 0 && start <= set[out - 1]!) {
        if (end > set[out - 1]!) set[out - 1] = end;
      } else {
        set[out++] = start;
        set[out++] = end;
      }
    }
    return set.slice(0, out);
  }
}
