/**
 * Excess is load's as far as the load model explains it, and else the device's:
 *
 *     cell        T 351, median 271, excess 80, of which the model explains 60
 *     charge      from 0 to 26 of the excess: 26 · 60/80 = 19 load, 7 device
 */
import type { Assembled } from '#lib/model/assembled.ts';
import { type CellExcess, LoadsOverMedian } from './cell-excess.ts';
import type { KeyMedians } from './key-medians.ts';
import type { KeyTimes } from './key-times.ts';
import { type LoadModel, loadPart } from './load-model.ts';
import { mixedPartNs } from './mixed-part.ts';

/** By the model of the bucket in which is waited; the last one is that of all further buckets too. */
export class ExcessSplit {
  readonly #assembled: Assembled;
  readonly #times: KeyTimes;
  readonly #medians: KeyMedians;
  readonly #excess: CellExcess;
  readonly #models: readonly LoadModel[];
  /** Made for the first charge. */
  #loads: LoadsOverMedian | null = null;

  constructor(
    assembled: Assembled,
    times: KeyTimes,
    medians: KeyMedians,
    excess: CellExcess,
    models: readonly LoadModel[],
  ) {
    this.#assembled = assembled;
    this.#times = times;
    this.#medians = medians;
    this.#excess = excess;
    this.#models = models;
  }

  /**
   * The load's part of `[nearNs, farNs)` of a band: of `bandNs` of the cell's excess, in which load and
   * device are mixed evenly.
   */
  loadNs(bucket: number, cell: number, bandNs: number, nearNs: number, farNs: number): number {
    const models = this.#models;
    const model = models[Math.min(bucket, models.length - 1)]![this.#times.side[cell]! as 0 | 1];
    if (!model.usable) return 0;
    this.#loads ??= new LoadsOverMedian(this.#assembled, this.#times, this.#medians);
    const excessNs = this.#excess.of(cell);
    const loads = this.#loads;
    const explainedNs = loadPart(model, excessNs, loads.first(cell), loads.second(cell));
    const loadNs = Math.floor((explainedNs * bandNs) / excessNs);
    return mixedPartNs(loadNs, bandNs, farNs) - mixedPartNs(loadNs, bandNs, nearNs);
  }
}
