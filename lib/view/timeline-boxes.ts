/**
 * A tile as boxes, made once when it arrives: what WebGL takes as it is and Canvas2D reads.
 *
 *     4 words a box   start  end   in units of 2^unitShift ns from the tile's start, cut to the tile
 *                     look         worker 14 bits | stream 2 | colour 8 | flags 8
 *                     heights      bottom and top (0..255 of the lane), alone and stacked in one lane
 *
 * Bins of a stage that lie side by side and are filled alike are one box. Boxes come by row, then stream in PAINT_ORDER, then as the tile has them: later ones lie on top.
 */
import type { TimelineTile } from '#lib/api/timeline-client.ts';
import type { CauseName } from '#lib/api/waits.ts';
import { causeColourIndex, stageColourIndex } from './timeline-colours.ts';
import { type CoverTile, type TileAddress, tileExtent } from './timeline-tiles.ts';

export const WORDS = 4;
export const HATCHED = 1;
/** The longest event of a bin, far longer than is usual there. */
export const SPIKE = 2;
export const BUBBLE = 4;
const FULL_HEIGHT = 255 << 8;
export const FULL = FULL_HEIGHT | (FULL_HEIGHT << 16);
const WAIT_STREAM = 2;
const STREAMS = 4;
/** In one lane waits lie over other work, and transfers over waits. */
export const PAINT_ORDER = [0, 3, 2, 1] as const;
/** Units of start and end stay below 2^30. */
const UNIT_BITS = 30;
/** An event this many times longer than the mean of its stage in the tile is shown for itself. */
const SPIKE_FACTOR = 4;
/** Columns of events that were searched and labelled in blocks: the longest of each is known. */
export const BLOCK = 64;

/** Rows of the tile's columns and boxes of one worker's stream. */
export interface Segment {
  /** Index of the worker in the registry of all tiles. */
  readonly worker: number;
  readonly stream: number;
  readonly firstRow: number;
  readonly endRow: number;
  readonly firstBox: number;
  readonly endBox: number;
  /** The longest event: how far back a search for overlaps must look. */
  readonly longestNs: number;
}

export interface LoadedTile extends CoverTile {
  readonly tile: TimelineTile;
  /** Nanoseconds from the tile's start to that of its answer's window; at most 0. */
  readonly windowNs: number;
  readonly unitShift: number;
  readonly boxes: Uint32Array<ArrayBuffer>;
  readonly bubbles: Uint32Array<ArrayBuffer>;
  readonly segments: readonly Segment[];
  /** Index into `segments` by worker * 4 + stream. */
  readonly segmentOf: ReadonlyMap<number, number>;
  /** Row of the tile by worker. */
  readonly rowOf: ReadonlyMap<number, number>;
  /** Bins: the columns' row of each box, of several bins that of the first. Events: null, boxes and rows of a segment run alike. */
  readonly sourceOf: Uint32Array | null;
  /** Events: the longest duration of each block of rows. */
  readonly blockLongestNs: Float64Array | null;
  readonly sizeBytes: number;
}

/** Gives every worker an index that stays; boxes carry it. */
export class WorkerRegistry {
  readonly ids: string[] = [];
  #indexOf = new Map<string, number>();

  indexOf(workerId: string): number {
    let index = this.#indexOf.get(workerId);
    if (index === undefined) {
      index = this.ids.push(workerId) - 1;
      this.#indexOf.set(workerId, index);
    }
    return index;
  }

  known(workerId: string): number | undefined {
    return this.#indexOf.get(workerId);
  }
}

