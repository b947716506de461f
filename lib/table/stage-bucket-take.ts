/** What an open second has summed up, as columns; it starts anew. */
import { releaseMemory } from '#lib/base/release-memory.ts';
import {
  CELL_DOUBLES,
  CELL_HALVES,
  clearSums,
  MAX,
  MIN,
  NO_WINDOW,
  octaveOfBin,
  SLICE_DOUBLES,
  SLOT_DOUBLES,
  type StageBucket,
  SUM,
  WINDOW,
  WINDOW_BINS,
  WINDOW_START,
} from './stage-bucket.ts';
import type { StageLayout } from './stage-layout.ts';
import { OCTAVES } from './stage-layout.ts';
import {
  SKETCH_BINS_PER_OCTAVE,
  SLICES_PER_SECOND,
  type StageCells,
  type StageSlices,
} from './stage-rollups.ts';
import { sketchBin } from './stage-sketch.ts';

/**
 * The sums so far of a bucket, which is closed. `memory`: where their columns lie.
 */
export function takeBucket(
  bucket: StageBucket,
  layout: StageLayout,
  stageNames: readonly string[],
  memory: RollupMemory,
): { readonly cells: StageCells; readonly slices: StageSlices } {
  bucket.makeRoom(layout);
  const order = layout.order();
  scratch.reserve(bucket.events + 1, order.length, SLICES_PER_SECOND * layout.slots.length);
  const bins = takeCells(bucket, layout, order);
  takeSlices(bucket.slices, layout);
  bucket.second = Number.NaN;
  bucket.events = 0;
  return memory.columns(scratch, bins, stageNames);
}

/**
 * Gives back the memory of sums that `takeBucket` gave, and of all others with the same `memory`:
 * nobody may read any of them any more.
 */
export function releaseRollup({ cells }: { readonly cells: StageCells }): void {
  const { buffer } = cells.count;
  if (!(buffer instanceof ArrayBuffer) || idle.includes(buffer)) return;
  if (lent.delete(buffer)) idle.push(buffer);
  else releaseMemory(cells.count);
}

/** Moves all cells with events to `scratch`, and returns the number of their bins. */
function takeCells(bucket: StageBucket, layout: StageLayout, order: Uint32Array): number {
  const { doubles, halves } = bucket;
  const { rowOf, cellStage, cellLayer } = layout;
  const { cells, bin, binCount, binEnd } = scratch;
  let n = 0;
  let bins = 0;
  for (let o = 0; o < order.length; o++) {
    const cell = order[o]!;
    const d = cell * CELL_DOUBLES;
    const maxNs = doubles[d + MAX]!;
    if (maxNs < 0) continue;
    const minNs = doubles[d + MIN]!;
    const h = cell * CELL_HALVES;
    const windowStart = halves[h + WINDOW_START]!;
    const first = sketchBin(minNs);
    const last = sketchBin(maxNs);
    let to = bins;
    if (first < windowStart) to = takePages(bucket, layout, cell, first, windowStart, to);
    // A bin without events is written, and then overwritten: cheaper than a branch nobody foresees.
    const before = WINDOW + h - windowStart;
    const inWindow = Math.min(last, windowStart + WINDOW_BINS - 1);
    for (let b = Math.max(first, windowStart); b <= inWindow; b++) {
      const events = halves[before + b]!;
      halves[before + b] = 0;
      bin[to] = b;
      binCount[to] = events;
      to += -events >>> 31;
    }
    if (rowOf[cell]! >= 0 && last > inWindow) {
      to = takePages(bucket, layout, cell, inWindow + 1, last + 1, to);
    }
    halves[h + WINDOW_START] = NO_WINDOW;
    let count = 0;
    for (; bins < to; bins++) count += binCount[bins]!;
    cells.stage[n] = cellStage[cell]!;
    cells.layer[n] = cellLayer[cell]!;
    cells.count[n] = count;
    cells.sumNs[n] = doubles[d + SUM]!;
    cells.minNs[n] = minNs;
    cells.maxNs[n] = maxNs;
    binEnd[n++] = bins;
    clearSums(doubles, d);
  }
  cells.length = n;
  return bins;
}

