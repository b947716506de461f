/** Layers and balance of a report. */
import { type Assembled, Direction } from '#lib/model/assembled.ts';
import { endsInWindow, type WindowNs } from '#lib/model/select-window.ts';
import { balanceOf } from './balance.ts';
import { groupCompleteKeys } from './key-facts.ts';
import { Side } from './key-times.ts';
import {
  boundOf,
  computeSamples,
  type PipelineSamples,
  type PipelineTerms,
  pipelineSamples,
  pipelineTerms,
  termsOf,
  transferSamples,
} from './pipeline-terms.ts';
import { GroupedSamples, quantilesOf } from './quantiles.ts';
import type { Balance, LayerReport } from './report-types.ts';

export interface PipelineReport {
  readonly layers: readonly LayerReport[];
  readonly balance: Balance | null;
}

/** `microbatches`: how many the window's events name. */
export function reportPipeline(
  assembled: Assembled,
  window: WindowNs,
  microbatches: number,
): PipelineReport {
  const samples = pipelineSamples(assembled);
  const numbers = layersEnding(assembled, samples, window);
  const groupOfLayer = new Map(numbers.map((layer, g) => [layer, g]));
  const layerOf = (key: number): number => groupOfLayer.get(assembled.keys.layer[key]!) ?? -1;
  const byLayer = groupCompleteKeys(samples.facts, window, layerOf);
  const terms = pipelineTerms(samples, byLayer, numbers.length);
  const overall = pipelineTerms(
    samples,
    groupCompleteKeys(samples.facts, window, () => 0),
    1,
  );
  const periods = periodSamples(samples, window, layerOf, numbers.length);
  return {
    layers: layerReports(samples, window, numbers, byLayer, layerOf, terms, periods, microbatches),
    balance: balanceOf(terms, overall, microbatches, meanOfAll(periods, numbers.length)),
  };
}

/** Layers with a key or a measured period that ends in the window, ascending. */
export function layersEnding(
  assembled: Assembled,
  { facts, periods }: PipelineSamples,
  window: WindowNs,
): number[] {
  const layers = new Set<number>();
  for (let key = 0; key < assembled.keys.length; key++) {
    const layer = assembled.keys.layer[key]!;
    if (layer < 0 || layers.has(layer)) continue;
    if (endsInWindow(facts.startNs[key]!, facts.endNs[key]!, window)) layers.add(layer);
  }
  for (let i = 0; i < periods.key.length; i++) {
    if (!endsInWindow(periods.startNs[i]!, periods.endNs[i]!, window)) continue;
    layers.add(assembled.keys.layer[periods.key[i]!]!);
  }
  return [...layers].sort((a, b) => a - b);
}

/** Measured periods of the window by the layer that they start from. */
export function periodSamples(
  { periods }: PipelineSamples,
  window: WindowNs,
  groupOf: (key: number) => number,
  groups: number,
): GroupedSamples {
  const groupOfPair = periods.key.map((key, i) =>
    endsInWindow(periods.startNs[i]!, periods.endNs[i]!, window) ? groupOf(key) : -1,
  );
  const periodNs = periods.endNs.map((end, i) => end - periods.startNs[i]!);
  return new GroupedSamples(groupOfPair, periodNs, groups);
}

function meanOfAll(samples: GroupedSamples, groups: number): number | null {
  let sum = 0;
  let count = 0;
  for (let g = 0; g < groups; g++) {
    for (const value of samples.of(g)) sum += value;
    count += samples.of(g).length;
  }
  return count === 0 ? null : sum / count;
}

function layerReports(
  samples: PipelineSamples,
  window: WindowNs,
  numbers: readonly number[],
  byLayer: Int32Array,
  layerOf: (key: number) => number,
  terms: PipelineTerms,
  periods: GroupedSamples,
  microbatches: number,
): LayerReport[] {
  const groups = numbers.length;
  const computed = addDenseKeys(samples, window, byLayer, layerOf);
  const attention = computeSamples(samples, computed, groups, Side.attention);
  const ffn = computeSamples(samples, computed, groups, Side.ffn);
  const a2f = transferSamples(samples, byLayer, groups, Direction.a2f);
  const f2a = transferSamples(samples, byLayer, groups, Direction.f2a);
  return numbers.map((layer, g) => {
    const cycle = termsOf(terms, g, microbatches);
    return {
      layer,
      attentionNs: quantilesOf(attention.of(g)),
      a2fNs: quantilesOf(a2f.of(g)),
      ffnNs: quantilesOf(ffn.of(g)),
      f2aNs: quantilesOf(f2a.of(g)),
      periodNs: quantilesOf(periods.of(g)),
      idealPeriodNs: cycle === null ? null : Math.max(...cycle),
      bound: cycle === null ? null : boundOf(cycle),
    };
  });
}

/** Dense layers are never complete (one side does them alone), yet their compute time is shown. */
export function addDenseKeys(
  { facts }: PipelineSamples,
  window: WindowNs,
  groupOfKey: Int32Array,
  groupOf: (key: number) => number,
): Int32Array {
  return groupOfKey.map((group, key) => {
    if (group >= 0 || facts.sparse[key] === 1) return group;
    return endsInWindow(facts.startNs[key]!, facts.endNs[key]!, window) ? groupOf(key) : -1;
  });
}
