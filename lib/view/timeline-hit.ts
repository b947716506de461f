/** What lies under a point: the box on top there, by the same order and cut as it is painted. */

import { TIMELINE_STREAMS, type TimelineBinColumns } from '#lib/api/timeline-tile.ts';
import {
  BLOCK,
  HATCHED,
  type LoadedTile,
  PAINT_ORDER,
  type Segment,
  SPIKE,
  WORDS,
} from './timeline-boxes.ts';
import type { WorkerRow } from './timeline-rows.ts';
import type { TimelineEvent, TimelineTarget } from './timeline-selection.ts';
import { type TilePiece, tileExtent } from './timeline-tiles.ts';

/** A point in the rows: an instant, and a height in the same pixels as the row's lanes. */
export interface HitPoint {
  readonly atUnixNs: bigint;
  /** Half of what a pixel covers: boxes narrower than it are hit beside, too. */
  readonly reachNs: number;
  readonly yPx: number;
}

/** null: nothing of the worker is there. */
export function hitTest(
  pieces: readonly TilePiece<LoadedTile>[],
  row: WorkerRow,
  worker: number,
  point: HitPoint,
  withBubbles: boolean,
): TimelineTarget | null {
  for (const piece of pieces) {
    const { tile } = piece;
    if (point.atUnixNs < piece.fromUnixNs || point.atUnixNs >= piece.toUnixNs) continue;
    if (!tile.rowOf.has(worker)) continue;
    if (withBubbles) {
      const bubble = bubbleAt(tile, row, worker, point);
      if (bubble !== null) return bubble;
    }
    for (const stream of PAINT_ORDER.toReversed()) {
      const lane = row.lanes[stream]!;
      if (point.yPx < lane.topPx || point.yPx >= lane.topPx + lane.heightPx) continue;
      const at = tile.segmentOf.get(worker * 4 + stream);
      if (at === undefined) continue;
      const segment = tile.segments[at]!;
      if (tile.tile.detail === 'events') {
        const found = eventAt(tile, segment, offsetIn(tile, point.atUnixNs), point.reachNs);
        if (found >= 0) return { kind: 'event', event: eventOf(tile, found)! };
      } else {
        const height = (lane.topPx + lane.heightPx - point.yPx) / lane.heightPx;
        const found = binAt(tile, segment, row, offsetIn(tile, point.atUnixNs), height);
        if (found >= 0) return binTarget(tile, found, point.atUnixNs);
      }
    }
  }
  return null;
}

/** Nanoseconds from the tile's start. */
function offsetIn(tile: LoadedTile, atUnixNs: bigint): number {
  return Number(atUnixNs - tileExtent(tile).fromUnixNs);
}

