/** Slow and hung workers of a window, with each worker's scores over time. */
import type { UnixNanos } from '#lib/base/units.ts';
import type { Assembled } from '#lib/model/assembled.ts';
import { selectWindow } from '#lib/model/select-window.ts';
import { windowOf } from './build-report.ts';
import type { ReportWindow } from './finish-report.ts';
import { hangPart, reportHangs } from './hang.ts';
import type { Hang } from './hang-types.ts';
import { keyTimes } from './key-times.ts';
import { fitLoadModel, type LoadModel, reportLoadModel } from './load-model.ts';
import { wholeSlice } from './slice.ts';
import { type StageLoads, StageSum, stageLoads } from './stage-loads.ts';
import type { StageScore } from './stage-scores.ts';
import type { LoadModelReport, Straggler } from './straggler-types.ts';
import type { StageSeries, StragglerWindows } from './straggler-windows.ts';
import { findStragglers } from './stragglers.ts';

export interface StragglerView {
  readonly stragglers: readonly Straggler[];
  readonly loadModel: LoadModelReport;
  readonly hangs: readonly Hang[];
  readonly trends: readonly StragglerTrend[];
}

/** Scores of a group's workers in a stage. */
export interface StragglerTrend {
  readonly group: string;
  readonly stage: string;
  readonly workers: readonly string[];
  /** Starts of the sub-windows, in seconds since 1970, and their length. */
  readonly startS: readonly number[];
  readonly spanS: number;
  /** Row-major by worker; null: too few events. */
  readonly scores: readonly (StageScore | null)[];
}

/** Stages with a smaller part of their group's compute are left out of the trends. */
const MIN_STAGE_SHARE = 0.05;

/** `untilUnixNs`: nothing came after the events until then. */
export function stragglerView(
  assembled: Assembled,
  window: ReportWindow,
  untilUnixNs: UnixNanos,
): StragglerView {
  const span = windowOf(assembled, window);
  const selected = selectWindow(assembled, span);
  const slice = wholeSlice(span);
  const loadModel = fitLoadModel(selected, keyTimes(selected), slice);
  const until = windowOf(assembled, { fromUnixNs: window.fromUnixNs, toUnixNs: untilUnixNs });
  return {
    ...viewOfLoads([stageLoads(selected, span)], loadModel, window.fromUnixNs),
    hangs: reportHangs([hangPart(selected, { ...slice, whole: until })], untilUnixNs),
  };
}

function viewOfLoads(
  parts: readonly StageLoads[],
  loadModel: LoadModel,
  fromUnixNs: UnixNanos,
): Omit<StragglerView, 'hangs'> {
  const { stragglers, windows } = findStragglers(parts, loadModel, fromUnixNs);
  return { stragglers, loadModel: reportLoadModel(loadModel), trends: trendsOf(windows) };
}

function trendsOf({ series, spanS }: StragglerWindows): StragglerTrend[] {
  const computeNs = new Map<string, number>();
  for (const one of series) {
    if (one.isSend) continue;
    computeNs.set(one.group, (computeNs.get(one.group) ?? 0) + totalNs(one));
  }
  return series
    .filter((one) => one.workers.length > 1)
    .filter((one) => one.isSend || totalNs(one) >= MIN_STAGE_SHARE * computeNs.get(one.group)!)
    .sort((a, b) => (a.group < b.group ? -1 : a.group > b.group ? 1 : a.code - b.code))
    .map((one) => ({
      group: one.group,
      stage: one.stage,
      workers: one.workers,
      startS: one.windows.map((window) => window * spanS),
      spanS,
      scores: one.workers.flatMap((_, w) => one.scores.map((row) => row[w] ?? null)),
    }));
}

function totalNs({ sums }: StageSeries): number {
  let total = 0;
  for (const row of sums) for (const own of row) total += own?.[StageSum.ns] ?? 0;
  return total;
}
