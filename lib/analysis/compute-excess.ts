/**
 * By how much a (key, worker) computed longer than its group, and what of it its load explains:
 *
 *     T of the worker   ███████████████████|▒▒▒▒▒▒|░░░░       median | load part | residual: the device's
 */
import type { Assembled } from '#lib/model/assembled.ts';
import { cellLoads } from './cell-loads.ts';
import { KeyMedians } from './key-medians.ts';
import type { KeyTimes } from './key-times.ts';
import { type LoadModel, loadPart } from './load-model.ts';

export class ComputeExcess {
  readonly #times: KeyTimes;
  readonly #model: LoadModel;
  readonly #medians: KeyMedians;
  readonly #loads: ReturnType<typeof cellLoads>;
  /** Medians of T, first and second load by slot, once they were asked for. */
  readonly #made: Uint8Array;
  readonly #t: Float64Array;
  readonly #x: Float64Array;
  readonly #z: Float64Array;

  constructor(assembled: Assembled, times: KeyTimes, model: LoadModel) {
    const slots = assembled.keys.length * 2;
    this.#times = times;
    this.#model = model;
    this.#medians = new KeyMedians(times, assembled.keys.length);
    this.#loads = cellLoads(assembled, times);
    this.#made = new Uint8Array(slots);
    this.#t = new Float64Array(slots);
    this.#x = new Float64Array(slots);
    this.#z = new Float64Array(slots);
  }

  /** Median of T over the workers of the cell's side in its key. */
  medianNs(cell: number): number {
    return this.#t[this.#slot(cell)]!;
  }

  /** T over that median, not below 0. */
  excessNs(cell: number): number {
    return Math.max(0, this.#times.tNs[cell]! - this.medianNs(cell));
  }

  /** The part of the excess that the load explains, 0 .. `excessNs`; the rest is the device's. */
  loadNs(cell: number): number {
    const slot = this.#slot(cell);
    return loadPart(
      this.#model[this.#times.side[cell]! as 0 | 1],
      this.#times.tNs[cell]! - this.#t[slot]!,
      this.#loads.first[cell]! - this.#x[slot]!,
      this.#loads.second[cell]! - this.#z[slot]!,
    );
  }

  #slot(cell: number): number {
    const slot = this.#medians.slotOf(cell);
    if (this.#made[slot] === 0) {
      this.#made[slot] = 1;
      this.#t[slot] = this.#medians.median(slot, this.#times.tNs);
      this.#x[slot] = this.#medians.median(slot, this.#loads.first);
      this.#z[slot] = this.#medians.median(slot, this.#loads.second);
    }
    return slot;
  }
}