/** First row of the segment that may reach past `fromNs` (from the answer's window). */
export function firstReaching(tile: LoadedTile, segment: Segment, fromNs: number): number {
  if (tile.tile.detail !== 'events') return segment.firstRow;
  const { startNs } = tile.tile.columns;
  const target = fromNs - segment.longestNs;
  let low = segment.firstRow;
  let high = segment.endRow;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (startNs[middle]! < target) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The event on top at an instant, else the nearest one within `reachNs`; -1: none. */
function eventAt(tile: LoadedTile, segment: Segment, offsetNs: number, reachNs: number): number {
  if (tile.tile.detail !== 'events') return -1;
  const { startNs, durationNs } = tile.tile.columns;
  const atNs = offsetNs - tile.windowNs;
  let best = -1;
  let bestNs = reachNs;
  for (let at = firstReaching(tile, segment, atNs - reachNs); at < segment.endRow; at++) {
    if (startNs[at]! > atNs + reachNs) break;
    const endNs = startNs[at]! + Math.max(1, durationNs[at]!);
    const awayNs = Math.max(0, startNs[at]! - atNs, atNs + 1 - endNs);
    if (awayNs <= bestNs) {
      best = at;
      bestNs = awayNs;
    }
  }
  return best;
}

function binAt(
  tile: LoadedTile,
  segment: Segment,
  row: WorkerRow,
  offsetNs: number,
  height: number,
): number {
  const unit = offsetNs / 2 ** tile.unitShift;
  let best = -1;
  for (let box = segment.firstBox; box < segment.endBox; box++) {
    const at = box * WORDS;
    if (unit < tile.boxes[at]! || unit >= tile.boxes[at + 1]!) continue;
    if ((tile.boxes[at + 2]! & SPIKE) !== 0) {
      if (height > 0.85) best = box;
      continue;
    }
    const heights = tile.boxes[at + 3]! >>> (row.isOpen ? 0 : 16);
    if (height * 255 > (heights & 255) && height * 255 <= ((heights >> 8) & 255)) best = box;
  }
  return best;
}

function bubbleAt(
  tile: LoadedTile,
  row: WorkerRow,
  worker: number,
  point: HitPoint,
): TimelineTarget | null {
  const lane = row.lanes[0]!;
  if (point.yPx < lane.topPx || point.yPx >= lane.topPx + lane.heightPx) return null;
  if (tile.tile.detail !== 'events') return null;
  const { header, columns } = tile.tile;
  const own = tile.rowOf.get(worker);
  if (own === undefined) return null;
  const atNs = offsetIn(tile, point.atUnixNs) - tile.windowNs;
  for (let at = 0; at < columns.bubbleRow.length; at++) {
    const startNs = columns.bubbleStartNs[at]!;
    const durationNs = columns.bubbleDurationNs[at]!;
    if (columns.bubbleRow[at] !== own || atNs < startNs || atNs >= startNs + durationNs) continue;
    const culprit = header.rows[columns.bubbleCulprit[at]!];
    return {
      kind: 'bubble',
      bubble: {
        workerId: header.rows[own]!.workerId,
        startUnixNs: BigInt(header.window.startUnixNs) + BigInt(Math.floor(startNs)),
        durationNs,
        cause: header.causes[columns.bubbleCause[at]!] ?? 'unknownNs',
        culpritId: culprit?.workerId ?? null,
      },
    };
  }
  return null;
}

/** A row of an events tile as an event; null where the tile holds bins. */
export function eventOf(tile: LoadedTile, at: number): TimelineEvent | null {
  if (tile.tile.detail !== 'events') return null;
  const { header, columns } = tile.tile;
  return {
    workerId: header.rows[columns.row[at]!]!.workerId,
    stage: header.stages[columns.stage[at]!]!,
    kind: header.kinds[columns.kind[at]!]!,
    stream: header.streams[columns.stream[at]!] ?? TIMELINE_STREAMS[3],
    startUnixNs: BigInt(header.window.startUnixNs) + BigInt(Math.round(columns.startNs[at]!)),
    durationNs: columns.durationNs[at]!,
    layer: columns.layer[at]!,
    microbatch: columns.microbatch[at]!,
    step: columns.step[at]!,
    domain: columns.domain[at]!,
    peer: columns.peer[at]!,
    tokens: columns.tokens[at]!,
    bytes: columns.bytes[at]!,
  };
}

function binTarget(tile: LoadedTile, box: number, atUnixNs: bigint): TimelineTarget | null {
  if (tile.tile.detail !== 'bins' || tile.sourceOf === null) return null;
  const { header, columns } = tile.tile;
  const first = tile.sourceOf[box]!;
  const isSpike = (tile.boxes[box * WORDS + 2]! & (SPIKE | HATCHED)) === SPIKE;
  const bin = isSpike ? columns.bin[first]! : binOfBox(tile, box, header.binNs, atUnixNs);
  const at = isSpike ? first : sourceOfBin(columns, first, bin);
  return {
    kind: 'bin',
    bin: {
      workerId: header.rows[columns.row[at]!]!.workerId,
      stage: header.stages[columns.stage[at]!]!,
      stream: header.streams[columns.stream[at]!] ?? TIMELINE_STREAMS[3],
      startUnixNs: BigInt(header.window.startUnixNs) + BigInt(Math.round(bin * header.binNs)),
      binNs: header.binNs,
      count: columns.count[at]!,
      sumNs: columns.sumNs[at]!,
      minNs: columns.minNs[at]!,
      maxNs: columns.maxNs[at]!,
    },
  };
}

/** The bin of a box that an instant lies in, or is nearest to. */
function binOfBox(tile: LoadedTile, box: number, binNs: number, atUnixNs: bigint): number {
  const edgeNs = (word: number) =>
    tile.boxes[box * WORDS + word]! * 2 ** tile.unitShift - tile.windowNs;
  const first = Math.floor((edgeNs(0) + binNs / 2) / binNs);
  const last = Math.max(first, Math.ceil((edgeNs(1) - binNs / 2) / binNs) - 1);
  const at = Math.floor((offsetIn(tile, atUnixNs) - tile.windowNs) / binNs);
  return Math.min(last, Math.max(first, at));
}

/** The row that fills a bin: its own, else the last one before it, whose events last through it. */
function sourceOfBin(columns: TimelineBinColumns, first: number, bin: number): number {
  const { row, stream, stage } = columns;
  let at = first;
  const isNext = (next: number): boolean =>
    next < row.length &&
    row[next] === row[first] &&
    stream[next] === stream[first] &&
    stage[next] === stage[first] &&
    columns.bin[next]! <= bin;
  while (isNext(at + 1)) at++;
  return at;
}

/** Events of a segment that are at least `leastNs` long and touch `[fromNs, toNs)` of the window. */
export function longEvents(
  tile: LoadedTile,
  segment: Segment,
  fromNs: number,
  toNs: number,
  leastNs: number,
  visit: (at: number) => void,
): void {
  if (tile.tile.detail !== 'events' || segment.longestNs < leastNs) return;
  const { startNs, durationNs } = tile.tile.columns;
  const blocks = tile.blockLongestNs!;
  for (let at = firstReaching(tile, segment, fromNs); at < segment.endRow; at++) {
    if (at % BLOCK === 0 && blocks[at / BLOCK]! < leastNs) {
      at += BLOCK - 1;
      continue;
    }
    if (startNs[at]! >= toNs) break;
    if (durationNs[at]! >= leastNs && startNs[at]! + durationNs[at]! > fromNs) visit(at);
  }
}
