/** Facts about each key of the table: its extent, whether its layer is dense, whether it is whole. */
import type { Assembled } from '#lib/model/assembled.ts';
import { endsInWindow, type WindowNs } from '#lib/model/select-window.ts';
import { ABSENT } from '#lib/table/codes.ts';
import { type KeyTimes, Side, sideOf } from './key-times.ts';

export interface KeyFacts {
  /** First start and last end over all workers. */
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
  /** 1: the layer crosses the network or has experts; 0: dense, or no layer at all. */
  readonly sparse: Uint8Array;
  /** 1: sparse, and every attention and FFN worker that is in the step worked on the key. */
  readonly complete: Uint8Array;
  /** 1: sparse, both sides are in the step, but some worker of it has no work on the key. */
  readonly partial: Uint8Array;
}

/** `sparseLayers`: where a larger window tells more of them. */
export function keyFacts(
  assembled: Assembled,
  times: KeyTimes,
  sparseLayers: ReadonlySet<number> = layersCrossing(assembled, times),
): KeyFacts {
  const { keys } = assembled;
  const { startNs, endNs } = times.extent;
  const sparse = new Uint8Array(keys.length);
  for (let k = 0; k < keys.length; k++) if (sparseLayers.has(keys.layer[k]!)) sparse[k] = 1;
  const present = presentInSteps(assembled);
  const worked = new Uint32Array(keys.length * 2);
  for (let cell = 0; cell < times.length; cell++) {
    const at = times.key[cell]! * 2 + times.side[cell]!;
    worked[at] = worked[at]! + 1;
  }
  const complete = new Uint8Array(keys.length);
  const partial = new Uint8Array(keys.length);
  for (let k = 0; k < keys.length; k++) {
    if (sparse[k] === 0) continue;
    const step = keys.step[k]! * 2;
    const sides = [Side.attention, Side.ffn];
    if (sides.some((side) => present[step + side] === 0)) continue;
    if (sides.every((side) => worked[k * 2 + side] === present[step + side])) complete[k] = 1;
    else partial[k] = 1;
  }
  return { startNs, endNs, sparse, complete, partial };
}

/** Layers that cross the network or have experts. */
export function layersCrossing({ keys }: Assembled, times: KeyTimes): ReadonlySet<number> {
  const { crosses } = times.extent;
  const layers = new Set<number>();
  for (let k = 0; k < keys.length; k++) if (crosses[k] === 1) layers.add(keys.layer[k]!);
  layers.delete(ABSENT);
  return layers;
}

/** Group of every key: `groupOf` for complete keys that end in the window, else -1. */
export function groupCompleteKeys(
  facts: KeyFacts,
  window: WindowNs,
  groupOf: (key: number) => number,
): Int32Array {
  const groups = new Int32Array(facts.complete.length).fill(-1);
  for (let key = 0; key < groups.length; key++) {
    if (facts.complete[key] === 0) continue;
    if (endsInWindow(facts.startNs[key]!, facts.endNs[key]!, window)) groups[key] = groupOf(key);
  }
  return groups;
}

/** Workers with any event in the step, at `2·step + side`. */
function presentInSteps({ events, steps, workerSteps }: Assembled): Uint32Array {
  const present = new Uint32Array(steps.length * 2);
  events.workers.forEach(({ role }, w) => {
    const side = sideOf(role);
    if (side < 0) return;
    for (let i = workerSteps.offsets[w]!; i < workerSteps.offsets[w + 1]!; i++) {
      const at = workerSteps.step[i]! * 2 + side;
      present[at] = present[at]! + 1;
    }
  });
  return present;
}
