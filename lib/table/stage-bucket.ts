/** One open second of one worker: sums by cell, bins by page, sums by slice and stage. */
import type { EventTable } from './event-table.ts';
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
  /** Of each cell; a maximum of -1: nothing. How many events it has is in its bins. */
  #sumNs = new Float64Array(0);
  #minNs = new Float64Array(0);
  #maxNs = new Float64Array(0);
  #bins = new Uint16Array(0);
  /** Count, sum, minimum, maximum of each slice of each slot. */
  #slices = new Float64Array(0);

  get heldBytes(): number {
    return this.#sumNs.byteLength * 3 + this.#bins.byteLength + this.#slices.byteLength;
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
    const end = at + count;
    let from = at;
    for (;;) {
      const layerFrom = layer + (from - at) * layerStep;
      from = this.#addKnown(
        layout,
        slot,
        slice,
        layerFrom,
        layerStep,
        from,
        end,
        durationNs,
        words,
      );
      if (from === end) return;
      const layerNext = layer + (from - at) * layerStep;
      if (this.#place(layout, slot, slice, layerNext, durationNs[from]!) && ++from === end) return;
    }
  }

  /** Adds the rows `[at, end)` of a table, which all start in one slice; `codes` are its stages here. */
  addRows(
    layout: StageLayout,
    table: EventTable,
    words: Uint32Array,
    codes: Uint16Array,
    slice: number,
    at: number,
    end: number,
  ): void {
    const { stage, layer, durationNs } = table;
    this.#makeRoom(layout);
    this.events += end - at;
    for (let from = at; ; ) {
      from = this.#addKnownRows(layout, table, words, codes, slice, from, end);
      if (from === end) return;
      const slot = layout.slot(codes[stage[from]!]!);
      if (this.#place(layout, slot, slice, layer[from]!, durationNs[from]!) && ++from === end) {
        return;
      }
    }
  }

  /** Makes a place for an event that has none yet. true: it was added, since it is not found there. */
  #place(
    layout: StageLayout,
    slot: StageSlot,
    slice: number,
    layer: number,
    durationNs: number,
  ): boolean {
    const cell = layout.cell(slot, layer);
    const octave = octaveOf(durationNs);
    if (layout.pageOf[cell * OCTAVES + octave] === 0) layout.newPage(cell, octave);
    this.#makeRoom(layout);
    if (layer + 1 < slot.cellOf.length) return false;
    this.#addOne(layout, cell, octave, slot.index * SLICE_VALUES + slice * 4, durationNs);
    return true;
  }

  #addOne(layout: StageLayout, cell: number, octave: number, to: number, durationNs: number): void {
    const page = layout.pageOf[cell * OCTAVES + octave]!;
    const bin = sketchBin(durationNs);
    const inPage = bin === 0 ? 0 : (bin - 1) % SKETCH_BINS_PER_OCTAVE;
    this.#bins[page * SKETCH_BINS_PER_OCTAVE + inPage]!++;
    this.#sumNs[cell] = this.#sumNs[cell]! + durationNs;
    this.#minNs[cell] = Math.min(this.#minNs[cell]!, durationNs);
    this.#maxNs[cell] = Math.max(this.#maxNs[cell]!, durationNs);
    const slices = this.#slices;
    slices[to] = slices[to]! + 1;
    slices[to + 1] = slices[to + 1]! + durationNs;
    slices[to + 2] = Math.min(slices[to + 2]!, durationNs);
    slices[to + 3] = Math.max(slices[to + 3]!, durationNs);
  }

  /** Adds events up to the first that has no cell or page, and says which that is. */
  #addKnown(
    layout: StageLayout,
    slot: StageSlot,
    slice: number,
    layer: number,
    layerStep: number,
    from: number,
    end: number,
    durationNs: Float64Array,
    words: Uint32Array,
  ): number {
    const { cellOf } = slot;
    const { pageOf } = layout;
    const sums = this.#sumNs;
    const lowest = this.#minNs;
    const highest = this.#maxNs;
    const bins = this.#bins;
    const slices = this.#slices;
    const to = slot.index * SLICE_VALUES + slice * 4;
    let sum = 0;
    // Most events lie between the extremes so far: a branch that is foreseen.
    let min = slices[to + 2]!;
    let max = slices[to + 3]!;
    let layerAt = layer + 1;
    let i = from;
    for (; i < end; i++) {
      if (layerAt >= cellOf.length) break;
      const cell = cellOf[layerAt]!;
      if (cell < 0) break;
      const word = words[2 * i + 1]!;
      const octave = word < ONE_WORD ? 0 : (word >>> OCTAVE_SHIFT) - BEFORE_OCTAVE_1;
      const page = pageOf[cell * OCTAVES + octave]!;
      if (page === 0) break;
      const bin = page * SKETCH_BINS_PER_OCTAVE + ((word >>> BIN_SHIFT) & BIN_MASK);
      bins[bin] = bins[bin]! + 1;
      const duration = durationNs[i]!;
      sums[cell] = sums[cell]! + duration;
      if (duration < lowest[cell]!) lowest[cell] = duration;
      if (duration > highest[cell]!) highest[cell] = duration;
      sum += duration;
      if (duration < min) min = duration;
      if (duration > max) max = duration;
      layerAt += layerStep;
    }
    slices[to] = slices[to]! + (i - from);
    slices[to + 1] = slices[to + 1]! + sum;
    slices[to + 2] = min;
    slices[to + 3] = max;
    return i;
  }

  /** Adds rows up to the first that has no stage, cell or page, and says which that is. */
  #addKnownRows(
    layout: StageLayout,
    { stage, layer, durationNs }: EventTable,
    words: Uint32Array,
    codes: Uint16Array,
    slice: number,
    from: number,
    end: number,
  ): number {
    const { pageOf, slotOfStage } = layout;
    const sums = this.#sumNs;
    const lowest = this.#minNs;
    const highest = this.#maxNs;
    const bins = this.#bins;
    const slices = this.#slices;
    for (let i = from; i < end; i++) {
      const slot = slotOfStage[codes[stage[i]!]!];
      if (slot === undefined) return i;
      const { cellOf } = slot;
      const layerAt = layer[i]! + 1;
      if (layerAt >= cellOf.length) return i;
      const cell = cellOf[layerAt]!;
      if (cell < 0) return i;
      const word = words[2 * i + 1]!;
      const octave = word < ONE_WORD ? 0 : (word >>> OCTAVE_SHIFT) - BEFORE_OCTAVE_1;
      const page = pageOf[cell * OCTAVES + octave]!;
      if (page === 0) return i;
      const bin = page * SKETCH_BINS_PER_OCTAVE + ((word >>> BIN_SHIFT) & BIN_MASK);
      bins[bin] = bins[bin]! + 1;
      const duration = durationNs[i]!;
      sums[cell] = sums[cell]! + duration;
      if (duration < lowest[cell]!) lowest[cell] = duration;
      if (duration > highest[cell]!) highest[cell] = duration;
      const to = slot.index * SLICE_VALUES + slice * 4;
      slices[to] = slices[to]! + 1;
      slices[to + 1] = slices[to + 1]! + duration;
      if (duration < slices[to + 2]!) slices[to + 2] = duration;
      if (duration > slices[to + 3]!) slices[to + 3] = duration;
    }
    return end;
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
    const { cellStage, cellLayer } = layout;
    const sums = this.#sumNs;
    const lowest = this.#minNs;
    const highest = this.#maxNs;
    const used = layout.order().filter((cell) => cell < highest.length && highest[cell]! >= 0);
    const n = used.length;
    const stage = new Uint16Array(n);
    const layer = new Int32Array(n);
    const count = new Float64Array(n);
    const sumNs = new Float64Array(n);
    const minNs = new Float64Array(n);
    const maxNs = new Float64Array(n);
    const sketchOffsets = new Uint32Array(n + 1);
    const scratch = sketchScratch(this.events);
    let end = 0;
    for (let i = 0; i < n; i++) {
      const cell = used[i]!;
      stage[i] = cellStage[cell]!;
      layer[i] = cellLayer[cell]!;
      sumNs[i] = sums[cell]!;
      minNs[i] = lowest[cell]!;
      maxNs[i] = highest[cell]!;
      const from = end;
      end = this.#takeBins(layout, cell, scratch, from);
      sketchOffsets[i + 1] = end;
      for (let b = from; b < end; b++) count[i] = count[i]! + scratch.count[b]!;
      sums[cell] = 0;
      lowest[cell] = Number.POSITIVE_INFINITY;
      highest[cell] = -1;
    }
    return {
      length: n,
      stageNames,
      stage,
      layer,
      count,
      sumNs,
      minNs,
      maxNs,
      sketchOffsets,
      sketchBin: scratch.bin.slice(0, end),
      sketchCount: scratch.count.slice(0, end),
    };
  }

  /** Appends the bins of a cell to `out` from `end` on, and says where they end. */
  #takeBins(layout: StageLayout, cell: number, out: SketchScratch, end: number): number {
    const bins = this.#bins;
    const first = octaveOf(this.#minNs[cell]!);
    const last = octaveOf(this.#maxNs[cell]!);
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
    if (layout.cells > this.#sumNs.length) {
      const capacity = layout.cellStage.length;
      this.#sumNs = filled(capacity, 0, this.#sumNs);
      this.#minNs = filled(capacity, Number.POSITIVE_INFINITY, this.#minNs);
      this.#maxNs = filled(capacity, -1, this.#maxNs);
    }
    const bins = layout.pages * SKETCH_BINS_PER_OCTAVE;
    if (bins > this.#bins.length) {
      const grown = new Uint16Array(bins * 1.5);
      grown.set(this.#bins);
      this.#bins = grown;
    }
    if (layout.slots.length * SLICE_VALUES > this.#slices.length) {
      const from = this.#slices.length;
      const slices = filled((layout.slots.length + 3) * SLICE_VALUES, 0, this.#slices);
      for (let at = from; at < slices.length; at += 4) clear(slices, at);
      this.#slices = slices;
    }
  }
}

function clear(sums: Float64Array, at: number): void {
  sums[at] = 0;
  sums[at + 1] = 0;
  sums[at + 2] = Number.POSITIVE_INFINITY;
  sums[at + 3] = 0;
}

function filled(length: number, value: number, first: Float64Array): Float64Array<ArrayBuffer> {
  const values = new Float64Array(length).fill(value, first.length);
  values.set(first);
  return values;
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
