/**
 * Mean durations of each sampled step: by cell (group, stage, part, layer), by stage over all layers, and
 * by worker and stage. Receives count as logical receives, their wait and their transfer apart.
 */
import type { Assembled } from '#lib/model/assembled.ts';
import { Kind } from '#lib/table/codes.ts';
import { StepMeans } from './compare-step-means.ts';
import type { SampledSteps } from './compare-steps.ts';

export const PARTS = ['all', 'wait', 'transfer'] as const;
export type Part = (typeof PARTS)[number];

export interface Place {
  /** Row of the alignment. '' where roles differ. */
  readonly group: string;
  readonly stage: string;
  readonly part: Part;
}

/** Values by sampled step; NaN where the step has none. */
export interface CellDurations extends Place {
  /** -1: none. */
  readonly layer: number;
  readonly values: Float64Array;
}

export interface StageDurations extends Place {
  readonly values: Float64Array;
  /** Of each worker of the group, by layer (-1: none). */
  readonly workers: ReadonlyMap<string, ReadonlyMap<number, Float64Array>>;
}

export interface Durations {
  readonly cells: readonly CellDurations[];
  readonly stages: readonly StageDurations[];
}

const MAX_STAGES = 65_536;

/** `groupOf` and `nameOf`: of each worker. */
export function durationsOf(
  assembled: Assembled,
  sampled: SampledSteps,
  groupOf: readonly string[],
  nameOf: readonly string[],
): Durations {
  const { events, stepOf, receives, keys, layers } = assembled;
  const { placeOf, rows } = sampled;
  const groups = [...new Set(groupOf)];
  const groupIndex = groupOf.map((group) => groups.indexOf(group));
  const cells = new StepMeans(rows.length);
  const stages = new StepMeans(rows.length);
  const byWorker = new StepMeans(rows.length);
  const add = (
    worker: number,
    stage: number,
    part: number,
    layer: number,
    sample: number,
    ns: number,
  ): void => {
    const place = (groupIndex[worker]! * MAX_STAGES + stage) * PARTS.length + part;
    stages.add(place, sample, ns);
    cells.add(place * (layers + 1) + layer + 1, sample, ns);
    const own = (worker * MAX_STAGES + stage) * PARTS.length + part;
    byWorker.add(own * (layers + 1) + layer + 1, sample, ns);
  };
  for (let row = 0; row < events.length; row++) {
    if (events.kind[row] === Kind.receive) continue;
    const step = stepOf[row]!;
    const sample = step < 0 ? -1 : placeOf[step]!;
    if (sample < 0) continue;
    const ns = events.durationNs[row]!;
    add(events.worker[row]!, events.stage[row]!, 0, events.layer[row]!, sample, ns);
  }
  for (let r = 0; r < receives.length; r++) {
    const key = receives.key[r]!;
    const sample = key < 0 ? -1 : placeOf[keys.step[key]!]!;
    if (sample < 0) continue;
    const worker = receives.worker[r]!;
    const stage = receives.stage[r]!;
    const cutNs = receives.cutNs[r]!;
    add(worker, stage, 1, keys.layer[key]!, sample, cutNs - receives.startNs[r]!);
    add(worker, stage, 2, keys.layer[key]!, sample, receives.endNs[r]! - cutNs);
  }
  const placeNamed = (code: number): Place => ({
    group: groups[Math.floor(code / PARTS.length / MAX_STAGES)]!,
    stage: events.stageNames[Math.floor(code / PARTS.length) % MAX_STAGES]!,
    part: PARTS[code % PARTS.length]!,
  });
  const workersOf = new Map<number, Map<string, Map<number, Float64Array>>>();
  for (const [code, values] of byWorker.means()) {
    const own = Math.floor(code / (layers + 1));
    const worker = Math.floor(own / PARTS.length / MAX_STAGES);
    const width = MAX_STAGES * PARTS.length;
    const place = groupIndex[worker]! * width + (own % width);
    const ofPlace = workersOf.get(place) ?? new Map<string, Map<number, Float64Array>>();
    const ofWorker = ofPlace.get(nameOf[worker]!) ?? new Map<number, Float64Array>();
    ofWorker.set((code % (layers + 1)) - 1, values);
    workersOf.set(place, ofPlace.set(nameOf[worker]!, ofWorker));
  }
  return {
    cells: [...cells.means()].map(([code, values]) => ({
      ...placeNamed(Math.floor(code / (layers + 1))),
      layer: (code % (layers + 1)) - 1,
      values,
    })),
    stages: [...stages.means()].map(([code, values]) => ({
      ...placeNamed(code),
      values,
      workers: workersOf.get(code)!,
    })),
  };
}
