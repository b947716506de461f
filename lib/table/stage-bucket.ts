/** One open second of one worker: sums by cell, bins by page, sums by slice and stage. */
import { OCTAVES, type StageLayout, type StageSlot } from './stage-layout.ts';
import {
  SKETCH_BINS_PER_OCTAVE,
  SLICES_PER_SECOND,
  type StageCells,
  type StageSlices,
} from './stage-rollups.ts';
import { sketchBin } from './stage-sketch.ts';

/** Upper word of 1.0 and how far its exponent is up. */
const ONE_WORD = 0x3ff00000;
const OCTAVE_SHIFT = 20;
const BEFORE_OCTAVE_1 = (ONE_WORD >>> OCTAVE_SHIFT) - 1;
const BIN_SHIFT = OCTAVE_SHIFT - 5;
const BIN_MASK = SKETCH_BINS_PER_OCTAVE - 1;
/** Counts of bins have 16 bits. */
export const MAX_BUCKET_EVENTS = 65_535;
const SLICE_VALUES = SLICES_PER_SECOND * 4;

export class StageBucket {
  /** Seconds since the epoch; NaN: closed. */
  second = Number.NaN;
  events = 0;
  /** Count, sum, minimum, maximum of each cell. */
  #stats = new Float64Array(0);
  #bins = new Uint16Array(0);
  /** The same four of each slice of each slot. */
  #slices = new Float64Array(0);

  get heldBytes(): number {
    return this.#stats.byteLength + this.#bins.byteLength + this.#slices.byteLength;
  }

  /**
   * Adds `count` durations from `at` on, of layers that start with `layer` and go on by
   * `layerStep`. `words` are the doubles of `durationNs` in two halves each.
   */
  add(
    layout: StageLayout,
    slot: StageSlot,
    slice: number,
    layer: number,
    layerStep: number,
    count: number,
    durationNs: Float64Array,
    words: Uint32Array,
    at: number,
  ): void {
    this.#makeRoom(layout);
    this.events += count;
    let { cellOf } = slot;
    let { pageOf } = layout;
    let stats = this.#stats;
    let bins = this.#bins;
    let sum = 0;
    let min = Number.POSITIVE_INFINITY;
    let max = 0;
    let layerAt = layer + 1;
    for (let i = at; i < at + count; i++) {
      let cell = layerAt < cellOf.length ? cellOf[layerAt]! : -1;
      if (cell < 0) {
        cell = layout.cell(slot, layerAt - 1);
        this.#makeRoom(layout);
        cellOf = slot.cellOf;
        pageOf = layout.pageOf;
        stats = this.#stats;
      }
      const word = words[2 * i + 1]!;
      const octave = word < ONE_WORD ? 0 : (word >>> OCTAVE_SHIFT) - BEFORE_OCTAVE_1;
      let page = pageOf[cell * OCTAVES + octave]!;
      if (page === 0) {
        page = layout.newPage(cell, octave);
        this.#makeRoom(layout);
        bins = this.#bins;
      }
      const bin = page * SKETCH_BINS_PER_OCTAVE + ((word >>> BIN_SHIFT) & BIN_MASK);
      bins[bin] = bins[bin]! + 1;
      const duration = durationNs[i]!;
      const s = cell * 4;
      stats[s] = stats[s]! + 1;
      stats[s + 1] = stats[s + 1]! + duration;
      if (duration < stats[s + 2]!) stats[s + 2] = duration;
      if (duration > stats[s + 3]!) stats[s + 3] = duration;
      sum += duration;
      if (duration < min) min = duration;
      if (duration > max) max = duration;
      layerAt += layerStep;
    }
    const slices = this.#slices;
    const to = slot.index * SLICE_VALUES + slice * 4;
    slices[to] = slices[to]! + count;
    slices[to + 1] = slices[to + 1]! + sum;
    if (min < slices[to + 2]!) slices[to + 2] = min;
    if (max > slices[to + 3]!) slices[to + 3] = max;
  }

  /** The sums so far, which start anew; the bucket is closed. */
  take(
    layout: StageLayout,
    stageNames: readonly string[],
  ): { readonly cells: StageCells; readonly slices: StageSlices } {
    const taken = {
      cells: this.#takeCells(layout, stageNames),
      slices: this.#takeSlices(layout),
    };
    this.second = Number.NaN;
    this.events = 0;
    return taken;
  }

