/**
 * Who of a group took longer in a stage, and what of it the load explains: one sub-window, one group,
 * one stage (stage-loads.ts has the sums).
 */
import { Stage } from '#lib/table/codes.ts';
import { LOAD_OF_SIDE } from './cell-loads.ts';
import { sideOf } from './key-times.ts';
import { type LoadModel, loadEffect } from './load-model.ts';
import { type GroupScale, middle, scaleOf } from './robust-score.ts';
import { STAGE_SUMS, StageSum } from './stage-loads.ts';

export interface StageScore {
  /** After, and before, normalising for load. */
  readonly score: number;
  readonly rawScore: number;
  readonly meanNs: number;
  /** Of the group's means. */
  readonly medianNs: number;
  /** Mean over median, minus 1, not below 0 = load part + residual part. */
  readonly excessRatio: number;
  readonly loadRatio: number;
  readonly residualRatio: number;
  readonly events: number;
}

/** With less of the events that its group usually has, a worker is not judged. */
const MIN_EVENTS = 4;
const MIN_EVENT_SHARE = 0.25;

/** The load part is taken to be larger by so many of its standard errors before a device is blamed. */
const DOUBT_SIGMAS = 2;

/** What a stage's time depends on. */
export type StageLoad = { readonly side: 0 | 1 } | 'bytes' | null;

export function loadOfStage(stage: number, role: string): StageLoad {
  if (stage === Stage.a2f_send || stage === Stage.f2a_send) return 'bytes';
  const side = sideOf(role);
  if (side < 0 || LOAD_OF_SIDE[side]!.stage !== stage) return null;
  return { side: side as 0 | 1 };
}

/** One entry a worker; null in, or too few events: null out. */
export function scoreStage(
  sums: readonly (readonly number[] | null)[],
  load: StageLoad,
  model: LoadModel,
): (StageScore | null)[] {
  const counts = sums.flatMap((own) => (own === null ? [] : [own[StageSum.count]!]));
  if (counts.length === 0) return sums.map(() => null);
  const least = Math.max(MIN_EVENTS, MIN_EVENT_SHARE * middle(counts));
  const judged = sums.map((own) => (own !== null && own[StageSum.count]! >= least ? own : null));
  const present = judged.filter((own) => own !== null);
  const scale = scaleOf(present.map(meanOf));
  if (scale === null) return sums.map(() => null);
  const effects = loadEffects(present, load, model, scale);
  const levelled = present.map((own, i) => meanOf(own) - effects[i]!.ns);
  const levelScale = scaleOf(levelled) ?? scale;
  let next = 0;
  return judged.map((own) => {
    if (own === null) return null;
    const i = next++;
    return scoreOf(own, scale, effects[i]!, levelled[i]!, levelScale);
  });
}

interface LoadEffect {
  /** By how much longer the load makes an event than the group's median; may be negative. */
  readonly ns: number;
  /** Its standard error. */
  readonly errorNs: number;
}

function scoreOf(
  own: readonly number[],
  scale: GroupScale,
  effect: LoadEffect,
  levelledNs: number,
  levelScale: GroupScale,
): StageScore {
  const meanNs = meanOf(own);
  const excessNs = Math.max(0, meanNs - scale.median);
  const loadNs = Math.min(excessNs, Math.max(0, effect.ns));
  const overNs = levelledNs - levelScale.median;
  const doubtNs = Math.min(Math.max(0, overNs), DOUBT_SIGMAS * effect.errorNs);
  return {
    score: (overNs - doubtNs) / levelScale.unit,
    rawScore: (meanNs - scale.median) / scale.unit,
    meanNs,
    medianNs: scale.median,
    excessRatio: excessNs / scale.median,
    loadRatio: loadNs / scale.median,
    residualRatio: (excessNs - loadNs) / scale.median,
    events: own[StageSum.count]!,
  };
}

function loadEffects(
  present: readonly (readonly number[])[],
  load: StageLoad,
  model: LoadModel,
  scale: GroupScale,
): LoadEffect[] {
  const first = present.map((own) => loadOf(own, StageSum.first));
  const firstMedian = usual(first);
  if (load === null) return present.map(() => ({ ns: 0, errorNs: 0 }));
  if (load === 'bytes') {
    // At most proportional: a transfer's fixed part does not grow.
    return first.map((bytes) => ({
      ns: orZero(Math.max(0, scale.median * (bytes / firstMedian - 1))),
      errorNs: 0,
    }));
  }
  const side = model[load.side];
  const second = present.map((own) => loadOf(own, StageSum.second));
  const secondMedian = usual(second);
  const nsPerFirstError = Number.isFinite(side.errorRatio)
    ? (side.errorRatio * side.medianNs) / side.medianFirst
    : 0;
  return present.map((_, i) => {
    const more = first[i]! - firstMedian;
    return {
      ns: loadEffect(side, more, second[i]! - secondMedian),
      errorNs: side.usable ? orZero(nsPerFirstError * Math.abs(more)) : 0,
    };
  });
}

function meanOf(own: readonly number[]): number {
  return own[StageSum.ns]! / own[StageSum.count]!;
}

/** NaN where no event says. */
function loadOf(own: readonly number[], field: number): number {
  const count = own[field + 1]!;
  return count === 0 ? Number.NaN : own[field]! / count;
}

function usual(loads: readonly number[]): number {
  const known = loads.filter((load) => !Number.isNaN(load));
  if (known.length === 0) return Number.NaN;
  return known.length === 2 ? Math.min(...known) : middle(known);
}

function orZero(value: number): number {
  return Number.isFinite(value) ? value : 0;
}

/** Adds a row of sums to another. */
export function addSums(to: number[], from: ArrayLike<number>, at = 0): void {
  for (let field = 0; field < STAGE_SUMS; field++) to[field] = to[field]! + from[at + field]!;
}
