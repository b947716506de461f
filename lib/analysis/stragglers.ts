/**
 * Slow workers of a window: those over the threshold in most of its latest sub-windows, worst first.
 * Thresholds and their reasons: docs/definitions.md, "Stragglers".
 *
 *     sub-windows   ·  ·  █  █  ·  █  █  █      █ slow: 5 of the latest 6, since the third
 *                         └ since
 */
import type { UnixNanos } from '#lib/base/units.ts';
import type { LoadModel } from './load-model.ts';
import { MIN_SCORED_WORKERS } from './robust-score.ts';
import { STAGE_SUMS, type StageLoads, StageSum } from './stage-loads.ts';
import { addSums, loadOfStage, type StageScore, scoreStage } from './stage-scores.ts';
import type { Straggler, StragglerClass } from './straggler-types.ts';
import { type StageSeries, type StragglerWindows, straggleWindows } from './straggler-windows.ts';

/** From this score on a worker is slow: at the floor of 2 %, 6 % over its group. */
export const SLOW_SCORE = 3;

/** Sub-windows that are looked at, the latest ones; in more than half of them a straggler is slow. */
export const RECENT_WINDOWS = 10;

/** An excess below this part of the worker's compute time is not felt by anybody. */
const MIN_FELT_RATIO = 0.01;

/** From this part of the median on, and of the excess, load is named as a cause. */
const MIN_LOAD_RATIO = 0.03;
const MIN_LOAD_SHARE = 0.2;

/** So many quiet sub-windows end a run. */
const RUN_ENDS_AFTER = 2;

export interface StragglerFindings {
  readonly stragglers: readonly Straggler[];
  readonly windows: StragglerWindows;
}

/** `parts`: of windows that make up the one that starts at `fromUnixNs`. */
export function findStragglers(
  parts: readonly StageLoads[],
  model: LoadModel,
  fromUnixNs: UnixNanos,
): StragglerFindings {
  const windows = straggleWindows(parts, model);
  const computeNs = computeByWorker(parts);
  const found: (Straggler & { readonly isSend: boolean })[] = [];
  for (const series of windows.series) {
    series.workers.forEach((worker, w) => {
      const run = latestRun(series, w);
      if (run === null) return;
      const { score, sums } = scoreRun(series, w, run.from, model);
      if (score === null || !isSlow(score)) return;
      const excessNs = score.excessRatio * score.medianNs * score.events;
      const busyNs = computeNs.get(worker) ?? 0;
      const share = sums[StageSum.count]! / totalCount(series, w);
      if (excessNs < MIN_FELT_RATIO * busyNs * share) return;
      const startNs = BigInt(series.windows[run.from]!) * BigInt(windows.spanS) * 1_000_000_000n;
      found.push({
        worker,
        stage: series.stage,
        score: score.score,
        excessRatio: score.excessRatio,
        loadRatio: score.loadRatio,
        residualRatio: score.residualRatio,
        sinceUnixNs: String(startNs > fromUnixNs ? startNs : fromUnixNs),
        group: series.group,
        cause: causeOf(score),
        rawScore: score.rawScore,
        meanNs: score.meanNs,
        medianNs: score.medianNs,
        excessNs: Math.round(excessNs),
        confidence: confidenceOf(series, run, model),
        windows: { slow: run.slow, of: run.of },
        isSend: series.isSend,
      });
    });
  }
  found.sort(worstFirst);
  return { stragglers: found.map((one) => classified(one, found)), windows };
}

interface Run {
  /** Index of its first sub-window. */
  readonly from: number;
  readonly slow: number;
  readonly of: number;
}

export function isSlow(score: StageScore): boolean {
  return Math.max(score.score, score.rawScore) >= SLOW_SCORE && score.excessRatio > 0;
}

