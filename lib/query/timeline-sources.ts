/**
 * Where the bins of a timeline come from, the finest first: events, slices of 50 ms, rollups. Each
 * counts an event where it starts and keeps minimum and maximum. Bins of events are in aligned time;
 * stored sums are by raw time.
 */
import { addNanos, NS_PER_S, type UnixNanos } from '#lib/base/units.ts';
import type { ClockAlignment } from '#lib/model/clock-alignment.ts';
import type { RollupPart, TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { StageBands } from '#lib/table/stage-bands.ts';
import { SLICES_PER_SECOND, STAGE_ROLLUP_RESOLUTIONS_NS } from '#lib/table/stage-rollups.ts';
import { alignedEvents } from './clock-near.ts';
import { BadQuestionError } from './errors.ts';
import { type SumsOptions, TimelineSums } from './timeline-bins.ts';
import { gridOf, type TimelineGrid } from './timeline-grid.ts';
import { lengthOf, shownBins, type TimelineTask } from './timeline-task.ts';
import { roughEvents } from './whole-steps.ts';

/** Seconds of one worker whose slices are read for one answer. */
const MAX_SLICE_ROWS = 1200;
/** Rows of bands, times workers, that are read for one answer. */
const MAX_BAND_ROWS = 1500;
const MAX_BAND_WORKERS = 160_000;
/** Rows of single workers, by stage and layer, that are read for one answer. */
const MAX_LAYER_ROWS = 600;

const SLICE_NS = NS_PER_S / SLICES_PER_SECOND;

export interface BinSource {
  readonly source: 'events' | 'slices' | 'rollups';
  readonly sums: TimelineSums;
  readonly grid: TimelineGrid;
  /** Of the finest sums; 0 from events. */
  readonly resolutionNs: number;
}

export interface EventSums extends BinSource {
  readonly source: 'events';
  /** Read, whatever the filter: about those that overlap the grid's window. */
  readonly events: number;
  /** All of them, where there are at most `maxEvents` and streams are not told apart. */
  readonly few: readonly EventTable[];
}

/** Of the task's workers, in the time of `clocks`. null: there are too many events to read. */
export async function sumsOfEvents(
  task: TimelineTask,
  grid: TimelineGrid,
  clocks: ClockAlignment | null,
  streams = false,
): Promise<EventSums | null> {
  const { reader, deployment, workers, filter, maxEvents, maxBinned } = task;
  if (task.overview.events > maxBinned) return null;
  const columns = { measures: [], lists: ['peers'] } as const;
  const selection = { deployment, window: grid.window, columns, ...ofWorkers(workers) };
  const sums = new TimelineSums(grid, { streams, filter });
  const few: EventTable[] = [];
  let events = 0;
  // Sums look at starts themselves; single events must overlap the window.
  const read = streams ? roughEvents : alignedEvents;
  for await (const table of read(reader, selection, clocks)) {
    events += table.length;
    // The window of the grid is at most twice the asked one; what rollups did not know counts too.
    if (events > 2 * maxBinned) return null;
    if (!streams && events <= maxEvents) few.push(table);
    sums.addEvents(table);
  }
  return { source: 'events', sums, grid, resolutionNs: 0, events, few };
}

/** Events that are read for one answer where nothing was summed up: about a second of work. */
const MAX_UNSUMMED_EVENTS = 4_000_000;

export interface UnsummedBins extends BinSource {
  readonly source: 'events';
  /** null: everything was read; else what lies before it was, more or less. */
  readonly readUntilUnixNs: UnixNanos | null;
}

/**
 * Of a deployment that was stored without sums (imported, or of long ago): by raw time, from the oldest
 * on, until too many events were read.
 */
export async function sumsOfUnsummed(
  task: TimelineTask,
  options: SumsOptions = {},
  maxEvents: number = MAX_UNSUMMED_EVENTS,
): Promise<UnsummedBins> {
  const { reader, deployment, workers, asked } = task;
  const grid = gridOf(asked, shownBins(task), 1);
  const sums = new TimelineSums(grid, options);
  const columns = { measures: [], lists: ['peers'] } as const;
  const selection = { deployment, window: grid.window, columns, ...ofWorkers(workers) };
  let events = 0;
  let readUntilUnixNs: UnixNanos | null = null;
  for await (const table of roughEvents(reader, selection, null)) {
    sums.addEvents(table);
    events += table.length;
    if (events < maxEvents) continue;
    readUntilUnixNs = addNanos(table.baseUnixNs, Math.floor(table.startNs[0] ?? 0));
    break;
  }
  return { source: 'events', sums, grid, resolutionNs: 0, readUntilUnixNs };
}

/** null: slices are gone, too many, or finer than asked. */
export async function sumsOfSlices(
  task: TimelineTask,
  options: SumsOptions = {},
): Promise<BinSource | null> {
  const { reader, deployment, asked, workers, overview } = task;
  if (lengthOf(asked) / shownBins(task) > NS_PER_S / 2) return null;
  const grid = gridOf(asked, shownBins(task), SLICE_NS);
  if ((lengthOf(grid.window) / NS_PER_S) * overview.workers > MAX_SLICE_ROWS) return null;
  const parts = await reader.rollupParts(partsOf(task, grid.window, NS_PER_S));
  if (parts.some(({ resolutionNs }) => resolutionNs !== NS_PER_S)) return null;
  const sums = new TimelineSums(grid, options);
  const selection = { deployment, window: grid.window, ...ofWorkers(workers) };
  for (const row of await reader.stageSlices(selection)) sums.addSlices(row);
  return sums.isEmpty ? null : { source: 'slices', sums, grid, resolutionNs: SLICE_NS };
}

/** @throws BadQuestionError where the window has events, too many to read, and no rollups. */
export async function sumsOfRollups(task: TimelineTask): Promise<BinSource> {
  const found = await sumsOfStoredRollups(task);
  if (!found.sums.isEmpty || (await isEmpty(task))) return found;
  throw new BadQuestionError(
    'from',
    'The window holds more events than one answer may read, and has no rollups: ask for a shorter one.',
  );
}

/** Empty where there are none. */
export async function sumsOfStoredRollups(
  task: TimelineTask,
  options: SumsOptions = {},
): Promise<BinSource> {
  const { reader, deployment, asked, overview, workers } = task;
  const layer = options.filter?.layer ?? null;
  const most =
    layer === null
      ? Math.min(MAX_BAND_ROWS, MAX_BAND_WORKERS / Math.max(1, overview.workers))
      : Math.max(1, MAX_LAYER_ROWS / Math.max(1, overview.workers));
  const fineNs =
    STAGE_ROLLUP_RESOLUTIONS_NS.find((levelNs) => lengthOf(asked) / levelNs <= most) ??
    STAGE_ROLLUP_RESOLUTIONS_NS.at(-1)!;
  const parts = await reader.rollupParts(partsOf(task, asked, fineNs));
  // Where fine rows are deleted, bins are as wide as those that are left.
  const levelNs = Math.max(fineNs, ...parts.map(({ resolutionNs }) => resolutionNs));
  const grid = gridOf(asked, shownBins(task), levelNs);
  const sums = new TimelineSums(grid, options);
  const all = await reader.rollupParts(partsOf(task, grid.window, fineNs));
  if (layer === null) {
    const wanted = workers === undefined ? null : new Set(workers);
    const takes = ({ workerId }: { readonly workerId: string }): boolean =>
      wanted === null || wanted.has(workerId);
    for (const bands of await bandsOf(reader, deployment, all)) sums.addBands(bands, takes);
  } else {
    for (const part of all) {
      const selection = { deployment, ...part, ...ofWorkers(workers), sketches: false };
      for (const row of await reader.stageRollups(selection)) sums.addRollup(row);
    }
  }
  return { source: 'rollups', sums, grid, resolutionNs: fineNs };
}

/** Does no event start there? */
async function isEmpty({ reader, deployment, asked, workers }: TimelineTask): Promise<boolean> {
  const sums = new TimelineSums({ binNs: lengthOf(asked), length: 1, window: asked });
  const selection = { deployment, window: asked, ...ofWorkers(workers) };
  for await (const table of reader.scanEvents(selection)) {
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

function partsOf({ deployment }: TimelineTask, window: TimeWindow, levelNs: number) {
  const kind = 'stage' as const;
  return { kind, deployment, window, finestNs: levelNs, coarsestNs: levelNs };
}

function ofWorkers(workers: readonly string[] | undefined) {
  return workers === undefined ? {} : { workers };
}