/** Moves the slices that have events, by slice, then stage. */
function takeSlices(sums: Float64Array, layout: StageLayout): void {
  const { slices } = scratch;
  const slots = layout.slotOrder();
  let n = 0;
  for (let slice = 0; slice < SLICES_PER_SECOND; slice++) {
    for (let s = 0; s < slots.length; s++) {
      const { index, stage } = slots[s]!;
      const at = index * SLOT_DOUBLES + slice * SLICE_DOUBLES;
      if (sums[at] === 0) continue;
      slices.layer[n] = slice;
      slices.stage[n] = stage;
      slices.count[n] = sums[at]!;
      slices.sumNs[n] = sums[at + 1]!;
      slices.minNs[n] = sums[at + 2]!;
      slices.maxNs[n++] = sums[at + 3]!;
      sums[at] = 0;
      clearSums(sums, at + 1);
    }
  }
  slices.length = n;
}

/** Moves the bins `[from, end)` of a cell that lie in pages to `scratch`, from `to` on. */
function takePages(
  { pages }: StageBucket,
  layout: StageLayout,
  cell: number,
  from: number,
  end: number,
  to: number,
): number {
  const { bin, binCount } = scratch;
  const pagesAt = layout.rowOf[cell]! * OCTAVES;
  for (let octave = octaveOfBin(from); octave < OCTAVES; octave++) {
    const firstBin = (octave - 1) * SKETCH_BINS_PER_OCTAVE + 1;
    if (firstBin >= end) break;
    const at = layout.pageOf[pagesAt + octave]! * SKETCH_BINS_PER_OCTAVE;
    // This bucket may have no pages where another one has.
    if (at === 0 || at >= pages.length) continue;
    const low = Math.max(from, firstBin);
    const high = Math.min(end, firstBin + SKETCH_BINS_PER_OCTAVE);
    for (let b = low; b < high; b++) {
      const count = pages[at + b - firstBin]!;
      if (count === 0) continue;
      pages[at + b - firstBin] = 0;
      bin[to] = b;
      binCount[to++] = count;
    }
  }
  return to;
}

/** Rows of sums whose number is known only when they were looked through. */
class RowScratch {
  length = 0;
  stage = new Uint16Array(0);
  /** Or slice. */
  layer = new Int32Array(0);
  count = new Float64Array(0);
  sumNs = new Float64Array(0);
  minNs = new Float64Array(0);
  maxNs = new Float64Array(0);

  reserve(rows: number): void {
    if (rows <= this.count.length) return;
    this.stage = new Uint16Array(rows * 2);
    this.layer = new Int32Array(rows * 2);
    this.count = new Float64Array(rows * 2);
    this.sumNs = new Float64Array(rows * 2);
    this.minNs = new Float64Array(rows * 2);
    this.maxNs = new Float64Array(rows * 2);
  }
}

/** For one bucket at a time. */
class Scratch {
  readonly cells = new RowScratch();
  readonly slices = new RowScratch();
  bin = new Uint16Array(0);
  binCount = new Float64Array(0);
  /** Of each cell, in `bin`. */
  binEnd = new Uint32Array(0);

  reserve(bins: number, cells: number, slices: number): void {
    if (bins > this.bin.length) {
      this.bin = new Uint16Array(bins);
      this.binCount = new Float64Array(bins);
    }
    if (cells > this.binEnd.length) this.binEnd = new Uint32Array(cells * 2);
    this.cells.reserve(cells);
    this.slices.reserve(slices);
  }
}

const scratch = new Scratch();

/** Sums of some twenty workers. */
const PIECE_BYTES = 2 ** 20;
/** Pieces whose rollups were released, and those that are in use. */
const idle: ArrayBuffer[] = [];
const lent = new WeakSet<ArrayBuffer>();

