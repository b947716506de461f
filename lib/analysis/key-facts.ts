/** Facts about each key of the table: its extent, whether its layer is dense, whether it is whole. */
import type { Assembled } from '#lib/model/assembled.ts';
import { endsInWindow, type WindowNs } from '#lib/model/select-window.ts';
import { Kind, Stage } from '#lib/table/codes.ts';
import { type KeyTimes, Side, sideOf } from './key-times.ts';

export interface KeyFacts {
  /** First start and last end over all workers. */
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
  /** 1: the layer crosses the network or has experts; 0: dense, or no layer at all. */
  readonly sparse: Uint8Array;
  /** 1: sparse, and every attention and FFN worker that is in the step worked on the key. */
  readonly complete: Uint8Array;
}

export function keyFacts(assembled: Assembled, times: KeyTimes): KeyFacts {
  const { events, endNs, keyOf, keys } = assembled;
  const starts = new Float64Array(keys.length).fill(Number.POSITIVE_INFINITY);
  const ends = new Float64Array(keys.length).fill(Number.NEGATIVE_INFINITY);
  const sparseLayers = new Set<number>();
  for (let row = 0; row < events.length; row++) {
    const key = keyOf[row]!;
    if (key < 0) continue;
    if (events.startNs[row]! < starts[key]!) starts[key] = events.startNs[row]!;
    if (endNs[row]! > ends[key]!) ends[key] = endNs[row]!;
    if (crossesNetwork(events.stage[row]!, events.kind[row]!)) sparseLayers.add(events.layer[row]!);
  }
  sparseLayers.delete(-1);
  const sparse = new Uint8Array(keys.length);
  for (let k = 0; k < keys.length; k++) if (sparseLayers.has(keys.layer[k]!)) sparse[k] = 1;
  const present = presentInSteps(assembled);
  const worked = new Uint32Array(keys.length * 2);
  for (let cell = 0; cell < times.length; cell++) {
    const at = times.key[cell]! * 2 + times.side[cell]!;
    worked[at] = worked[at]! + 1;
  }
  const complete = new Uint8Array(keys.length);
  for (let k = 0; k < keys.length; k++) {
    if (sparse[k] === 0) continue;
    const step = keys.step[k]! * 2;
    const whole = [Side.attention, Side.ffn].every(
      (side) => present[step + side]! > 0 && worked[k * 2 + side] === present[step + side],
    );
    if (whole) complete[k] = 1;
  }
  return { startNs: starts, endNs: ends, sparse, complete };
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

function crossesNetwork(stage: number, kind: number): boolean {
  return (
    stage === Stage.a2f_send ||
    stage === Stage.a2f_recv ||
    stage === Stage.expert ||
    stage === Stage.f2a_send ||
    stage === Stage.f2a_recv ||
    kind === Kind.receive
  );
}

/** Workers with any event in the step, at `2·step + side`. */
function presentInSteps(assembled: Assembled): Uint32Array {
  const { events, offsets, steps, stepOf } = assembled;
  const present = new Uint32Array(steps.length * 2);
  const seenBy = new Int32Array(steps.length).fill(-1);
  for (let w = 0; w < events.workers.length; w++) {
    const side = sideOf(events.workers[w]!.role);
    if (side < 0) continue;
    for (let row = offsets[w]!; row < offsets[w + 1]!; row++) {
      const step = stepOf[row]!;
      if (step < 0 || seenBy[step] === w) continue;
      seenBy[step] = w;
      present[step * 2 + side] = present[step * 2 + side]! + 1;
    }
  }
  return present;
}
