/** From one event to the next: along a row, and to the row beside it. */
import type { LoadedTile, Segment } from './timeline-boxes.ts';
import { eventOf } from './timeline-hit.ts';
import type { TimelineEvent } from './timeline-selection.ts';
import type { TilePiece } from './timeline-tiles.ts';

/** The event of a worker's stream that starts next after, or before, another; null: none is loaded. */
export function eventBeside(
  pieces: readonly TilePiece<LoadedTile>[],
  worker: number,
  stream: number,
  atUnixNs: bigint,
  direction: 'next' | 'previous',
): TimelineEvent | null {
  let best: TimelineEvent | null = null;
  for (const { tile } of pieces) {
    const segment = segmentOf(tile, worker, stream);
    if (segment === null || tile.tile.detail !== 'events') continue;
    const { startNs } = tile.tile.columns;
    const offsetNs = Number(atUnixNs - BigInt(tile.tile.header.window.startUnixNs));
    const first = firstFrom(
      startNs,
      segment,
      direction === 'next' ? offsetNs + 0.5 : offsetNs - 0.5,
    );
    const row = direction === 'next' ? first : first - 1;
    if (row < segment.firstRow || row >= segment.endRow) continue;
    const event = eventOf(tile, row);
    if (event === null) continue;
    const isNearer =
      best === null ||
      (direction === 'next'
        ? event.startUnixNs < best.startUnixNs
        : event.startUnixNs > best.startUnixNs);
    if (isNearer) best = event;
  }
  return best;
}

/** The event of a worker's stream whose start is nearest to an instant; null: none is loaded. */
export function eventNear(
  pieces: readonly TilePiece<LoadedTile>[],
  worker: number,
  stream: number,
  atUnixNs: bigint,
): TimelineEvent | null {
  const after = eventBeside(pieces, worker, stream, atUnixNs - 1n, 'next');
  const before = eventBeside(pieces, worker, stream, atUnixNs, 'previous');
  if (after === null || before === null) return after ?? before;
  return after.startUnixNs - atUnixNs < atUnixNs - before.startUnixNs ? after : before;
}

function segmentOf(tile: LoadedTile, worker: number, stream: number): Segment | null {
  const at = tile.segmentOf.get(worker * 4 + stream);
  return at === undefined ? null : tile.segments[at]!;
}

function firstFrom(startNs: Float64Array, segment: Segment, value: number): number {
  let low = segment.firstRow;
  let high = segment.endRow;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (startNs[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** An event as a screen reader says it. */
export function spokenEvent(event: TimelineEvent, durationText: string): string {
  const parts = [
    event.kind === 'compute' ? event.stage : `${event.stage}, ${event.kind}`,
    event.workerId,
    event.layer < 0 ? '' : `layer ${event.layer}`,
    event.microbatch < 0 ? '' : `micro-batch ${event.microbatch}`,
    event.step < 0 ? '' : `step ${event.step}`,
    durationText,
  ];
  return parts.filter((part) => part !== '').join(', ');
}
