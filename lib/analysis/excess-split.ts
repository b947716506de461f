/**
 * Excess is load's as far as the load model explains it, and else the device's:
 *
 *     cell        T 351, median 271, excess 80, of which the model explains 60
 *     charge      from 0 to 26 of the excess: 26 · 60/80 = 19 load, 7 device
 */
import { loadPart, type SideLoadModel } from './load-model.ts';
import { mixedPartNs } from './mixed-part.ts';

/**
 * The load's part of `[nearNs, farNs)` of a band: of `bandNs` of a cell's `excessNs`, in which load and
 * device are mixed evenly. `firstOver`, `secondOver`: the cell's loads over the medians of its side.
 */
export function loadOfExcess(
  model: SideLoadModel,
  excessNs: number,
  firstOver: number,
  secondOver: number,
  bandNs: number,
  nearNs: number,
  farNs: number,
): number {
  const explainedNs = loadPart(model, excessNs, firstOver, secondOver);
  const loadNs = Math.floor((explainedNs * bandNs) / excessNs);
  return mixedPartNs(loadNs, bandNs, farNs) - mixedPartNs(loadNs, bandNs, nearNs);
}
