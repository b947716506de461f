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
import { OCTAVES, type StageLayout } from './stage-layout.ts';
import {
  SKETCH_BINS_PER_OCTAVE,
  SLICES_PER_SECOND,
  type StageCells,
  type StageSlices,
} from './stage-rollups.ts';

/** The sums so far of a bucket, which is closed. */
export function takeBucket(
  bucket: StageBucket,
  layout: StageLayout,
  stageNames: readonly string[],
): { readonly cells: StageCells; readonly slices: StageSlices } {
  bucket.makeRoom(layout);
  const { doubles, slices } = bucket;
  const bins = new BinScratch(bucket.events);
  const used: number[] = [];
  const binEnds: number[] = [];
  for (const cell of layout.order()) {
    if (doubles[cell * CELL_DOUBLES + MAX]! < 0) continue;
    takeBins(bucket, layout, cell, bins);
    used.push(cell);
    binEnds.push(bins.length);
  }
  const placed = usedSlices(slices, layout);
  const memory = new Columns(used.length, bins.length, placed.length);
  const cells = memory.cells(stageNames);
  let from = 0;
  for (let i = 0; i < used.length; i++) {
    const cell = used[i]!;
    const d = cell * CELL_DOUBLES;
    cells.stage[i] = layout.cellStage[cell]!;
    cells.layer[i] = layout.cellLayer[cell]!;
    cells.sumNs[i] = doubles[d + SUM]!;
    cells.minNs[i] = doubles[d + MIN]!;
    cells.maxNs[i] = doubles[d + MAX]!;
    const end = binEnds[i]!;
    let count = 0;
    for (; from < end; from++) count += bins.count[from]!;
    cells.count[i] = count;
    cells.sketchOffsets[i + 1] = end;
    clearSums(doubles, d);
  }
  for (let b = 0; b < bins.length; b++) {
    cells.sketchBin[b] = bins.bin[b]!;
    cells.sketchCount[b] = bins.count[b]!;
  }
  const ofSlices = memory.slices();
  placed.forEach(({ at, slice, stage }, i) => {
    ofSlices.slice[i] = slice;
    ofSlices.stage[i] = stage;
    ofSlices.count[i] = slices[at]!;
    ofSlices.sumNs[i] = slices[at + 1]!;
    ofSlices.minNs[i] = slices[at + 2]!;
    ofSlices.maxNs[i] = slices[at + 3]!;
    slices[at] = 0;
    clearSums(slices, at + 1);
  });
  bucket.second = Number.NaN;
  bucket.events = 0;
  return { cells, slices: ofSlices };
}

/** Frees the memory of sums that `takeBucket` gave: all columns lie in one piece. */
export function releaseRollup({ cells }: { readonly cells: StageCells }): void {
  releaseMemory(cells.count);
}

/** The slices that have events, by slice, then stage. */
function usedSlices(slices: Float64Array, layout: StageLayout) {
  const used: { readonly at: number; readonly slice: number; readonly stage: number }[] = [];
  for (let slice = 0; slice < SLICES_PER_SECOND; slice++) {
    for (const { index, stage } of layout.slotOrder()) {
      const at = index * SLOT_DOUBLES + slice * SLICE_DOUBLES;
      if (slices[at]! > 0) used.push({ at, slice, stage });
    }
  }
  return used;
}

/** Appends the bins of a cell, ascending. */
function takeBins(
  { halves, pages }: StageBucket,
  layout: StageLayout,
  cell: number,
  out: BinScratch,
): void {
  const h = cell * CELL_HALVES;
  const windowStart = halves[h + WINDOW_START]!;
  const windowEnd = windowStart + WINDOW_BINS;
  const row = layout.rowOf[cell]!;
  if (row >= 0) takePages(pages, layout, row, 0, windowStart, out);
  halves[h + WINDOW_START] = NO_WINDOW;
  for (let i = 0; i < WINDOW_BINS; i++) {
    const count = halves[h + WINDOW + i]!;
    if (count === 0) continue;
    halves[h + WINDOW + i] = 0;
    out.push(windowStart + i, count);
  }
  if (row >= 0) takePages(pages, layout, row, windowEnd, NO_WINDOW, out);
}

/** Appends the bins `[from, to)` of a cell whose pages are in `row`. */
function takePages(
  pages: Uint16Array,
  layout: StageLayout,
  row: number,
  from: number,
  to: number,
  out: BinScratch,
): void {
  for (let octave = octaveOfBin(from); octave < OCTAVES; octave++) {
    const firstBin = (octave - 1) * SKETCH_BINS_PER_OCTAVE + 1;
    if (firstBin >= to) break;
    const at = layout.pageOf[row * OCTAVES + octave]! * SKETCH_BINS_PER_OCTAVE;
    // This bucket may have no pages where another one has.
    if (at === 0 || at >= pages.length) continue;
    for (let b = 0; b < SKETCH_BINS_PER_OCTAVE; b++) {
      const count = pages[at + b]!;
      if (count === 0 || firstBin + b < from || firstBin + b >= to) continue;
      pages[at + b] = 0;
      out.push(firstBin + b, count);
    }
  }
}

/** All columns of a rollup in one piece of memory: many small pieces are work for the collector. */
class Columns {
  readonly #buffer: ArrayBuffer;
  readonly #cells: number;
  readonly #bins: number;
  readonly #slices: number;
  #at = 0;

  constructor(cells: number, bins: number, slices: number) {
    this.#cells = cells;
    this.#bins = bins;
    this.#slices = slices;
    this.#buffer = new ArrayBuffer(cells * 42 + 4 + bins * 10 + slices * 35 + 32);
  }

  cells(stageNames: readonly string[]): StageCells {
    const n = this.#cells;
    return {
      length: n,
      stageNames,
      count: this.#doubles(n),
      sumNs: this.#doubles(n),
      minNs: this.#doubles(n),
      maxNs: this.#doubles(n),
      sketchCount: this.#doubles(this.#bins),
      sketchOffsets: new Uint32Array(this.#buffer, this.#take((n + 1) * 4), n + 1),
      layer: new Int32Array(this.#buffer, this.#take(n * 4), n),
      stage: new Uint16Array(this.#buffer, this.#take(n * 2), n),
      sketchBin: new Uint16Array(this.#buffer, this.#take(this.#bins * 2), this.#bins),
    };
  }

  slices(): StageSlices {
    const n = this.#slices;
    this.#at = Math.ceil(this.#at / 8) * 8;
    return {
      length: n,
      count: this.#doubles(n),
      sumNs: this.#doubles(n),
      minNs: this.#doubles(n),
      maxNs: this.#doubles(n),
      stage: new Uint16Array(this.#buffer, this.#take(n * 2), n),
      slice: new Uint8Array(this.#buffer, this.#take(n), n),
    };
  }

  #doubles(count: number): Float64Array {
    return new Float64Array(this.#buffer, this.#take(count * 8), count);
  }

  #take(byteCount: number): number {
    const at = this.#at;
    this.#at += byteCount;
    return at;
  }
}

let idleBin = new Uint16Array(0);
let idleCount = new Float64Array(0);

/** Bins whose number is known only when they were looked through; one at a time. */
class BinScratch {
  readonly bin: Uint16Array;
  readonly count: Float64Array;
  length = 0;

  constructor(capacity: number) {
    if (capacity > idleBin.length) {
      idleBin = new Uint16Array(capacity);
      idleCount = new Float64Array(capacity);
    }
    this.bin = idleBin;
    this.count = idleCount;
  }

  push(bin: number, count: number): void {
    this.bin[this.length] = bin;
    this.count[this.length++] = count;
  }
}
