/** Layer × micro-batch: the median way of one key through both sides. */
import type { Assembled } from '#lib/model/assembled.ts';
import {
  endsInWindow,
  overlapsWindow,
  selectWindow,
  type WindowNs,
} from '#lib/model/select-window.ts';
import { type ReportWindow, windowOf } from './build-report.ts';
import { indexExtent } from './index-extent.ts';
import { groupCompleteKeys } from './key-facts.ts';
import { Side, sideOf } from './key-times.ts';
import { addDenseKeys, layersEnding, periodSamples } from './layer-samples.ts';
import {
  boundOf,
  computeSamples,
  type PipelineSamples,
  pipelineSamples,
  pipelineTerms,
  termsOf,
  transferSamples,
} from './pipeline-terms.ts';
import type { Bound } from './report-types.ts';
import { groupSamples, mediansOf, type Samples } from './samples.ts';

/** Medians in nanoseconds; null without samples. */
export interface BreakdownTimes {
  /** Compute of one attention worker. */
  readonly attentionNs: number | null;
  readonly a2fNs: number | null;
  readonly ffnNs: number | null;
  readonly f2aNs: number | null;
  /** Wait part of one receive, on either side. */
  readonly attentionWaitNs: number | null;
  readonly ffnWaitNs: number | null;
  /** Start to start with the next layer. */
  readonly periodNs: number | null;
  /** Complete keys. */
  readonly count: number;
}

export interface BreakdownCell extends BreakdownTimes {
  readonly layer: number;
  /** -1 where events name no micro-batch. */
  readonly microbatch: number;
}

export interface BreakdownLayer extends BreakdownTimes {
  readonly layer: number;
  /** The period that the pipeline could reach; null without complete keys. */
  readonly idealPeriodNs: number | null;
  readonly bound: Bound | null;
}

export interface Breakdown {
  /** Steps with a part in the window. */
  readonly steps: number;
  readonly layers: readonly number[];
  readonly microbatches: readonly number[];
  /** Row-major by layer: `cells[layer · microbatches.length + microbatch]`. */
  readonly cells: readonly BreakdownCell[];
  /** One a layer, over all its micro-batches. */
  readonly byLayer: readonly BreakdownLayer[];
}

export function breakdownOf(assembled: Assembled, window?: ReportWindow): Breakdown {
  const span = windowOf(assembled, window);
  const selected = selectWindow(assembled, span);
  const { keys } = selected;
  const samples = pipelineSamples(selected);
  const layers = layersEnding(selected, samples, span);
  const layerIndex = new Map(layers.map((layer, index) => [layer, index]));
  const inLayers = Array.from(keys.microbatch).filter((_, key) => layerIndex.has(keys.layer[key]!));
  const microbatches = [...new Set(inLayers)].sort((a, b) => a - b);
  const microbatchIndex = new Map(microbatches.map((mb, index) => [mb, index]));
  const layerOf = (key: number): number => layerIndex.get(keys.layer[key]!) ?? -1;
  const cellOf = (key: number): number => {
    const layer = layerOf(key);
    if (layer < 0) return -1;
    return layer * microbatches.length + microbatchIndex.get(keys.microbatch[key]!)!;
  };
  const cellCount = layers.length * microbatches.length;
  const cells = timesByGroup(selected, samples, span, cellOf, cellCount);
  const byLayer = timesByGroup(selected, samples, span, layerOf, layers.length);
  const complete = groupCompleteKeys(samples.facts, span, layerOf);
  const terms = pipelineTerms(samples, complete, layers.length);
  const { microbatches: m } = indexExtent(selected, span);
  return {
    steps: stepsTouching(selected, span),
    layers,
    microbatches,
    cells: cells.map((times, i) => ({
      layer: layers[Math.floor(i / microbatches.length)]!,
      microbatch: microbatches[i % microbatches.length]!,
      ...times,
    })),
    byLayer: byLayer.map((times, i) => {
      const cycle = termsOf(terms, i, m);
      return {
        layer: layers[i]!,
        ...times,
        idealPeriodNs: cycle === null ? null : Math.max(...cycle),
        bound: cycle === null ? null : boundOf(cycle),
      };
    }),
  };
}

function stepsTouching({ steps }: Assembled, window: WindowNs): number {
  let count = 0;
  for (let step = 0; step < steps.length; step++) {
    if (overlapsWindow(steps.startNs[step]!, steps.endNs[step]!, window)) count++;
  }
  return count;
}

function timesByGroup(
  assembled: Assembled,
  samples: PipelineSamples,
  window: WindowNs,
  groupOf: (key: number) => number,
  groups: number,
): BreakdownTimes[] {
  const groupOfKey = Int32Array.from(assembled.keys.layer, (_, key) => groupOf(key));
  const complete = groupCompleteKeys(samples.facts, window, groupOf);
  const computed = addDenseKeys(samples, window, complete, groupOf);
  const compute = mediansOf(computeSamples(samples, computed, groups));
  const transfer = mediansOf(transferSamples(samples, complete, groups));
  const attentionWait = mediansOf(waitSamples(assembled, window, groupOf, groups, Side.attention));
  const ffnWait = mediansOf(waitSamples(assembled, window, groupOf, groups, Side.ffn));
  const period = mediansOf(periodSamples(samples, window, groupOfKey, groups));
  const counts = new Uint32Array(groups);
  for (const group of complete) if (group >= 0) counts[group] = counts[group]! + 1;
  return Array.from({ length: groups }, (_, g) => ({
    attentionNs: orNull(compute[g]!),
    a2fNs: orNull(transfer[g]!),
    ffnNs: orNull(compute[groups + g]!),
    f2aNs: orNull(transfer[groups + g]!),
    attentionWaitNs: orNull(attentionWait[g]!),
    ffnWaitNs: orNull(ffnWait[g]!),
    periodNs: orNull(period[g]!),
    count: counts[g]!,
  }));
}

/** Wait parts of the receives of one side that end in the window. */
function waitSamples(
  { events, receives }: Assembled,
  window: WindowNs,
  groupOf: (key: number) => number,
  groups: number,
  side: number,
): Samples {
  const groupOfReceive = new Int32Array(receives.length).fill(-1);
  const waitNs = new Float64Array(receives.length);
  for (let r = 0; r < receives.length; r++) {
    const key = receives.key[r]!;
    if (key < 0 || sideOf(events.workers[receives.worker[r]!]!.role) !== side) continue;
    if (!endsInWindow(receives.startNs[r]!, receives.endNs[r]!, window)) continue;
    groupOfReceive[r] = groupOf(key);
    waitNs[r] = receives.cutNs[r]! - receives.startNs[r]!;
  }
  return groupSamples(groupOfReceive, waitNs, groups);
}

function orNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
