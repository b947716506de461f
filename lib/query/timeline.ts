/**
 * What workers did in a window (`GET /api/v1/deployments/{id}/timeline`), at the detail that the
 * window has room for:
 *
 *     few events          the events themselves
 *     up to half a million  bins made from the events of just these workers
 *     more                bins made from sums that are stored: slices of 50 ms, rollups beyond
 *
 * Every detail counts an event where it starts and keeps minimum and maximum. Events, and bins made of
 * them, are in aligned time; stored sums are by raw time.
 */
import type { Timeline } from '#lib/api/timeline.ts';
import type { UnixNanos } from '#lib/base/units.ts';
import type { TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import { KINDS } from '#lib/table/codes.ts';
import { roleOf } from '#lib/table/stage-bands.ts';
import type { TimelineQuestion } from './questions.ts';
import { eventsAnswer } from './timeline-events.ts';
import { gridOf } from './timeline-grid.ts';
import { type BinSource, sumsOfEvents, sumsOfRollups, sumsOfSlices } from './timeline-sources.ts';
import { clocksOf, MAX_ROWS, shownBins, type TimelineTask, timelineTask } from './timeline-task.ts';
import { windowJson } from './window.ts';

/** Shown one by one. */
const MAX_EVENTS = 20_000;
/** Read for one answer: about 60 ms of work. */
const MAX_BINNED_EVENTS = 500_000;
/** Bins in an answer, over workers and stages: as JSON, some megabytes. */
const MAX_CELLS = 98_304;

/** `maxEvents` and `maxBinned`: how many events are shown, and how many are read to make bins. */
export async function timeline(
  reader: TelemetryReader,
  question: TimelineQuestion,
  nowUnixNs: UnixNanos,
  maxEvents: number = MAX_EVENTS,
  maxBinned: number = MAX_BINNED_EVENTS,
): Promise<Timeline> {
  const limits = { maxEvents, maxBinned, maxCells: MAX_CELLS };
  const task = await timelineTask(reader, question, nowUnixNs, limits);
  const found = await fromEvents(task);
  if (found !== null) return found;
  return binned(task, (await sumsOfSlices(task)) ?? (await sumsOfRollups(task)));
}

/** null: there are too many events to read. */
async function fromEvents(task: TimelineTask): Promise<Timeline | null> {
  if (task.overview.events > task.maxBinned) return null;
  const grid = gridOf(task.asked, shownBins(task), 1);
  const clocks = await clocksOf(task, grid.window);
  const found = await sumsOfEvents(task, grid, clocks);
  if (found === null) return null;
  const aligned = clocks !== null;
  if (found.events > task.maxEvents) return { ...binned(task, found), aligned };
  const { rows, hidden, stages, events } = eventsAnswer(found.few, grid.window, MAX_ROWS);
  return {
    ...frame(task, grid.window, found),
    rows: rows.map((row) => ({ ...row })),
    hiddenWorkers: hidden,
    stages: [...stages],
    events,
    bins: null,
    aligned,
  };
}

function binned(task: TimelineTask, found: BinSource): Timeline {
  const { rows, hidden, stages, bins } = found.sums.finish(MAX_ROWS);
  return {
    ...frame(task, found.grid.window, found),
    rows: rows.map((row) => ({ ...row, role: roleOf(row.role) })),
    hiddenWorkers: hidden,
    stages: [...stages],
    events: null,
    bins,
  };
}

function frame(
  { deployment }: TimelineTask,
  window: TimeWindow,
  { source, resolutionNs }: Pick<BinSource, 'source' | 'resolutionNs'>,
) {
  return { deployment, window: windowJson(window), kinds: [...KINDS], source, resolutionNs };
}
