/**
 * What an area of a timeline holds (`GET /deployments/{id}/timeline/stats`): exact from events, while
 * they are few enough to be read, else from rollups.
 *
 *     steps around the window can be assembled   receives cut, waiting by cause
 *     events of the asked workers can be read    receives whole
 *     more                                       whole buckets; quantiles by sketch
 */
import { causeSegments } from '#lib/analysis/cause-segments.ts';
import { CAUSES } from '#lib/analysis/causes.ts';
import { wholeSlice } from '#lib/analysis/slice.ts';
import type { TimelineStats } from '#lib/api/timeline-stats.ts';
import type { UnixNanos } from '#lib/base/units.ts';
import type { TelemetryReader } from '#lib/store/telemetry-store.ts';
import { wantedRow } from './event-filter.ts';
import type { TimelineTileQuestion } from './questions.ts';
import { rollupStats } from './rollup-stats.ts';
import { namedCauses, StageStats } from './stage-stats.ts';
import { TileEvents } from './tile-events.ts';
import {
  clocksOf,
  lengthOf,
  rateOf,
  type TimelineLimits,
  type TimelineTask,
  timelineTask,
} from './timeline-task.ts';
import { windowJson } from './window.ts';
import { type WindowSteps, windowOfWorkers, windowSteps, workersOfSteps } from './window-steps.ts';

const LIMITS: TimelineLimits = { maxEvents: 200_000, maxBinned: 1_000_000, maxCells: 1 };

/** `maxEvents`: assembled with their steps; `maxBinned`: read without. */
export async function timelineStats(
  reader: TelemetryReader,
  question: TimelineTileQuestion,
  nowUnixNs: UnixNanos,
  limits: TimelineLimits = LIMITS,
): Promise<TimelineStats> {
  const task = await timelineTask(reader, question, nowUnixNs, limits);
  return (await eventStats(task)) ?? (await rollupStats(task));
}

/** null: too many events. */
async function eventStats(task: TimelineTask): Promise<TimelineStats | null> {
  const { reader, deployment, asked, overview, workers, maxEvents, maxBinned } = task;
  if (overview.events > maxBinned) return null;
  const rate = await rateOf(task);
  const clocks = await clocksOf(task, asked);
  if (!(await isReadable(task))) return null;
  const isShort = rate * lengthOf(asked) <= maxEvents;
  const steps = isShort ? await windowSteps(reader, deployment, asked, clocks, rate) : null;
  if (steps !== null) return statsOf(task, steps);
  return statsOf(task, await windowOfWorkers(reader, deployment, asked, clocks, workers));
}

/** Rollups lag, and may be missing: then only counting tells. */
async function isReadable({
  reader,
  deployment,
  asked,
  workers,
  overview,
  maxBinned,
}: TimelineTask): Promise<boolean> {
  if (overview.events > 0) return true;
  const columns = { measures: [], lists: [] } as const;
  const selection = {
    deployment,
    window: asked,
    columns,
    ...(workers === undefined ? {} : { workers }),
  };
  let events = 0;
  for await (const table of reader.scanEvents(selection)) {
    events += table.length;
    if (events > maxBinned) return false;
  }
  return true;
}

function statsOf(task: TimelineTask, steps: WindowSteps): TimelineStats {
  const { deployment, asked, filter } = task;
  const { assembled, window } = steps;
  const { events } = assembled;
  const workers = workersOfSteps(steps, deployment, task.workers);
  const present = workers.flatMap(({ index }) => (index < 0 ? [] : [index]));
  const windowNs = lengthOf(asked);
  const groups = new Map<string, number>();
  for (const { group } of workers) groups.set(group, (groups.get(group) ?? 0) + windowNs);
  const parts = new TileEvents(
    assembled,
    window,
    present,
    wantedRow(events, filter),
    steps.kind !== 'window',
  );
  const stats = new StageStats();
  const series = new Map<number, ReturnType<StageStats['seriesOf']>>();
  parts.forEach((row, kind, startNs, endNs) => {
    const key = (events.worker[row]! * 65_536 + events.stage[row]!) * 8 + kind;
    let own = series.get(key);
    if (own === undefined) {
      const { group } = events.workers[events.worker[row]!]!;
      own = stats.seriesOf(group, events.stageNames[events.stage[row]!]!, kind);
      series.set(key, own);
    }
    const insideNs = Math.min(endNs, window.toNs) - Math.max(startNs, window.fromNs);
    stats.add(own, endNs - startNs, insideNs);
  });
  return {
    deployment,
    window: windowJson(asked),
    workers: workers.length,
    exactness: 'raw',
    ...stats.finish(groups),
    causes: steps.kind === 'steps' ? causesOf(steps, present, windowNs * workers.length) : [],
  };
}

function causesOf(
  { assembled, window }: WindowSteps,
  workers: readonly number[],
  wholeNs: number,
): TimelineStats['causes'] {
  const sums = new Float64Array(CAUSES.length);
  for (const { startNs, endNs, cause } of causeSegments(
    assembled,
    window,
    workers,
    wholeSlice(window),
  )) {
    for (let i = 0; i < startNs.length; i++) {
      sums[cause[i]!] = sums[cause[i]!]! + endNs[i]! - startNs[i]!;
    }
  }
  return namedCauses(sums, wholeNs);
}