export function loadedTile(
  address: TileAddress,
  tile: TimelineTile,
  registry: WorkerRegistry,
): LoadedTile {
  const { fromUnixNs } = tileExtent(address);
  const windowNs = Number(BigInt(tile.header.window.startUnixNs) - fromUnixNs);
  const unitShift = Math.max(0, address.level - UNIT_BITS);
  const maker = new BoxMaker(windowNs, 2 ** address.level, unitShift);
  const workers = tile.header.rows.map(({ workerId }) => registry.indexOf(workerId));
  const made =
    tile.detail === 'events' ? eventBoxes(tile, workers, maker) : binBoxes(tile, workers, maker);
  const segmentOf = new Map<number, number>();
  for (const [at, segment] of made.segments.entries()) {
    segmentOf.set(segment.worker * STREAMS + segment.stream, at);
  }
  const columnBytes = Object.values(tile.columns).reduce(
    (sum: number, column: { readonly byteLength: number }) => sum + column.byteLength,
    0,
  );
  return {
    ...address,
    servesNsPerPx: tile.detail === 'events' ? (unitShift === 0 ? 0 : 4 * 2 ** unitShift) : Infinity,
    tile,
    windowNs,
    unitShift,
    ...made,
    segmentOf,
    rowOf: new Map(workers.map((worker, row) => [worker, row])),
    sizeBytes: columnBytes + made.boxes.byteLength + made.bubbles.byteLength,
  };
}

type Made = Pick<LoadedTile, 'boxes' | 'bubbles' | 'segments' | 'sourceOf' | 'blockLongestNs'>;

/** Writes boxes, cut to the tile and in its units. */
class BoxMaker {
  readonly #windowNs: number;
  readonly #tileNs: number;
  readonly #unitNs: number;
  #words = new Uint32Array(WORDS * 1024);
  #sources = new Uint32Array(1024);
  length = 0;

  constructor(windowNs: number, tileNs: number, unitShift: number) {
    this.#windowNs = windowNs;
    this.#tileNs = tileNs;
    this.#unitNs = 2 ** unitShift;
  }

