/** A tile of single events: those of the window, cut and explained by the steps around them. */
import type { Assembled } from '#lib/model/assembled.ts';
import type { ClockAlignment } from '#lib/model/clock-alignment.ts';
import type { WindowNs } from '#lib/model/select-window.ts';
import { Kind } from '#lib/table/codes.ts';
import type { ClockCell } from './clock-near.ts';
import { wantedRow } from './event-filter.ts';
import { type Tile, tileHeader } from './tile-answer.ts';
import { emptyBubbles, tileBubbles } from './tile-bubbles.ts';
import { TileEvents } from './tile-events.ts';
import { MAX_MARKS, missingSteps } from './tile-marks.ts';
import { tileRow } from './tile-rows.ts';
import type { TimelineGrid } from './timeline-grid.ts';
import { MAX_ROWS, type TimelineTask } from './timeline-task.ts';
import { type WindowSteps, windowOfWorkers, windowSteps, workersOfSteps } from './window-steps.ts';

/** null: more events than are shown one by one. */
export async function eventsTile(
  task: TimelineTask,
  grid: TimelineGrid,
  cell: ClockCell,
  clocks: ClockAlignment | null,
  eventsPerNs: number,
): Promise<Tile | null> {
  const { reader, deployment, filter, maxEvents } = task;
  const steps =
    (await windowSteps(reader, deployment, grid.window, clocks, eventsPerNs)) ??
    (await windowOfWorkers(reader, deployment, grid.window, clocks, task.workers));
  const { assembled, window } = steps;
  const workers = workersOfSteps(steps, deployment, task.workers);
  const shown = workers.slice(0, MAX_ROWS);
  const indexes = shown.map(({ index }) => index);
  const present = indexes.filter((index) => index >= 0);
  const isWanted = wantedRow(assembled.events, filter);
  const isCut = steps.kind !== 'window';
  const parts = new TileEvents(assembled, window, present, isWanted, isCut);
  if (parts.length > 2 * maxEvents) return null;
  const rowOf = new Map(indexes.map((index, row) => [index, row]));
  const { columns, stages } = parts.columns(rowOf);
  const rowOfId = new Map(shown.map((worker, row) => [worker.workerId, row]));
  const marks =
    steps.survey === null ? [] : missingSteps(steps.survey, steps.surveyWindow, rowOfId);
  const aligned = clocks !== null;
  const busy = isCut ? (index: number) => busyRatio(assembled, window, index) : () => null;
  return {
    header: tileHeader(task, grid.window, {
      detail: 'events',
      source: 'events',
      resolutionNs: 0,
      binNs: 0,
      aligned,
      receivesCut: isCut,
      rows: shown.map((worker) => tileRow(worker, cell, aligned, busy(worker.index))),
      hiddenWorkers: workers.length - shown.length,
      stages: [...stages],
      marks,
      notes: notesOf(steps, marks.length),
    }),
    columns: {
      ...columns,
      ...(steps.kind === 'steps' ? tileBubbles(assembled, window, indexes) : emptyBubbles()),
    },
  };
}

function notesOf({ kind }: WindowSteps, marks: number): string[] {
  const notes: string[] = [];
  if (kind === 'part') {
    notes.push(
      'Steps around this window hold too many events to look at all of them: receives are cut by the sends nearby, and causes of waiting are left out.',
    );
  }
  if (kind === 'window') {
    notes.push(
      'Steps around this window hold too many events: receives are not cut, and causes of waiting are left out.',
    );
  }
  if (marks >= MAX_MARKS) notes.push(`More than ${MAX_MARKS} gaps: only the first are marked.`);
  return notes;
}

/** Share of the window in which something computed. */
function busyRatio(
  { events, endNs, offsets }: Assembled,
  { fromNs, toNs }: WindowNs,
  worker: number,
): number {
  let busyNs = 0;
  let reachedNs = fromNs;
  const last = worker < 0 ? 0 : offsets[worker + 1]!;
  for (let row = worker < 0 ? 0 : offsets[worker]!; row < last; row++) {
    if (events.startNs[row]! >= toNs) break;
    if (events.kind[row] !== Kind.compute || endNs[row]! <= reachedNs) continue;
    const end = Math.min(endNs[row]!, toNs);
    busyNs += end - Math.max(events.startNs[row]!, reachedNs);
    reachedNs = end;
  }
  return busyNs / (toNs - fromNs);
}
