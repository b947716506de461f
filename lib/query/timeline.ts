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
import { DEFAULT_TIMELINE_BINS, MAX_TIMELINE_BINS, type Timeline } from '#lib/api/timeline.ts';
import { NS_PER_S, type UnixNanos, unixNanos } from '#lib/base/units.ts';
import type { ClockAlignment } from '#lib/model/clock-alignment.ts';
import type { RollupPart, TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import { KINDS } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { earlierOf } from '#lib/table/instants.ts';
import { roleOf, type StageBands } from '#lib/table/stage-bands.ts';
import { SLICES_PER_SECOND, STAGE_ROLLUP_RESOLUTIONS_NS } from '#lib/table/stage-rollups.ts';
import { alignedEvents, clocksNear } from './clock-near.ts';
import { BadQuestionError } from './errors.ts';
import { type Overview, overviewOf } from './overview.ts';
import type { TimelineQuestion } from './questions.ts';
import { TimelineSums } from './timeline-bins.ts';
import { eventsAnswer } from './timeline-events.ts';
import { gridOf, type TimelineGrid } from './timeline-grid.ts';
import { requireDeployment, windowOrNewest } from './window.ts';

const DEFAULT_SPAN_NS = 10 * NS_PER_S;
/** Longer windows show raw times. */
const MAX_ALIGNED_NS = 20 * NS_PER_S;
const MAX_ROWS = 512;
/** Shown one by one. */
const MAX_EVENTS = 20_000;
/** Read for one answer: about 60 ms of work. */
const MAX_BINNED_EVENTS = 500_000;
/** Bins in an answer, over workers and stages: as JSON, some megabytes. */
const MAX_CELLS = 98_304;
/** Seconds of one worker whose slices are read for one answer. */
const MAX_SLICE_ROWS = 1200;
/** Rows of bands, times workers, that are read for one answer. */
const MAX_BAND_ROWS = 1500;
const MAX_BAND_WORKERS = 160_000;

/** 2116-02-20: twice that is the last instant of 64 bits. */
const LAST_UNIX_NS = unixNanos(2n ** 62n);

const SLICE_NS = NS_PER_S / SLICES_PER_SECOND;

/** `maxEvents` and `maxBinned`: how many events are shown, and how many are read to make bins. */
export async function timeline(
  reader: TelemetryReader,
  question: TimelineQuestion,
  nowUnixNs: UnixNanos,
  maxEvents: number = MAX_EVENTS,
  maxBinned: number = MAX_BINNED_EVENTS,
): Promise<Timeline> {
  const asked = storable(windowOrNewest(question, nowUnixNs, DEFAULT_SPAN_NS));
  const bins = binsOf(question.bins);
  const { deployment } = question;
  await requireDeployment(reader, deployment);
  const workers = workersOf(question.workers);
  const overview = await overviewOf(reader, deployment, asked, workers);
  const limits = { maxEvents, maxBinned };
  const task: Task = { reader, deployment, asked, bins, workers, overview, nowUnixNs, ...limits };
  return (await fromEvents(task)) ?? (await fromSlices(task)) ?? (await fromRollups(task));
}

/** The grid around the window must fit 64 bits, as instants in the store do. */
function storable({ fromUnixNs, toUnixNs }: TimeWindow): TimeWindow {
  if (fromUnixNs < LAST_UNIX_NS) {
    return { fromUnixNs, toUnixNs: earlierOf(toUnixNs, LAST_UNIX_NS) };
  }
  throw new BadQuestionError('from', 'Nothing is stored beyond 2115.');
}

interface Task {
  readonly reader: TelemetryReader;
  readonly deployment: string;
  readonly asked: TimeWindow;
  readonly bins: number;
  /** undefined: all. */
  readonly workers: readonly string[] | undefined;
  readonly overview: Overview;
  readonly nowUnixNs: UnixNanos;
  readonly maxEvents: number;
  readonly maxBinned: number;
}

/** null: there are too many events to read. */
async function fromEvents(task: Task): Promise<Timeline | null> {
  const { reader, deployment, workers, overview, maxEvents, maxBinned } = task;
  if (overview.events > maxBinned) return null;
  const grid = gridOf(task.asked, shownBins(task), 1);
  const selection = {
    deployment,
    window: grid.window,
    ...(workers === undefined ? {} : { workers }),
  };
  const sums = new TimelineSums(grid);
  const few: EventTable[] = [];
  let events = 0;
  const clocks = await clocksOf(task, grid.window);
  for await (const table of alignedEvents(reader, selection, clocks)) {
    events += table.length;
    // The window of the grid is at most twice the asked one; what rollups did not know counts too.
    if (events > 2 * maxBinned) return null;
    if (events <= maxEvents) few.push(table);
    sums.addEvents(table);
  }
  const aligned = clocks !== null;
  if (events > maxEvents) return { ...binned(task, sums, grid, 'events', 0), aligned };
  const { rows, hidden, stages, events: listed } = eventsAnswer(few, grid.window, MAX_ROWS);
  return {
    ...frame(task, grid.window, 'events', 0),
    rows: rows.map((row) => ({ ...row })),
    hiddenWorkers: hidden,
    stages: [...stages],
    events: listed,
    bins: null,
    aligned,
  };
}

/** null: nothing to align, or the window is so long that a bin is wider than clocks are apart. */
async function clocksOf(task: Task, window: TimeWindow): Promise<ClockAlignment | null> {
  const { reader, deployment, asked, workers, overview, nowUnixNs } = task;
  const lengthNs = Number(window.toUnixNs - window.fromUnixNs);
  if (lengthNs > MAX_ALIGNED_NS) return null;
  const all = workers === undefined ? overview : await overviewOf(reader, deployment, asked);
  const eventsPerNs = all.events / Number(asked.toUnixNs - asked.fromUnixNs);
  return clocksNear(reader, deployment, window, eventsPerNs, nowUnixNs);
}

/** null: slices are gone, too many, or finer than asked. */
async function fromSlices(task: Task): Promise<Timeline | null> {
  const { reader, deployment, asked, workers, overview } = task;
  const lengthNs = Number(asked.toUnixNs - asked.fromUnixNs);
  if (lengthNs / shownBins(task) > NS_PER_S / 2) return null;
  const grid = gridOf(asked, shownBins(task), SLICE_NS);
  const seconds = Number(grid.window.toUnixNs - grid.window.fromUnixNs) / NS_PER_S;
  if (seconds * overview.workers > MAX_SLICE_ROWS) return null;
  const parts = await reader.rollupParts(partsOf(task, grid.window, NS_PER_S));
  if (parts.some(({ resolutionNs }) => resolutionNs !== NS_PER_S)) return null;
  const sums = new TimelineSums(grid);
  const selection = { deployment, window: grid.window };
  const rows = await reader.stageSlices(
    workers === undefined ? selection : { ...selection, workers },
  );
  for (const row of rows) sums.addSlices(row);
  return sums.isEmpty ? null : binned(task, sums, grid, 'slices', SLICE_NS);
}

async function fromRollups(task: Task): Promise<Timeline> {
  const { reader, deployment, asked, overview, workers } = task;
  const lengthNs = Number(asked.toUnixNs - asked.fromUnixNs);
  const most = Math.min(MAX_BAND_ROWS, MAX_BAND_WORKERS / Math.max(1, overview.workers));
  const fineNs =
    STAGE_ROLLUP_RESOLUTIONS_NS.find((levelNs) => lengthNs / levelNs <= most) ??
    STAGE_ROLLUP_RESOLUTIONS_NS.at(-1)!;
  const parts = await reader.rollupParts(partsOf(task, asked, fineNs));
  // Where fine rows are deleted, bins are as wide as those that are left.
  const levelNs = Math.max(fineNs, ...parts.map(({ resolutionNs }) => resolutionNs));
  const grid = gridOf(asked, shownBins(task), levelNs);
  const sums = new TimelineSums(grid);
  const wanted = workers === undefined ? null : new Set(workers);
  const takes = ({ workerId }: { readonly workerId: string }): boolean =>
    wanted === null || wanted.has(workerId);
  const all = await reader.rollupParts(partsOf(task, grid.window, fineNs));
  for (const bands of await bandsOf(reader, deployment, all)) sums.addBands(bands, takes);
  if (sums.isEmpty && !(await isEmpty(task))) {
    throw new BadQuestionError(
      'from',
      'The window holds more events than one answer may read, and has no rollups: ask for a shorter one.',
    );
  }
  return binned(task, sums, grid, 'rollups', fineNs);
}

/** Does no event start there? */
async function isEmpty({ reader, deployment, asked, workers }: Task): Promise<boolean> {
  const selection = { deployment, window: asked };
  const scan = reader.scanEvents(workers === undefined ? selection : { ...selection, workers });
  const binNs = Number(asked.toUnixNs - asked.fromUnixNs);
  const sums = new TimelineSums({ binNs, length: 1, window: asked });
  for await (const table of scan) {
    sums.addEvents(table);
    if (!sums.isEmpty) return false;
  }
  return true;
}

async function bandsOf(
  reader: TelemetryReader,
  deployment: string,
  parts: readonly RollupPart[],
): Promise<StageBands[]> {
  const found: StageBands[] = [];
  for (const part of parts) {
    for (const bands of await reader.stageBands({ deployment, ...part })) found.push(bands);
  }
  return found;
}

function partsOf({ deployment }: Task, window: TimeWindow, levelNs: number) {
  const kind = 'stage' as const;
  return { kind, deployment, window, finestNs: levelNs, coarsestNs: levelNs };
}

function binned(
  task: Task,
  sums: TimelineSums,
  grid: TimelineGrid,
  source: Timeline['source'],
  resolutionNs: number,
): Timeline {
  const { rows, hidden, stages, bins } = sums.finish(MAX_ROWS);
  return {
    ...frame(task, grid.window, source, resolutionNs),
    rows: rows.map((row) => ({ ...row, role: roleOf(row.role) })),
    hiddenWorkers: hidden,
    stages: [...stages],
    events: null,
    bins,
  };
}

function frame(
  { deployment }: Task,
  { fromUnixNs, toUnixNs }: TimeWindow,
  source: Timeline['source'],
  resolutionNs: number,
) {
  return {
    deployment,
    window: {
      startUnixNs: String(fromUnixNs),
      endUnixNs: String(toUnixNs),
      durationNs: Number(toUnixNs - fromUnixNs),
    },
    kinds: [...KINDS],
    source,
    resolutionNs,
  };
}

/** Fewer bins where many workers would make the answer too large. */
function shownBins({ bins, overview }: Task): number {
  const lanes = Math.max(1, Math.min(MAX_ROWS, overview.workers)) * overview.stages;
  return Math.max(16, Math.min(bins, Math.floor(MAX_CELLS / lanes)));
}

function binsOf(text: string | undefined): number {
  if (text === undefined) return DEFAULT_TIMELINE_BINS;
  const bins = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (bins >= 1 && bins <= MAX_TIMELINE_BINS) return bins;
  throw new BadQuestionError(
    'bins',
    `"${text}" is not a number of bins: write 1 to ${MAX_TIMELINE_BINS}.`,
  );
}

/** "attention/0,ffn/3": ids with a comma in them cannot be asked for alone. */
function workersOf(text: string | undefined): readonly string[] | undefined {
  if (text === undefined) return undefined;
  const ids = [...new Set(text.split(',').map((id) => id.trim()))].filter((id) => id !== '');
  if (ids.length === 0 || ids.length > MAX_ROWS) {
    throw new BadQuestionError(
      'workers',
      `Name 1 to ${MAX_ROWS} workers, such as attention/0,ffn/3.`,
    );
  }
  return ids;
}