  /** `startNs` counts from the answer's window; boxes outside of the tile are left out if `!keep`. */
  add(startNs: number, endNs: number, look: number, heights: number, source: number): void {
    const from = Math.min(this.#tileNs, Math.max(0, startNs + this.#windowNs));
    const to = Math.min(this.#tileNs, Math.max(0, endNs + this.#windowNs));
    if ((this.length + 1) * WORDS > this.#words.length) this.#grow();
    const at = this.length * WORDS;
    this.#words[at] = Math.floor(from / this.#unitNs);
    this.#words[at + 1] = Math.ceil(to / this.#unitNs);
    this.#words[at + 2] = look;
    this.#words[at + 3] = heights;
    this.#sources[this.length++] = source;
  }

  /** Makes the last box reach to `endNs`. */
  extend(endNs: number): void {
    const to = Math.min(this.#tileNs, Math.max(0, endNs + this.#windowNs));
    this.#words[(this.length - 1) * WORDS + 1] = Math.ceil(to / this.#unitNs);
  }

  #grow(): void {
    const words = new Uint32Array(this.#words.length * 2);
    words.set(this.#words);
    this.#words = words;
    const sources = new Uint32Array(this.#sources.length * 2);
    sources.set(this.#sources);
    this.#sources = sources;
  }

  takeWords(): Uint32Array<ArrayBuffer> {
    const words = this.#words.slice(0, this.length * WORDS);
    this.length = 0;
    return words;
  }

  sources(): Uint32Array {
    return this.#sources.slice(0, this.length);
  }
}

export function lookOf(worker: number, stream: number, colour: number, flags: number): number {
  return ((worker << 18) | (stream << 16) | (colour << 8) | flags) >>> 0;
}

/** First and end row of each (row, stream) in columns sorted by them. */
function ranges(
  row: Uint16Array,
  stream: Uint8Array,
): Map<number, { readonly first: number; readonly end: number }> {
  const found = new Map<number, { readonly first: number; readonly end: number }>();
  let first = 0;
  for (let at = 1; at <= row.length; at++) {
    const isSame = at < row.length && row[at] === row[first] && stream[at] === stream[first];
    if (isSame) continue;
    found.set(row[first]! * STREAMS + stream[first]!, { first, end: at });
    first = at;
  }
  return found;
}

function eventBoxes(
  tile: TimelineTile & { detail: 'events' },
  workers: readonly number[],
  maker: BoxMaker,
): Made {
  const { header, columns } = tile;
  const { startNs, durationNs, stage, kind } = columns;
  const colours = header.stages.map((name) => [
    stageColourIndex(name, false),
    stageColourIndex(name, true),
  ]);
  const waitKind = header.kinds.indexOf('wait');
  const segments: Segment[] = [];
  const found = ranges(columns.row, columns.stream);
  for (const [row, worker] of workers.entries()) {
    for (const stream of PAINT_ORDER) {
      const range = found.get(row * STREAMS + stream);
      if (range === undefined) continue;
      const firstBox = maker.length;
      let longestNs = 0;
      for (let at = range.first; at < range.end; at++) {
        const isWait = kind[at] === waitKind;
        const colour = colours[stage[at]!]![isWait ? 1 : 0]!;
        const look = lookOf(worker, stream, colour, isWait ? HATCHED : 0);
        const start = startNs[at]!;
        maker.add(start, start + durationNs[at]!, look, FULL, at);
        if (durationNs[at]! > longestNs) longestNs = durationNs[at]!;
      }
      segments.push({
        worker,
        stream,
        firstRow: range.first,
        endRow: range.end,
        firstBox,
        endBox: maker.length,
        longestNs,
      });
    }
  }
  const boxes = maker.takeWords();
  const roles = header.rows.map(({ role }) => role);
  for (let at = 0; at < columns.bubbleRow.length; at++) {
    const row = columns.bubbleRow[at]!;
    const cause = header.causes[columns.bubbleCause[at]!] ?? 'unknownNs';
    const look = lookOf(workers[row]!, 0, causeColourIndex(cause, roles[row]!), BUBBLE);
    const start = columns.bubbleStartNs[at]!;
    maker.add(start, start + columns.bubbleDurationNs[at]!, look, FULL, at);
  }
  const blockLongestNs = new Float64Array(Math.ceil(durationNs.length / BLOCK));
  for (let at = 0; at < durationNs.length; at++) {
    const block = Math.floor(at / BLOCK);
    if (durationNs[at]! > blockLongestNs[block]!) blockLongestNs[block] = durationNs[at]!;
  }
  return { boxes, bubbles: maker.takeWords(), segments, sourceOf: null, blockLongestNs };
}

function binBoxes(
  tile: TimelineTile & { detail: 'bins' },
  workers: readonly number[],
  maker: BoxMaker,
): Made {
  const { header, columns } = tile;
  const { stage, bin, count, sumNs, maxNs } = columns;
  const { binNs } = header;
  const bins = Math.ceil(header.window.durationNs / Math.max(1, binNs)) + 1;
  const found = ranges(columns.row, columns.stream);
  const segments: Segment[] = [];
  const usualNs = usualDurations(tile);
  for (const [row, worker] of workers.entries()) {
    // How far the lane is filled, in 1/255: that of the upper lane, and of the three that share one.
    const shared = new Float32Array(bins);
    for (const stream of PAINT_ORDER) {
      const range = found.get(row * STREAMS + stream);
      if (range === undefined) continue;
      const firstBox = maker.length;
      const alone = new Float32Array(bins);
      const flags = stream === WAIT_STREAM ? HATCHED : 0;
      for (let at = range.first; at < range.end; ) {
        const own = stage[at]!;
        const look = lookOf(
          worker,
          stream,
          stageColourIndex(header.stages[own]!, flags !== 0),
          flags,
        );
        // Time of events that began in earlier bins and did not end there: no more than the longest
        // of them lasts, for events that lie over one another add up to more than they stick out.
        let carriedNs = 0;
        let reachNs = 0;
        let next = bin[at]!;
        let lastBin = -1;
        let lastHeights = 0;
        const carryTo = (end: number, source: number) => {
          for (; next < end && carriedNs > 0; next++) {
            reachNs = Math.max(0, reachNs - binNs);
            carriedNs = Math.min(put(next, carriedNs, source), reachNs);
          }
        };
        while (at < range.end && stage[at] === own) {
          carryTo(bin[at]!, at - 1);
          next = bin[at]! + 1;
          reachNs = Math.max(reachNs - binNs, maxNs[at]!);
          carriedNs = Math.min(put(bin[at]!, carriedNs + sumNs[at]!, at), reachNs);
          at++;
        }
        carryTo(bins, at - 1);

        function put(binAt: number, ns: number, source: number): number {
          const here = Math.min(ns, binNs);
          const height = (here / binNs) * 255;
          const a = alone[binAt]!;
          const s = stream === 0 ? a : shared[binAt]!;
          alone[binAt] = Math.min(255, a + height);
          if (stream !== 0) shared[binAt] = Math.min(255, s + height);
          const heights = (packed(a, a + height) | (packed(s, s + height) << 16)) >>> 0;
          const endNs = (binAt + 1) * binNs;
          if (lastBin === binAt - 1 && lastHeights === heights) maker.extend(endNs);
          else maker.add(binAt * binNs, endNs, look, heights, source);
          lastBin = binAt;
          lastHeights = heights;
          return ns - here;
        }
      }
      // Spikes last, so that no column hides them.
      for (let at = range.first; at < range.end; at++) {
        const usual = usualNs.get(stage[at]! * STREAMS + stream) ?? Infinity;
        if (count[at]! === 0 || maxNs[at]! <= SPIKE_FACTOR * usual) continue;
        const colour = stageColourIndex(header.stages[stage[at]!]!, false);
        const from = bin[at]! * binNs;
        const look = lookOf(worker, stream, colour, SPIKE);
        maker.add(from, from + Math.max(binNs, maxNs[at]!), look, FULL, at);
      }
      segments.push({
        worker,
        stream,
        firstRow: range.first,
        endRow: range.end,
        firstBox,
        endBox: maker.length,
        longestNs: binNs,
      });
    }
  }
  const sourceOf = maker.sources();
  const boxes = maker.takeWords();
  bubbleColumns(tile, workers, maker);
  return { boxes, bubbles: maker.takeWords(), segments, sourceOf, blockLongestNs: null };
}

/** Waiting by cause, stacked from the lane's top. */
function bubbleColumns(
  tile: TimelineTile & { detail: 'bins' },
  workers: readonly number[],
  maker: BoxMaker,
): void {
  const { header, columns } = tile;
  const { waitRow, waitBin, waitCause, waitNs } = columns;
  let filled = 0;
  for (let at = 0; at < waitRow.length; at++) {
    const isSame = at > 0 && waitRow[at] === waitRow[at - 1] && waitBin[at] === waitBin[at - 1];
    if (!isSame) filled = 0;
    const row = waitRow[at]!;
    const cause: CauseName = header.causes[waitCause[at]!] ?? 'unknownNs';
    const height = Math.min(255 - filled, (waitNs[at]! / header.binNs) * 255);
    const heights = packed(255 - filled - height, 255 - filled);
    const look = lookOf(workers[row]!, 0, causeColourIndex(cause, header.rows[row]!.role), BUBBLE);
    const from = waitBin[at]! * header.binNs;
    maker.add(from, from + header.binNs, look, (heights | (heights << 16)) >>> 0, at);
    filled += height;
  }
}

function packed(bottom: number, top: number): number {
  const low = Math.min(255, Math.round(bottom));
  // A little is never nothing.
  const high = Math.min(255, Math.max(Math.round(top), low < 255 ? low + 1 : low));
  return low | (high << 8);
}

/** Mean duration of each stage of each stream over the tile. */
function usualDurations(tile: TimelineTile & { detail: 'bins' }): ReadonlyMap<number, number> {
  const { stage, stream, count, sumNs } = tile.columns;
  const sums = new Map<number, { ns: number; count: number }>();
  for (let at = 0; at < stage.length; at++) {
    const key = stage[at]! * STREAMS + stream[at]!;
    const sum = sums.get(key) ?? { ns: 0, count: 0 };
    sum.ns += sumNs[at]!;
    sum.count += count[at]!;
    sums.set(key, sum);
  }
  return new Map([...sums].map(([key, { ns, count: n }]) => [key, n > 0 ? ns / n : Infinity]));
}