/**
 * Where columns of rollups lie. Fresh memory for each second would be most of what makes the garbage
 * collector run: what rollups of one second lay in is used for those of the next.
 */
export class RollupMemory {
  readonly #isShared: boolean;
  #buffer = new ArrayBuffer(0);
  #at = 0;
  #pieces = 0;

  /** `isShared`: many rollups to a piece, which are released together; else each has its own. */
  constructor(isShared: boolean) {
    this.#isShared = isShared;
  }

  /** No more is to come: pieces that it did not need are given up. */
  end(): void {
    for (const piece of idle.splice(this.#pieces)) piece.transfer(0);
  }

  /** Columns of what was taken. */
  columns(
    { cells, slices, bin, binCount, binEnd }: Scratch,
    bins: number,
    stageNames: readonly string[],
  ): { readonly cells: StageCells; readonly slices: StageSlices } {
    const n = cells.length;
    const s = slices.length;
    this.#begin(n * 42 + 4 + bins * 10 + s * 35 + 32);
    const ofCells: StageCells = {
      length: n,
      stageNames,
      ...this.#sums(cells),
      sketchCount: this.#doubles(bins),
      sketchOffsets: new Uint32Array(this.#buffer, this.#take((n + 1) * 4), n + 1),
      layer: new Int32Array(this.#buffer, this.#take(n * 4), n),
      stage: new Uint16Array(this.#buffer, this.#take(n * 2), n),
      sketchBin: new Uint16Array(this.#buffer, this.#take(bins * 2), bins),
    };
    const { layer, stage, sketchOffsets } = ofCells;
    sketchOffsets[0] = 0;
    for (let i = 0; i < n; i++) {
      layer[i] = cells.layer[i]!;
      stage[i] = cells.stage[i]!;
      sketchOffsets[i + 1] = binEnd[i]!;
    }
    ofCells.sketchCount.set(binCount.subarray(0, bins));
    ofCells.sketchBin.set(bin.subarray(0, bins));
    this.#at = Math.ceil(this.#at / 8) * 8;
    const ofSlices: StageSlices = {
      length: s,
      ...this.#sums(slices),
      stage: new Uint16Array(this.#buffer, this.#take(s * 2), s),
      slice: new Uint8Array(this.#buffer, this.#take(s), s),
    };
    for (let i = 0; i < s; i++) {
      ofSlices.stage[i] = slices.stage[i]!;
      ofSlices.slice[i] = slices.layer[i]!;
    }
    this.#at = Math.ceil(this.#at / 8) * 8;
    return { cells: ofCells, slices: ofSlices };
  }

  #sums({ length, count, sumNs, minNs, maxNs }: RowScratch) {
    const sums = {
      count: this.#doubles(length),
      sumNs: this.#doubles(length),
      minNs: this.#doubles(length),
      maxNs: this.#doubles(length),
    };
    for (let i = 0; i < length; i++) {
      sums.count[i] = count[i]!;
      sums.sumNs[i] = sumNs[i]!;
      sums.minNs[i] = minNs[i]!;
      sums.maxNs[i] = maxNs[i]!;
    }
    return sums;
  }

  #begin(byteCount: number): void {
    if (this.#isShared && this.#at + byteCount <= this.#buffer.byteLength) return;
    this.#at = 0;
    if (!this.#isShared || byteCount > PIECE_BYTES) {
      this.#buffer = new ArrayBuffer(byteCount);
      return;
    }
    this.#buffer = idle.pop() ?? new ArrayBuffer(PIECE_BYTES);
    this.#pieces++;
    lent.add(this.#buffer);
  }

  #doubles(count: number): Float64Array<ArrayBuffer> {
    return new Float64Array(this.#buffer, this.#take(count * 8), count);
  }

  #take(byteCount: number): number {
    const at = this.#at;
    this.#at += byteCount;
    return at;
  }
}
