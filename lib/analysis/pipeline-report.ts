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
  const layerOfKey = assembled.keys.layer.map((layer) => groupOfLayer.get(layer) ?? -1);
  const layerOf = (key: number): number => layerOfKey[key]!;
  const byLayer = groupCompleteKeys(samples.facts, window, layerOf);
  const terms = pipelineTerms(samples, byLayer, numbers.length);
  const overall = pipelineTerms(
    samples,
    groupCompleteKeys(samples.facts, window, () => 0),
    1,
  );
  const periods = periodSamples(samples, window, layerOfKey, numbers.length);
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
  const { keys } = assembled;
  const found = new Uint8Array(keys.length);
  for (let key = 0; key < keys.length; key++) {
    if (keys.layer[key]! < 0) continue;
    if (endsInWindow(facts.startNs[key]!, facts.endNs[key]!, window)) found[key] = 1;
  }
  for (let i = 0; i < periods.key.length; i++) {
    if (found[periods.key[i]!] === 1) continue;
    const end = periods.endNs[i]!;
    if (endsInWindow(end - periods.periodNs[i]!, end, window)) found[periods.key[i]!] = 1;
  }
  const layers = new Set<number>();
  for (let key = 0; key < keys.length; key++) if (found[key] === 1) layers.add(keys.layer[key]!);
  return [...layers].sort((a, b) => a - b);
}

/** Measured periods of the window by the group of the key that they start from. */
export function periodSamples(
  { periods }: PipelineSamples,
  window: WindowNs,
  groupOfKey: Int32Array,
  groups: number,
): GroupedSamples {
  const { key, periodNs, endNs } = periods;
  const groupOf = new Int32Array(key.length);
  for (let i = 0; i < key.length; i++) {
    const end = endNs[i]!;
    groupOf[i] = endsInWindow(end - periodNs[i]!, end, window) ? groupOfKey[key[i]!]! : -1;
  }
  return new GroupedSamples(groupOf, periodNs, groups);
}

function meanOfAll(samples: GroupedSamples, groups: number): number | null {
  let sum = 0;
  let count = 0;
  for (let g = 0; g < groups; g++) {
    const values = samples.of(g);
    for (let i = 0; i < values.length; i++) sum += values[i]!;
    count += values.length;
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
  const compute = computeSamples(samples, computed, groups);
  const transfer = transferSamples(samples, byLayer, groups);
  return numbers.map((layer, g) => {
    const cycle = termsOf(terms, g, microbatches);
    return {
      layer,
      attentionNs: quantilesOf(compute.of(g, Side.attention)),
      a2fNs: quantilesOf(transfer.of(g, Direction.a2f)),
      ffnNs: quantilesOf(compute.of(g, Side.ffn)),
      f2aNs: quantilesOf(transfer.of(g, Direction.f2a)),
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