/** null: it is not slow in most of the latest sub-windows in which it could be judged. */
function latestRun({ scores }: StageSeries, w: number): Run | null {
  let of = 0;
  let slow = 0;
  let from = -1;
  let quiet = 0;
  for (let i = scores.length - 1; i >= 0; i--) {
    const score = scores[i]![w] ?? null;
    if (score === null) continue;
    const slowHere = isSlow(score);
    if (of < RECENT_WINDOWS) {
      of++;
      if (slowHere) slow++;
    } else if (quiet >= RUN_ENDS_AFTER) break;
    if (slowHere && (quiet < RUN_ENDS_AFTER || from < 0)) from = i;
    quiet = slowHere ? 0 : quiet + 1;
  }
  return slow * 2 > of ? { from, slow, of } : null;
}

/** Over all sub-windows of the run, as if they were one. */
function scoreRun(
  series: StageSeries,
  w: number,
  from: number,
  model: LoadModel,
): { readonly score: StageScore | null; readonly sums: readonly number[] } {
  const sums = series.workers.map(() => new Array<number>(STAGE_SUMS).fill(0));
  for (let i = from; i < series.windows.length; i++) {
    series.sums[i]!.forEach((own, worker) => {
      if (own !== null) addSums(sums[worker]!, own);
    });
  }
  const present = sums.map((own) => (own[StageSum.count] === 0 ? null : own));
  const scores = scoreStage(present, loadOfStage(series.code, series.role), model);
  return { score: scores[w]!, sums: sums[w]! };
}

function causeOf(score: StageScore): 'load' | 'device' | 'both' {
  const loaded =
    score.loadRatio >= MIN_LOAD_RATIO && score.loadRatio >= MIN_LOAD_SHARE * score.excessRatio;
  if (score.score < SLOW_SCORE) return score.loadRatio > 0 ? 'load' : 'device';
  return loaded ? 'both' : 'device';
}

/** High: five sub-windows or more, nearly all of them slow, and enough workers to compare with. */
function confidenceOf(
  series: StageSeries,
  { slow, of }: Run,
  model: LoadModel,
): 'high' | 'medium' | 'low' {
  if (of < 2 || series.workers.length < MIN_SCORED_WORKERS) return 'low';
  const load = loadOfStage(series.code, series.role);
  const canSplit = load === null || load === 'bytes' || model[load.side].usable;
  return of >= 5 && slow >= 0.8 * of && canSplit ? 'high' : 'medium';
}

/** A worker that is slow in computing and in sending is `mixed`, whichever stage is listed. */
function classified(
  { isSend: _, ...one }: Straggler & { readonly isSend: boolean },
  all: readonly (Straggler & { readonly isSend: boolean })[],
): Straggler {
  const own = all.filter((other) => other.worker === one.worker);
  const sends = own.some((other) => other.isSend);
  const computes = own.some((other) => !other.isSend);
  const slow: StragglerClass = sends && computes ? 'mixed' : sends ? 'comm-slow' : 'compute-slow';
  return { ...one, class: slow };
}

function worstFirst(a: Straggler, b: Straggler): number {
  const worst = (one: Straggler): number => Math.max(one.score, one.rawScore ?? one.score);
  return worst(b) - worst(a) || (a.worker < b.worker ? -1 : a.worker > b.worker ? 1 : 0);
}

function computeByWorker(parts: readonly StageLoads[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { workers, worker, stage, sums: columns } of parts) {
    for (let row = 0; row < worker.length; row++) {
      const { id, role } = workers[worker[row]!]!;
      if (loadOfStage(stage[row]!, role) === 'bytes') continue;
      sums.set(id, (sums.get(id) ?? 0) + columns[row * STAGE_SUMS + StageSum.ns]!);
    }
  }
  return sums;
}

/** Events of the worker in all sub-windows. */
function totalCount(series: StageSeries, w: number): number {
  return series.sums.reduce((sum, row) => sum + (row[w]?.[StageSum.count] ?? 0), 0);
}
