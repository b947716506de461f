/** What the tiles of a picture say together. */
import type { Problem } from '#lib/api/problem.ts';
import type { TimelineRow } from '#lib/api/timeline-tile.ts';
import type { LoadedTile } from '#lib/view/timeline-boxes.ts';
import { shownMarks } from '#lib/view/timeline-marks.ts';
import type { TimelineWorker } from '#lib/view/timeline-rows.ts';
import type { TilePiece } from '#lib/view/timeline-tiles.ts';
import type { TimelineInfo } from './timeline-store.ts';

export function workersOf(pieces: readonly TilePiece<LoadedTile>[]): readonly TimelineWorker[] {
  return pieces.flatMap(({ tile }) => tile.tile.header.rows);
}

export function infoOf(
  pieces: readonly TilePiece<LoadedTile>[],
  faded: readonly TilePiece<LoadedTile>[],
  workers: readonly TimelineWorker[],
  events: number,
  loading: number,
  problem: Problem | null,
): TimelineInfo {
  const headers = [...new Set(pieces.map(({ tile }) => tile))].map(({ tile }) => tile.header);
  const isAllEvents = headers.length > 0 && headers.every(({ detail }) => detail === 'events');
  const hidden = Math.max(0, ...headers.map(({ hiddenWorkers }) => hiddenWorkers));
  return {
    workers,
    rows: meanRows(headers.flatMap(({ rows }) => rows)),
    stages: [
      ...new Set([
        ...headers.flatMap(({ stages }) => stages),
        ...faded.flatMap(({ tile }) => tile.tile.header.stages),
      ]),
    ],
    causes: [...new Set(headers.flatMap(({ causes }) => causes))],
    notes: [
      ...new Set(headers.flatMap(({ notes }) => notes)),
      ...(hidden > 0 ? [`${hidden} workers are not shown for want of room.`] : []),
    ],
    detail: headers.length === 0 ? null : isAllEvents ? 'events' : 'bins',
    source: headers.find(({ source }) => source !== 'events')?.source ?? headers[0]?.source ?? null,
    marks: shownMarks(pieces),
    aligned: headers.some(({ aligned }) => aligned),
    events,
    loading,
    problem,
  };
}

/** One row a worker; its busy share is the mean over the tiles, the clock that of the last one. */
function meanRows(rows: readonly TimelineRow[]): readonly TimelineRow[] {
  const byWorker = new Map<string, TimelineRow[]>();
  for (const row of rows) {
    const own = byWorker.get(row.workerId);
    if (own === undefined) byWorker.set(row.workerId, [row]);
    else own.push(row);
  }
  return [...byWorker.values()].map((own) => {
    const known = own.flatMap(({ busyRatio }) => (busyRatio === null ? [] : [busyRatio]));
    const busyRatio =
      known.length === 0 ? null : known.reduce((sum, ratio) => sum + ratio, 0) / known.length;
    return { ...own.at(-1)!, busyRatio };
  });
}
