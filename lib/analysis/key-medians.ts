/**
 * What the workers of one side did in the same key, and its median: what a cell is compared with.
 *
 *     key 7, attention    T  270 268 273 351 ...    median 270
 *
 * Medians are made when they are first asked for: few keys of a long window are.
 */
import type { KeyTimes } from './key-times.ts';

export class KeyMedians {
  readonly #times: KeyTimes;
  /** Cells of key k and side s are `#cells[#offsets[2k + s] .. #offsets[2k + s + 1])`. */
  readonly #cells: Uint32Array;
  readonly #offsets: Uint32Array;
  #scratch = new Float64Array(16);

  /** `keys`: how many there are. */
  constructor(times: KeyTimes, keys: number) {
    this.#times = times;
    const { length, key, side } = times;
    const offsets = new Uint32Array(keys * 2 + 1);
    for (let cell = 0; cell < length; cell++) {
      const at = key[cell]! * 2 + side[cell]! + 1;
      offsets[at] = offsets[at]! + 1;
    }
    for (let at = 1; at < offsets.length; at++) offsets[at] = offsets[at]! + offsets[at - 1]!;
    this.#cells = new Uint32Array(length);
    const next = offsets.slice(0, keys * 2);
    for (let cell = 0; cell < length; cell++) {
      const slot = key[cell]! * 2 + side[cell]!;
      this.#cells[next[slot]!] = cell;
      next[slot] = next[slot]! + 1;
    }
    this.#offsets = offsets;
  }

  /** The cell's place among medians: `2 · key + side`. */
  slotOf(cell: number): number {
    return this.#times.key[cell]! * 2 + this.#times.side[cell]!;
  }

  /** The worker's cell in the slot; -1 where it has none. */
  cellOf(slot: number, worker: number): number {
    const first = this.#times.offsets[worker]!;
    let low = this.#offsets[slot]!;
    const end = this.#offsets[slot + 1]!;
    let high = end;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#cells[middle]! < first) low = middle + 1;
      else high = middle;
    }
    if (low === end) return -1;
    const cell = this.#cells[low]!;
    return cell < this.#times.offsets[worker + 1]! ? cell : -1;
  }

  /** How many workers of the side have a cell in the key. */
  workers(slot: number): number {
    return this.#offsets[slot + 1]! - this.#offsets[slot]!;
  }

  /** Median of the slot's cells in `column`; NaN without cells, or where a value is below 0 (absent). */
  median(slot: number, column: Float64Array): number {
    const from = this.#offsets[slot]!;
    const count = this.#offsets[slot + 1]! - from;
    if (count === 0) return Number.NaN;
    if (this.#scratch.length < count) this.#scratch = new Float64Array(2 * count);
    const sorted = this.#scratch;
    if (count > 48) return this.#medianOfMany(from, count, column);
    for (let i = 0; i < count; i++) {
      const value = column[this.#cells[from + i]!]!;
      let at = i;
      for (; at > 0 && sorted[at - 1]! > value; at--) sorted[at] = sorted[at - 1]!;
      sorted[at] = value;
    }
    return middleOf(sorted, count);
  }

  /** Mean of the slot's cells in `column`; NaN as for the median. */
  mean(slot: number, column: Float64Array): number {
    const from = this.#offsets[slot]!;
    const to = this.#offsets[slot + 1]!;
    let sum = 0;
    for (let i = from; i < to; i++) {
      const value = column[this.#cells[i]!]!;
      if (value < 0) return Number.NaN;
      sum += value;
    }
    return sum / (to - from);
  }

  #medianOfMany(from: number, count: number, column: Float64Array): number {
    const values = this.#scratch.subarray(0, count);
    for (let i = 0; i < count; i++) values[i] = column[this.#cells[from + i]!]!;
    values.sort();
    return middleOf(values, count);
  }
}

function middleOf(sorted: Float64Array, count: number): number {
  if (sorted[0]! < 0) return Number.NaN;
  const half = count >>> 1;
  return count % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}
