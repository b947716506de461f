/**
 * By how much a cell's compute exceeds what its side takes in the same key, and how much more load
 * than the others it had there.
 *
 *     key 7, attention            T  270  268  273  351     median 272
 *     cell of attention/3         excess 79
 *     context tokens     100  100  98  140                  over the median 40
 */
import type { Assembled } from '#lib/model/assembled.ts';
import { type CellLoads, cellLoads } from './cell-loads.ts';
import type { KeyMedians } from './key-medians.ts';
import type { KeyTimes } from './key-times.ts';

export class CellExcess {
  readonly #times: KeyTimes;
  readonly #medians: KeyMedians;
  /** By slot: medians of T that were asked for, rounded up; NaN: not yet. */
  readonly #medianNs: Float64Array;

  constructor(times: KeyTimes, medians: KeyMedians, keys: number) {
    this.#times = times;
    this.#medians = medians;
    this.#medianNs = new Float64Array(keys * 2).fill(Number.NaN);
  }

  /** T minus the median of T over the cells of the key and side, in whole nanoseconds; at least 0. */
  of(cell: number): number {
    const slot = this.#medians.slotOf(cell);
    let medianNs = this.#medianNs[slot]!;
    if (Number.isNaN(medianNs)) {
      medianNs = Math.ceil(this.#medians.median(slot, this.#times.tNs));
      this.#medianNs[slot] = medianNs;
    }
    return Math.max(0, this.#times.tNs[cell]! - medianNs);
  }
}

/** Loads of cells over the medians of their key and side; NaN where they are not known. */
export class LoadsOverMedian {
  readonly #loads: CellLoads;
  readonly #medians: KeyMedians;
  readonly #first: Float64Array;
  readonly #second: Float64Array;
  readonly #made: Uint8Array;

  constructor(assembled: Assembled, times: KeyTimes, medians: KeyMedians) {
    const slots = assembled.keys.length * 2;
    this.#loads = cellLoads(assembled, times);
    this.#medians = medians;
    this.#first = new Float64Array(slots);
    this.#second = new Float64Array(slots);
    this.#made = new Uint8Array(slots);
  }

  first(cell: number): number {
    return over(this.#loads.first[cell]!, this.#first[this.#slotOf(cell)]!);
  }

  second(cell: number): number {
    return over(this.#loads.second[cell]!, this.#second[this.#slotOf(cell)]!);
  }

  #slotOf(cell: number): number {
    const slot = this.#medians.slotOf(cell);
    if (this.#made[slot] === 0) {
      this.#made[slot] = 1;
      this.#first[slot] = this.#medians.median(slot, this.#loads.first);
      this.#second[slot] = this.#medians.median(slot, this.#loads.second);
    }
    return slot;
  }
}

function over(load: number, median: number): number {
  return load < 0 ? Number.NaN : load - median;
}
