/**
 * How the compute time T of a (key, worker) depends on its load, so that "long contexts landed here"
 * is told from "slow device":
 *
 *     T ≈ fixed + nsPerFirst · first load + nsPerSecond · second load       (cell-loads.ts: which)
 *
 * T and loads are taken as deviations from the mean over the side in the same key, and each worker is
 * compared with itself: a device that is slow throughout says nothing about load. The slope is the
 * median over workers, so that one odd worker does not bend it. How the load of all workers changes
 * together (larger batches) counts too. Only where neither varies enough are workers compared with each
 * other (Theil-Sen). Slopes are never negative, and never more than proportional: T at no load is >= 0.
 */
import type { Assembled } from '#lib/model/assembled.ts';
import { LOAD_OF_SIDE } from './cell-loads.ts';
import type { KeyTimes } from './key-times.ts';
import { fitCommon, fitWithin, type LoadLevels, levelsOf, slopesBetween } from './load-fit.ts';
import {
  ALL_STEPS,
  type LoadSums,
  loadSums,
  mergeLoadSums,
  type SideLoads,
  type StepRange,
} from './load-sums.ts';
import type { LoadModelReport, SideLoadReport } from './straggler-types.ts';

/** One side's part of the model. */
export interface SideLoadModel {
  /** May excess be split by it? Else all of it is the device's. */
  readonly usable: boolean;
  /** What told the slope: loads that vary in time, workers that differ, or nothing. */
  readonly basis: 'time' | 'workers' | 'none';
  /** T without load. */
  readonly fixedNs: number;
  /** A unit of the first load, and of the second, costs so much; 0 where it tells nothing. */
  readonly nsPerFirst: number;
  readonly nsPerSecond: number;
  /** Standard error of the slope over that of a T that is proportional to the load. */
  readonly errorRatio: number;
  /** Standard deviation of the first load, in time or between workers, over its median. */
  readonly spreadRatio: number;
  /** Medians over the window. NaN without samples. */
  readonly medianNs: number;
  readonly medianFirst: number;
  readonly medianSecond: number;
  /** Cells (key, worker) and steps that it was fitted to. */
  readonly samples: number;
  readonly steps: number;
}

/** By `Side`: attention, FFN. */
export type LoadModel = readonly [SideLoadModel, SideLoadModel];

/** Up to this error of the slope the split is worth more than none. */
const MAX_ERROR_RATIO = 0.2;

/** Of steps that end in the range: up to 64, evenly spread (load-sums.ts). */
export function fitLoadModel(
  assembled: Assembled,
  times: KeyTimes,
  range: StepRange = ALL_STEPS,
): LoadModel {
  return fitLoadSums([loadSums(assembled, times, range)]);
}

/** The same of a window in parts, of each of which `loadSums` were made. */
export function fitLoadSums(parts: readonly LoadSums[]): LoadModel {
  const steps = mergeLoadSums(parts);
  const side = (s: number): SideLoadModel => fitSide(steps.map(({ sides }) => sides[s]!));
  return [side(0), side(1)];
}

/**
 * Part of a worker's excess over the group's median that its load explains, in 0 .. `excessNs`; the
 * rest is the device's. `first` and `second`: its loads over the group's median, NaN where not known.
 */
export function loadPart(
  model: SideLoadModel,
  excessNs: number,
  first: number,
  second: number,
): number {
  if (!model.usable || !(excessNs > 0)) return 0;
  return Math.min(excessNs, Math.max(0, loadEffect(model, first, second)));
}

/** How much longer T is expected to be at loads over the median's by so much; may be negative. */
export function loadEffect(model: SideLoadModel, first: number, second: number): number {
  if (!model.usable) return 0;
  return (
    (Number.isNaN(first) ? 0 : model.nsPerFirst * first) +
    (Number.isNaN(second) ? 0 : model.nsPerSecond * second)
  );
}

export function reportLoadModel([attention, ffn]: LoadModel): LoadModelReport {
  return { attention: reportSide(attention, 0), ffn: reportSide(ffn, 1) };
}

function reportSide(model: SideLoadModel, side: number): SideLoadReport | null {
  if (model.samples === 0) return null;
  const { usable, basis, fixedNs, errorRatio, spreadRatio, samples, steps } = model;
  const { first, second } = LOAD_OF_SIDE[side]!;
  return {
    usable,
    basis,
    fixedNs,
    medianNs: model.medianNs,
    loads: [
      { measure: first, nsPerUnit: model.nsPerFirst, median: orNull(model.medianFirst) },
      { measure: second, nsPerUnit: model.nsPerSecond, median: orNull(model.medianSecond) },
    ],
    errorRatio: orNull(errorRatio),
    spreadRatio: orNull(spreadRatio),
    samples,
    steps,
  };
}

function orNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

function fitSide(steps: readonly SideLoads[]): SideLoadModel {
  const levels = levelsOf(steps);
  const within = fitWithin(steps, levels);
  const common = fitCommon(steps, levels);
  const base = {
    medianNs: levels.t,
    medianFirst: levels.x,
    medianSecond: levels.z,
    samples: levels.samples,
    steps: levels.steps,
  };
  const inTime = [within, common].filter((fit) => fit.errorRatio <= MAX_ERROR_RATIO);
  if (inTime.length > 0) {
    // Each counts by what it knows.
    let weights = 0;
    let x = 0;
    let z = 0;
    for (const fit of inTime) {
      const weight = 1 / Math.max(fit.errorRatio, 1e-6) ** 2;
      weights += weight;
      x += weight * fit.slopeX;
      z += weight * fit.slopeZ;
    }
    return {
      ...base,
      usable: true,
      basis: 'time',
      ...bounded(levels, x / weights, z / weights),
      errorRatio: 1 / Math.sqrt(weights),
      spreadRatio: Math.max(...inTime.map((fit) => fit.spreadRatio)),
    };
  }
  const between = slopesBetween(steps, levels);
  if (between !== null) {
    return {
      ...base,
      usable: true,
      basis: 'workers',
      ...bounded(levels, between.slopeX, between.slopeZ),
      errorRatio: Number.POSITIVE_INFINITY,
      spreadRatio: between.spreadRatio,
    };
  }
  return {
    ...base,
    usable: false,
    basis: 'none',
    fixedNs: levels.samples === 0 ? 0 : levels.t,
    nsPerFirst: 0,
    nsPerSecond: 0,
    errorRatio: Math.min(within.errorRatio, common.errorRatio),
    spreadRatio: Math.max(within.spreadRatio, common.spreadRatio),
  };
}

/** No slope below 0, and together no more than T at the median load. */
function bounded(
  { t, x, z }: LoadLevels,
  slopeX: number,
  slopeZ: number,
): Pick<SideLoadModel, 'fixedNs' | 'nsPerFirst' | 'nsPerSecond'> {
  const first = Math.max(0, slopeX);
  const second = Math.max(0, slopeZ);
  const explained = first * orZero(x) + second * orZero(z);
  const scale = explained > t ? t / explained : 1;
  return {
    fixedNs: Math.max(0, t - explained * scale),
    nsPerFirst: first * scale,
    nsPerSecond: second * scale,
  };
}

function orZero(value: number): number {
  return Number.isNaN(value) ? 0 : value;
}
