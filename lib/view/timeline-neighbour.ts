/** The next, or previous, event of the same worker, stage and kind: looked for in windows that grow. */
import type { TimelineTile } from '#lib/api/timeline-client.ts';
import { eventAt } from './timeline-details.ts';
import type { TimelineEvent } from './timeline-selection.ts';
import type { TimelineExtent } from './timeline-viewport.ts';

export type NeighbourDirection = 'next' | 'previous';

const FIRST_SPAN_NS = 1_000_000n;
const GROWTH = 4n;
/** 1 ms times 4^n covers 90 days within 17 windows; the rest is for narrowing bins. */
const MAX_ASKED = 48;

/**
 * `ask` gives a tile of the event's worker and stage. null: there is none inside `bounds`, or it lies
 * where only sums are kept.
 */
export async function neighbourEvent(
  ask: (window: TimelineExtent) => Promise<TimelineTile>,
  event: TimelineEvent,
  direction: NeighbourDirection,
  bounds: TimelineExtent,
): Promise<TimelineEvent | null> {
  const isNext = direction === 'next';
  let edge = isNext ? event.startUnixNs + 1n : event.startUnixNs;
  let spanNs = FIRST_SPAN_NS;
  for (let asked = 0; asked < MAX_ASKED; asked++) {
    const window = isNext
      ? { fromUnixNs: edge, toUnixNs: least(edge + spanNs, bounds.toUnixNs) }
      : { fromUnixNs: most(edge - spanNs, bounds.fromUnixNs), toUnixNs: edge };
    if (window.fromUnixNs >= window.toUnixNs) return null;
    const tile = await ask(window);
    if (tile.detail === 'events') {
      const found = nearest(tile, event, direction, window);
      if (found !== null) return found;
    } else {
      const bin = nearestBin(tile, event, direction, window);
      if (bin !== null) {
        const lengthNs = bin.toUnixNs - bin.fromUnixNs;
        // Sums that come no finer: single events are not kept there.
        if (lengthNs >= window.toUnixNs - window.fromUnixNs) return null;
        edge = isNext ? bin.fromUnixNs : bin.toUnixNs;
        spanNs = lengthNs;
        continue;
      }
    }
    edge = isNext ? window.toUnixNs : window.fromUnixNs;
    spanNs *= GROWTH;
  }
  return null;
}

function nearest(
  tile: Extract<TimelineTile, { detail: 'events' }>,
  event: TimelineEvent,
  direction: NeighbourDirection,
  { fromUnixNs, toUnixNs }: TimelineExtent,
): TimelineEvent | null {
  let best: TimelineEvent | null = null;
  for (let i = 0; i < tile.columns.row.length; i++) {
    const other = eventAt(tile, i);
    if (other.workerId !== event.workerId || other.stage !== event.stage) continue;
    if (other.kind !== event.kind) continue;
    if (other.startUnixNs < fromUnixNs || other.startUnixNs >= toUnixNs) continue;
    const isNearer =
      best === null ||
      (direction === 'next'
        ? other.startUnixNs < best.startUnixNs
        : other.startUnixNs > best.startUnixNs);
    if (isNearer) best = other;
  }
  return best;
}

/** The nearest bin with an event of the stage, clipped to the window. */
function nearestBin(
  { header, columns }: Extract<TimelineTile, { detail: 'bins' }>,
  event: TimelineEvent,
  direction: NeighbourDirection,
  { fromUnixNs, toUnixNs }: TimelineExtent,
): TimelineExtent | null {
  const row = header.rows.findIndex(({ workerId }) => workerId === event.workerId);
  const stage = header.stages.indexOf(event.stage);
  const start = BigInt(header.window.startUnixNs);
  let best: TimelineExtent | null = null;
  for (let i = 0; i < columns.row.length; i++) {
    if (columns.row[i] !== row || columns.stage[i] !== stage || columns.count[i] === 0) continue;
    const binStart = start + BigInt(Math.floor(columns.bin[i]! * header.binNs));
    const bin = {
      fromUnixNs: most(binStart, fromUnixNs),
      toUnixNs: least(start + BigInt(Math.ceil((columns.bin[i]! + 1) * header.binNs)), toUnixNs),
    };
    if (bin.fromUnixNs >= bin.toUnixNs) continue;
    const isNearer =
      best === null ||
      (direction === 'next' ? bin.fromUnixNs < best.fromUnixNs : bin.toUnixNs > best.toUnixNs);
    if (isNearer) best = bin;
  }
  return best;
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function most(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
