/** What layers and balance of a report are drawn from: samples of one window by layer. */
import type { Assembled } from '#lib/model/assembled.ts';
import { endsInWindow, type WindowNs } from '#lib/model/select-window.ts';
import { groupCompleteKeys } from './key-facts.ts';
import {
  computeSamples,
  type PipelineSamples,
  type TermSamples,
  termSamples,
} from './pipeline-terms.ts';
import { SampleCounter, type Samples } from './samples.ts';

/** Groups are layers, in the order of `layers`. */
export interface LayerSamples {
  /** Layers with a key or a measured period that ends in the window, ascending. */
  readonly layers: readonly number[];
  /** Over complete keys. */
  readonly terms: TermSamples;
  /** T of dense layers, which are never complete: one side does them alone. */
  readonly denseComputeNs: Samples;
  readonly periodNs: Samples;
}

export function layerSamples(
  assembled: Assembled,
  samples: PipelineSamples,
  window: WindowNs,
): LayerSamples {
  const layers = layersEnding(assembled, samples, window);
  const groupOfLayer = new Map(layers.map((layer, g) => [layer, g]));
  const groupOfKey = assembled.keys.layer.map((layer) => groupOfLayer.get(layer) ?? -1);
  const layerOf = (key: number): number => groupOfKey[key]!;
  const complete = groupCompleteKeys(samples.facts, window, layerOf);
  const nothing = new Int32Array(complete.length).fill(-1);
  const dense = addDenseKeys(samples, window, nothing, layerOf);
  return {
    layers,
    terms: termSamples(samples, complete, layers.length),
    denseComputeNs: computeSamples(samples, dense, layers.length),
    periodNs: periodSamples(samples, window, groupOfKey, layers.length),
  };
}

export function layersEnding(
  { keys }: Assembled,
  { facts, periods }: PipelineSamples,
  window: WindowNs,
): number[] {
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
  { periods, room }: PipelineSamples,
  window: WindowNs,
  groupOfKey: Int32Array,
  groups: number,
): Samples {
  const { key, periodNs, endNs } = periods;
  const counter = new SampleCounter(groups);
  const { counts } = counter;
  const groupOf = room.int32(key.length);
  for (let i = 0; i < key.length; i++) {
    const end = endNs[i]!;
    const group = endsInWindow(end - periodNs[i]!, end, window) ? groupOfKey[key[i]!]! : -1;
    groupOf[i] = group;
    if (group >= 0) counts[group] = counts[group]! + 1;
  }
  const { samples, next } = counter.room();
  for (let i = 0; i < key.length; i++) {
    const group = groupOf[i]!;
    if (group < 0) continue;
    samples.values[next[group]!] = periodNs[i]!;
    next[group] = next[group]! + 1;
  }
  return samples;
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

/** The same over the layers of all of them, so that parts of one window can be joined. */
export function alignLayers(parts: readonly LayerSamples[]): LayerSamples[] {
  const layers = [...new Set(parts.flatMap((part) => part.layers))].sort((a, b) => a - b);
  return parts.map((part) => {
    if (part.layers.length === layers.length) return part;
    const groupOf = new Map(part.layers.map((layer, group) => [layer, group]));
    const halves = [0, part.layers.length];
    const twice = (samples: Samples): Samples => spread(samples, halves, layers, groupOf);
    const { computeNs, occupiedNs, serialNs, transferNs, linkNs } = part.terms;
    return {
      layers,
      terms: {
        computeNs: twice(computeNs),
        occupiedNs: twice(occupiedNs),
        serialNs: twice(serialNs),
        transferNs: twice(transferNs),
        linkNs: twice(linkNs),
      },
      denseComputeNs: twice(part.denseComputeNs),
      periodNs: spread(part.periodNs, [0], layers, groupOf),
    };
  });
}

/** Both number their groups by layer, ascending, from each of `firsts` on; new ones are empty. */
function spread(
  { values, offsets }: Samples,
  firsts: readonly number[],
  layers: readonly number[],
  groupOf: ReadonlyMap<number, number>,
): Samples {
  const wider = [0];
  for (const first of firsts) {
    for (const layer of layers) {
      const group = groupOf.get(layer);
      wider.push(group === undefined ? wider[wider.length - 1]! : offsets[first + group + 1]!);
    }
  }
  return { values, offsets: Uint32Array.from(wider) };
}