  #takeCells(layout: StageLayout, stageNames: readonly string[]): StageCells {
    const stats = this.#stats;
    const used = layout.order().filter((cell) => cell * 4 < stats.length && stats[cell * 4]! > 0);
    const n = used.length;
    const sketchOffsets = new Uint32Array(n + 1);
    const scratch = sketchScratch(Math.min(this.events, this.#bins.length));
    let end = 0;
    for (let i = 0; i < n; i++) {
      end = this.#takeBins(layout, used[i]!, scratch, end);
      sketchOffsets[i + 1] = end;
    }
    const column = (which: number) => Float64Array.from(used, (cell) => stats[cell * 4 + which]!);
    const cells: StageCells = {
      length: n,
      stageNames,
      stage: Uint16Array.from(used, (cell) => layout.cellStage[cell]!),
      layer: Int32Array.from(used, (cell) => layout.cellLayer[cell]!),
      count: column(0),
      sumNs: column(1),
      minNs: column(2),
      maxNs: column(3),
      sketchOffsets,
      sketchBin: scratch.bin.slice(0, end),
      sketchCount: scratch.count.slice(0, end),
    };
    for (const cell of used) clear(stats, cell * 4);
    return cells;
  }

  /** Appends the bins of a cell to `out` from `end` on, and says where they end. */
  #takeBins(layout: StageLayout, cell: number, out: SketchScratch, end: number): number {
    const bins = this.#bins;
    const first = octaveOf(this.#stats[cell * 4 + 2]!);
    const last = octaveOf(this.#stats[cell * 4 + 3]!);
    let to = end;
    for (let octave = first; octave <= last; octave++) {
      const page = layout.pageOf[cell * OCTAVES + octave]!;
      const from = page * SKETCH_BINS_PER_OCTAVE;
      if (page === 0 || from >= bins.length) continue;
      let below = 0;
      for (let b = 0; b < SKETCH_BINS_PER_OCTAVE; b++) {
        const count = bins[from + b]!;
        if (count === 0) continue;
        bins[from + b] = 0;
        if (octave === 0) {
          below += count;
        } else {
          out.bin[to] = (octave - 1) * SKETCH_BINS_PER_OCTAVE + b + 1;
          out.count[to++] = count;
        }
      }
      if (below === 0) continue;
      out.bin[to] = 0;
      out.count[to++] = below;
    }
    return to;
  }

  #takeSlices(layout: StageLayout): StageSlices {
    const slices = this.#slices;
    const slots = layout.slotOrder();
    const used: number[] = [];
    const slice: number[] = [];
    const stage: number[] = [];
    for (let s = 0; s < SLICES_PER_SECOND; s++) {
      for (const slot of slots) {
        const at = slot.index * SLICE_VALUES + s * 4;
        if (at >= slices.length || slices[at] === 0) continue;
        used.push(at);
        slice.push(s);
        stage.push(slot.stage);
      }
    }
    const column = (which: number) => Float64Array.from(used, (at) => slices[at + which]!);
    const taken: StageSlices = {
      length: used.length,
      slice: Uint8Array.from(slice),
      stage: Uint16Array.from(stage),
      count: column(0),
      sumNs: column(1),
      minNs: column(2),
      maxNs: column(3),
    };
    for (const at of used) clear(slices, at);
    return taken;
  }

  #makeRoom(layout: StageLayout): void {
    if (layout.cells * 4 > this.#stats.length) {
      this.#stats = sumsOf(this.#stats, layout.cellStage.length);
    }
    const bins = layout.pages * SKETCH_BINS_PER_OCTAVE;
    if (bins > this.#bins.length) {
      const grown = new Uint16Array(bins * 1.5);
      grown.set(this.#bins);
      this.#bins = grown;
    }
    if (layout.slots.length * SLICE_VALUES > this.#slices.length) {
      this.#slices = sumsOf(this.#slices, (layout.slots.length + 3) * SLICES_PER_SECOND);
    }
  }
}

function clear(sums: Float64Array, at: number): void {
  sums[at] = 0;
  sums[at + 1] = 0;
  sums[at + 2] = Number.POSITIVE_INFINITY;
  sums[at + 3] = 0;
}

/** Room for `count` sums, the first of them as they were. */
function sumsOf(from: Float64Array, count: number): Float64Array<ArrayBuffer> {
  const sums = new Float64Array(count * 4);
  sums.set(from);
  for (let at = from.length; at < sums.length; at += 4) clear(sums, at);
  return sums;
}

function octaveOf(durationNs: number): number {
  const bin = sketchBin(durationNs);
  return bin === 0 ? 0 : Math.floor((bin - 1) / SKETCH_BINS_PER_OCTAVE) + 1;
}

interface SketchScratch {
  bin: Uint16Array;
  count: Float64Array;
}

const scratchArrays: SketchScratch = { bin: new Uint16Array(0), count: new Float64Array(0) };

/** For bins whose number is known only when they were looked through; one at a time. */
function sketchScratch(length: number): SketchScratch {
  if (length > scratchArrays.bin.length) {
    scratchArrays.bin = new Uint16Array(length * 2);
    scratchArrays.count = new Float64Array(length * 2);
  }
  return scratchArrays;
}
