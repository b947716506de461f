/**
 * Who waited because of whom, and in which layers: segments of waiting (causes.ts), added up.
 *
 *     waiter   culprits          ns by cause
 *     0        8, 9, 11          [CAUSE_COUNT sums] each
 */
import type { Assembled } from '#lib/model/assembled.ts';
import { endsInWindow, selectWindow, type WindowNs } from '#lib/model/select-window.ts';
import { Kind, ROLES } from '#lib/table/codes.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';
import { CAUSE_COUNT } from './cause-lengths.ts';
import { sweepCauses } from './cause-sweep.ts';
import type { CauseSink } from './causes.ts';
import { keyTimes } from './key-times.ts';
import { fitLoadModel } from './load-model.ts';
import { wholeSlice } from './slice.ts';

/** `CAUSE_COUNT` sums, in the order of `CAUSES`. */
export type CauseSums = Float64Array;

export interface WaitSums {
  /** That end in the window, and their mean latency; null without any. */
  readonly steps: number;
  readonly stepNs: number | null;
  readonly workers: readonly WorkerInfo[];
  /** By worker: what it waited, and what it waited because of each culprit (by index). */
  readonly waited: readonly CauseSums[];
  readonly because: readonly ReadonlyMap<number, CauseSums>[];
  /** By layer, then role. */
  readonly layers: readonly LayerWaits[];
}

export interface LayerWaits {
  /** -1: what has no layer. */
  readonly layer: number;
  readonly role: string;
  readonly causes: CauseSums;
  readonly stages: readonly StageSum[];
}

export interface StageSum {
  readonly stage: string;
  readonly count: number;
  readonly totalNs: number;
}

export function waitSums(assembled: Assembled, window: WindowNs): WaitSums {
  const selected = selectWindow(assembled, window);
  const { events, steps } = selected;
  const times = keyTimes(selected);
  const model = fitLoadModel(selected, times, wholeSlice(window));
  const sink = new WaitSink(selected);
  sweepCauses(selected, times, [model], [window.fromNs, window.toNs], sink);
  const layers = new LayerSums(selected, sink);
  layers.addStages(window);
  let ended = 0;
  let latencySumNs = 0;
  for (let step = 0; step < steps.length; step++) {
    if (!endsInWindow(steps.startNs[step]!, steps.endNs[step]!, window)) continue;
    ended++;
    latencySumNs += steps.endNs[step]! - steps.startNs[step]!;
  }
  return {
    steps: ended,
    stepNs: ended === 0 ? null : latencySumNs / ended,
    workers: events.workers,
    waited: sink.waited,
    because: sink.because,
    layers: layers.finish(),
  };
}

class WaitSink implements CauseSink {
  readonly waited: Float64Array[];
  readonly because: Map<number, Float64Array>[];
  /** By place: `role · (layers + 1) + layer + 1`. */
  readonly byPlace: Map<number, Float64Array> = new Map();
  readonly #assembled: Assembled;
  readonly #roles: Uint8Array;

  constructor(assembled: Assembled) {
    const { workers } = assembled.events;
    this.#assembled = assembled;
    this.#roles = rolesOf(assembled);
    this.waited = workers.map(() => new Float64Array(CAUSE_COUNT));
    this.because = workers.map(() => new Map());
  }

  add(
    worker: number,
    _bucket: number,
    receive: number,
    cause: number,
    culprit: number,
    fromNs: number,
    toNs: number,
  ): void {
    const ns = toNs - fromNs;
    const { receives, keys, layers } = this.#assembled;
    const key = receives.key[receive]!;
    const layer = key < 0 ? -1 : keys.layer[key]!;
    addTo(this.waited[worker]!, cause, ns);
    addTo(sumsOf(this.byPlace, this.#roles[worker]! * (layers + 1) + layer + 1), cause, ns);
    if (culprit >= 0) addTo(sumsOf(this.because[worker]!, culprit), cause, ns);
  }
}

class LayerSums {
  readonly #assembled: Assembled;
  readonly #causes: ReadonlyMap<number, Float64Array>;
  readonly #roles: Uint8Array;
  /** By place, then stage code: count, total. */
  readonly #stages = new Map<number, Map<number, Float64Array>>();

  constructor(assembled: Assembled, { byPlace }: WaitSink) {
    this.#assembled = assembled;
    this.#causes = byPlace;
    this.#roles = rolesOf(assembled);
  }

  /** Events that overlap the window, clipped to it. */
  addStages({ fromNs, toNs }: WindowNs): void {
    const { events, endNs, layers } = this.#assembled;
    const { startNs, kind, stage, layer, worker } = events;
    for (let row = 0; row < events.length; row++) {
      if (kind[row] === Kind.receive) continue;
      const ns = Math.min(endNs[row]!, toNs) - Math.max(startNs[row]!, fromNs);
      if (ns <= 0) continue;
      const place = this.#roles[worker[row]!]! * (layers + 1) + layer[row]! + 1;
      let stages = this.#stages.get(place);
      if (stages === undefined) {
        stages = new Map();
        this.#stages.set(place, stages);
      }
      let sums = stages.get(stage[row]!);
      if (sums === undefined) {
        sums = new Float64Array(2);
        stages.set(stage[row]!, sums);
      }
      sums[0] = sums[0]! + 1;
      sums[1] = sums[1]! + ns;
    }
  }

  finish(): LayerWaits[] {
    const { layers, events } = this.#assembled;
    const places = [...new Set([...this.#causes.keys(), ...this.#stages.keys()])];
    const found = places.map((place) => {
      const role = Math.floor(place / (layers + 1));
      const stages = [...(this.#stages.get(place) ?? [])].sort(([a], [b]) => a - b);
      return {
        role,
        layer: (place % (layers + 1)) - 1,
        causes: this.#causes.get(place) ?? new Float64Array(CAUSE_COUNT),
        stages: stages.map(([code, sums]) => ({
          stage: events.stageNames[code]!,
          count: sums[0]!,
          totalNs: sums[1]!,
        })),
      };
    });
    found.sort((a, b) => a.layer - b.layer || a.role - b.role);
    return found.map((one) => ({ ...one, role: ROLES[one.role]! }));
  }
}

function rolesOf({ events }: Assembled): Uint8Array {
  return Uint8Array.from(events.workers, ({ role }) => ROLES.indexOf(role));
}

function sumsOf(sums: Map<number, Float64Array>, place: number): Float64Array {
  let found = sums.get(place);
  if (found === undefined) {
    found = new Float64Array(CAUSE_COUNT);
    sums.set(place, found);
  }
  return found;
}

function addTo(sums: Float64Array, cause: number, ns: number): void {
  sums[cause] = sums[cause]! + ns;
}
