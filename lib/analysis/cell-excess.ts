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
  readonly #assembled: Assembled;
  readonly #times: KeyTimes;
  readonly #medians: KeyMedians;
  /** By slot: medians that were asked for; that of T is rounded up. NaN: not known. */
  readonly #t: Float64Array;
  readonly #first: Float64Array;
  readonly #second: Float64Array;
  /** 1: the median of T was made; 3: those of the loads were, too. */
  readonly #made: Uint8Array;
  /** Made when they are first asked for. */
  #loads: CellLoads | null = null;

  constructor(assembled: Assembled, times: KeyTimes, medians: KeyMedians) {
    const slots = assembled.keys.length * 2;
    this.#assembled = assembled;
    this.#times = times;
    this.#medians = medians;
    this.#t = new Float64Array(slots);
    this.#first = new Float64Array(slots);
    this.#second = new Float64Array(slots);
    this.#made = new Uint8Array(slots);
  }

  /** T minus the median of T over the cells of the key and side, in whole nanoseconds; at least 0. */
  of(cell: number): number {
    const slot = this.#medians.slotOf(cell);
    if (this.#made[slot] === 0) {
      this.#made[slot] = 1;
      this.#t[slot] = Math.ceil(this.#medians.median(slot, this.#times.tNs));
    }
    return Math.max(0, this.#times.tNs[cell]! - this.#t[slot]!);
  }

  /** The cell's first load (cell-loads.ts) over the median of its key and side; NaN: not known. */
  firstOver(cell: number): number {
    const loads = this.#allLoads();
    return over(loads.first[cell]!, this.#first[this.#slotOf(cell, loads)]!);
  }

  secondOver(cell: number): number {
    const loads = this.#allLoads();
    return over(loads.second[cell]!, this.#second[this.#slotOf(cell, loads)]!);
  }

  #allLoads(): CellLoads {
    this.#loads ??= cellLoads(this.#assembled, this.#times);
    return this.#loads;
  }

  #slotOf(cell: number, loads: CellLoads): number {
    const slot = this.#medians.slotOf(cell);
    if (this.#made[slot]! < 3) {
      this.#made[slot] = 3;
      this.#first[slot] = this.#medians.median(slot, loads.first);
      this.#second[slot] = this.#medians.median(slot, loads.second);
    }
    return slot;
  }
}

function over(load: number, median: number): number {
  return load < 0 ? Number.NaN : load - median;
}
