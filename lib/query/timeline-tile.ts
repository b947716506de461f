/**
 * What a timeline draws of a window (`GET /api/v1/deployments/{id}/timeline/tile`), as a frame of
 * columns, at the detail that the window has room for:
 *
 *     few wanted events   the events, receives cut; bubbles by cause. Reads the steps around them
 *     up to 400,000 to read     bins made from the events of just these workers
 *     more                bins made from sums that are stored: slices of 50 ms, rollups beyond
 */
import { type UnixNanos, unixMsFromNanos, unixNanos } from '#lib/base/units.ts';
import type { TelemetryReader } from '#lib/store/telemetry-store.ts';
import { type ClockCell, clockCell, movingClocks } from './clock-near.ts';
import { ingestMarks } from './ingest-marks.ts';
import type { FrameBytes, TimelineTileQuestion } from './questions.ts';
import { type Tile, tileBytes } from './tile-answer.ts';
import { binsTile } from './tile-bins.ts';
import { eventsTile } from './tile-of-steps.ts';
import { gridOf } from './timeline-grid.ts';
import {
  sumsOfEvents,
  sumsOfSlices,
  sumsOfStoredRollups,
  sumsOfUnsummed,
} from './timeline-sources.ts';
import {
  lengthOf,
  MAX_ALIGNED_NS,
  rateOf,
  shownBins,
  type TimelineLimits,
  type TimelineTask,
  timelineTask,
} from './timeline-task.ts';

export const TILE_LIMITS: TimelineLimits = {
  maxEvents: 30_000,
  maxBinned: 400_000,
  maxCells: 131_072,
};

export async function timelineTileFrame(
  reader: TelemetryReader,
  question: TimelineTileQuestion,
  nowUnixNs: UnixNanos,
): Promise<FrameBytes> {
  return tileBytes(await timelineTile(reader, question, nowUnixNs));
}

/** @throws BadQuestionError @throws UnknownDeploymentError */
export async function timelineTile(
  reader: TelemetryReader,
  question: TimelineTileQuestion,
  nowUnixNs: UnixNanos,
  limits: TimelineLimits = TILE_LIMITS,
): Promise<Tile> {
  const task = await timelineTask(reader, question, nowUnixNs, limits);
  const { deployment, asked } = task;
  const eventsPerNs = await rateOf(task);
  const cell = await clockCell(reader, deployment, asked, eventsPerNs, nowUnixNs);
  const tile = (await ofEvents(task, cell, eventsPerNs)) ?? (await ofSums(task, cell));
  const { startUnixNs, endUnixNs } = tile.header.window;
  const window = {
    fromUnixNs: unixNanos(BigInt(startUnixNs)),
    toUnixNs: unixNanos(BigInt(endUnixNs)),
  };
  const marks = await ingestMarks(reader, deployment, window);
  if (marks.length === 0) return tile;
  return { ...tile, header: { ...tile.header, marks: [...tile.header.marks, ...marks] } };
}

/** null: there are too many events to read. */
async function ofEvents(
  task: TimelineTask,
  cell: ClockCell,
  eventsPerNs: number,
): Promise<Tile | null> {
  const { asked, overview, maxEvents, maxBinned, filter } = task;
  if (overview.events > maxBinned) return null;
  const grid = gridOf(asked, shownBins(task), 1);
  const clocks = lengthOf(asked) > MAX_ALIGNED_NS ? null : movingClocks(cell);
  // What rollups know nothing of is counted first.
  const few = overview.events > 0 && overview.events <= 1.5 * maxEvents;
  const tile = few ? await eventsTile(task, grid, cell, clocks, eventsPerNs) : null;
  if (tile !== null) return tile;
  const found = await sumsOfEvents(task, grid, clocks, true);
  if (found === null) return null;
  if (!few && found.sums.events <= maxEvents) {
    const rate = Math.max(eventsPerNs, found.events / lengthOf(grid.window));
    const events = await eventsTile(task, grid, cell, clocks, rate);
    if (events !== null) return events;
  }
  return binsTile(task, found, cell, { aligned: clocks !== null, filter });
}

async function ofSums(task: TimelineTask, cell: ClockCell): Promise<Tile> {
  const { filter } = task;
  const byStage = { ...filter, microbatch: null, peer: null };
  const options = { streams: true, filter: byStage };
  const slices = filter.layer === null ? await sumsOfSlices(task, options) : null;
  const found = slices ?? (await sumsOfStoredRollups(task, options));
  if (!found.sums.isEmpty) return binsTile(task, found, cell, { aligned: false, filter: byStage });
  const read = await sumsOfUnsummed(task, { streams: true, filter });
  const notes =
    read.readUntilUnixNs === null
      ? []
      : [
          `Nothing was summed up here, and there are too many events to read at once: only those up to ${rfc3339(read.readUntilUnixNs)} are shown. Zoom in to see the others.`,
        ];
  return binsTile(task, read, cell, { aligned: false, filter, notes });
}

/** To the second. */
function rfc3339(instant: UnixNanos): string {
  return `${new Date(unixMsFromNanos(instant)).toISOString().slice(0, 19)}Z`;
}
