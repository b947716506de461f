/**
 * One open second of one worker. What an event changes of its cell lies in one cache line, since a
 * collector has more cells than its caches hold:
 *
 *     byte 0   f64   sum, minimum, maximum; -1: no event yet
 *          24  u16   the first bin of the window; NO_WINDOW: no event yet
 *          26  u16   counts of the WINDOW_BINS bins from there on
 *
 * The window lies around the cell's first duration of the second; counts of other bins are kept in
 * pages, which only cells that vary much have.
 */
import type { EventTable } from './event-table.ts';
import { OCTAVES, type StageLayout, type StageSlot } from './stage-layout.ts';
import { SKETCH_BINS_PER_OCTAVE, SLICES_PER_SECOND } from './stage-rollups.ts';
import { BEFORE_BIN_0, BIN_SHIFT, ONE_WORD, sketchBin } from './stage-sketch.ts';

/** Doubles and halves of 16 bits in a cell's line, and where in it things are. */
export const CELL_DOUBLES = 8;
export const CELL_HALVES = 32;
export const SUM = 0;
export const MIN = 1;
export const MAX = 2;
export const WINDOW_START = 12;
export const WINDOW = 13;
export const WINDOW_BINS = CELL_HALVES - WINDOW;
/** Bins of the window that lie below the first duration. */
const BINS_BELOW = 7;
/** A first bin that no bin is near. */
export const NO_WINDOW = 65_535;
/** Counts of bins have 16 bits. */
export const MAX_BUCKET_EVENTS = 65_535;
/** Count, sum, minimum, maximum of each slice of each slot. */
export const SLICE_DOUBLES = 4;
export const SLOT_DOUBLES = SLICES_PER_SECOND * SLICE_DOUBLES;

export class StageBucket {
  /** Seconds since the epoch; NaN: closed. */
  second = Number.NaN;
  events = 0;
  /** When it was added to last, as its accumulator counts. */
  turn = 0;
  doubles = new Float64Array(0);
  halves = new Uint16Array(0);
  pages = new Uint16Array(0);
  slices = new Float64Array(0);

  get heldBytes(): number {
    return this.doubles.byteLength + this.pages.byteLength + this.slices.byteLength;
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
    this.makeRoom(layout);
    this.events += count;
    const { doubles, halves, slices } = this;
    const { cellOf } = slot;
    // A call within the loop would cost more than the loop.
    const outside = outsideOf(count);
    let out = 0;
    const to = slot.index * SLOT_DOUBLES + slice * SLICE_DOUBLES;
    let sum = 0;
    // Most events lie between the extremes so far: a branch that is foreseen.
    let min = slices[to + 2]!;
    let max = slices[to + 3]!;
    let layerAt = layer + 1;
    let i = at;
    const end = at + count;
    for (; i < end; i++) {
      if (layerAt >= cellOf.length) break;
      const cell = cellOf[layerAt]!;
      if (cell < 0) break;
      const duration = durationNs[i]!;
      const word = words[2 * i + 1]!;
      const bin = word < ONE_WORD ? 0 : (word >>> BIN_SHIFT) - BEFORE_BIN_0;
      const d = cell * CELL_DOUBLES;
      const h = cell * CELL_HALVES;
      const inWindow = bin - halves[h + WINDOW_START]!;
      if (inWindow >= 0 && inWindow < WINDOW_BINS) {
        const c = h + WINDOW + inWindow;
        halves[c] = halves[c]! + 1;
      } else {
        outside[out++] = cell;
        outside[out++] = bin;
      }
      doubles[d] = doubles[d]! + duration;
      if (duration < doubles[d + MIN]!) doubles[d + MIN] = duration;
      if (duration > doubles[d + MAX]!) doubles[d + MAX] = duration;
      sum += duration;
      if (duration < min) min = duration;
      if (duration > max) max = duration;
      layerAt += layerStep;
    }
    slices[to] = slices[to]! + (i - at);
    slices[to + 1] = slices[to + 1]! + sum;
    slices[to + 2] = min;
    slices[to + 3] = max;
    this.#addOutside(layout, outside, out);
    // New cells: the arrays may have to grow.
    for (; i < end; i++, layerAt += layerStep) {
      this.#addOne(layout, slot, slice, layerAt - 1, durationNs[i]!);
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
    this.makeRoom(layout);
    this.events += end - at;
    const { stage, layer, durationNs } = table;
    for (let i = at; i < end; i++) {
      i = this.#addKnownRows(layout, table, words, codes, slice, i, end);
      if (i === end) return;
      this.#addOne(layout, layout.slot(codes[stage[i]!]!), slice, layer[i]!, durationNs[i]!);
    }
  }

  /** Adds rows up to the first that has no stage or cell yet, and says which that is. */
  #addKnownRows(
    layout: StageLayout,
    { stage, layer, durationNs }: EventTable,
    words: Uint32Array,
    codes: Uint16Array,
    slice: number,
    from: number,
    end: number,
  ): number {
    const { slotOfStage } = layout;
    const { doubles, halves, slices } = this;
    const outside = outsideOf(end - from);
    let out = 0;
    let i = from;
    for (; i < end; i++) {
      const slot = slotOfStage[codes[stage[i]!]!];
      if (slot === undefined) break;
      const { cellOf } = slot;
      const layerAt = layer[i]! + 1;
      if (layerAt >= cellOf.length) break;
      const cell = cellOf[layerAt]!;
      if (cell < 0) break;
      const duration = durationNs[i]!;
      const word = words[2 * i + 1]!;
      const bin = word < ONE_WORD ? 0 : (word >>> BIN_SHIFT) - BEFORE_BIN_0;
      const d = cell * CELL_DOUBLES;
      const h = cell * CELL_HALVES;
      const inWindow = bin - halves[h + WINDOW_START]!;
      if (inWindow >= 0 && inWindow < WINDOW_BINS) {
        const c = h + WINDOW + inWindow;
        halves[c] = halves[c]! + 1;
      } else {
        outside[out++] = cell;
        outside[out++] = bin;
      }
      doubles[d] = doubles[d]! + duration;
      if (duration < doubles[d + MIN]!) doubles[d + MIN] = duration;
      if (duration > doubles[d + MAX]!) doubles[d + MAX] = duration;
      const to = slot.index * SLOT_DOUBLES + slice * SLICE_DOUBLES;
      slices[to] = slices[to]! + 1;
      slices[to + 1] = slices[to + 1]! + duration;
      if (duration < slices[to + 2]!) slices[to + 2] = duration;
      if (duration > slices[to + 3]!) slices[to + 3] = duration;
    }
    this.#addOutside(layout, outside, out);
    return i;
  }

  /** Adds any event, of a new stage or layer too. */
  #addOne(
    layout: StageLayout,
    slot: StageSlot,
    slice: number,
    layer: number,
    durationNs: number,
  ): void {
    const cell = layout.cell(slot, layer);
    this.makeRoom(layout);
    const { doubles, slices } = this;
    const d = cell * CELL_DOUBLES;
    this.#addBin(layout, cell, sketchBin(durationNs));
    doubles[d + SUM] = doubles[d + SUM]! + durationNs;
    doubles[d + MIN] = Math.min(doubles[d + MIN]!, durationNs);
    doubles[d + MAX] = Math.max(doubles[d + MAX]!, durationNs);
    const to = slot.index * SLOT_DOUBLES + slice * SLICE_DOUBLES;
    slices[to] = slices[to]! + 1;
    slices[to + 1] = slices[to + 1]! + durationNs;
    slices[to + 2] = Math.min(slices[to + 2]!, durationNs);
    slices[to + 3] = Math.max(slices[to + 3]!, durationNs);
  }

  /** Counts pairs of cell and bin. */
  #addOutside(layout: StageLayout, pairs: Int32Array, length: number): void {
    const { halves } = this;
    let { pages } = this;
    for (let i = 0; i < length; i += 2) {
      const cell = pairs[i]!;
      const bin = pairs[i + 1]!;
      const row = layout.rowOf[cell]!;
      const page = row < 0 ? 0 : layout.pageOf[row * OCTAVES + octaveOfBin(bin)]!;
      const at = page * SKETCH_BINS_PER_OCTAVE + placeInOctave(bin);
      // The window may have been opened by one of the pairs before.
      const windowStart = halves[cell * CELL_HALVES + WINDOW_START]!;
      const inWindow = bin - windowStart;
      const outside = windowStart !== NO_WINDOW && (inWindow < 0 || inWindow >= WINDOW_BINS);
      if (outside && page > 0 && at < pages.length) {
        pages[at] = pages[at]! + 1;
      } else {
        this.#addBin(layout, cell, bin);
        ({ pages } = this);
      }
    }
  }

  /** Counts a bin; the first of a cell opens its window. */
  #addBin(layout: StageLayout, cell: number, bin: number): void {
    const { halves } = this;
    const h = cell * CELL_HALVES;
    if (halves[h + WINDOW_START] === NO_WINDOW) {
      halves[h + WINDOW_START] = Math.max(0, bin - BINS_BELOW);
    }
    const inWindow = bin - halves[h + WINDOW_START]!;
    if (inWindow >= 0 && inWindow < WINDOW_BINS) {
      halves[h + WINDOW + inWindow]!++;
      return;
    }
    const page = layout.page(cell, octaveOfBin(bin));
    const needed = layout.pages * SKETCH_BINS_PER_OCTAVE;
    if (needed > this.pages.length) {
      const grown = new Uint16Array(needed * 2);
      grown.set(this.pages);
      this.pages = grown;
    }
    this.pages[page * SKETCH_BINS_PER_OCTAVE + placeInOctave(bin)]!++;
  }

  makeRoom(layout: StageLayout): void {
    if (layout.cells * CELL_DOUBLES > this.doubles.length) {
      const grown = new Float64Array(layout.cellStage.length * CELL_DOUBLES);
      grown.set(this.doubles);
      const halves = new Uint16Array(grown.buffer);
      for (let d = this.doubles.length; d < grown.length; d += CELL_DOUBLES) {
        clearSums(grown, d);
        halves[d * 4 + WINDOW_START] = NO_WINDOW;
      }
      this.doubles = grown;
      this.halves = halves;
    }
    if (layout.slots.length * SLOT_DOUBLES > this.slices.length) {
      const grown = new Float64Array((layout.slots.length + 3) * SLOT_DOUBLES);
      grown.set(this.slices);
      for (let s = this.slices.length; s < grown.length; s += SLICE_DOUBLES) {
        clearSums(grown, s + 1);
      }
      this.slices = grown;
    }
  }
}

/** Sum, minimum and maximum of nothing. */
export function clearSums(doubles: Float64Array, at: number): void {
  doubles[at] = 0;
  doubles[at + 1] = Number.POSITIVE_INFINITY;
  doubles[at + 2] = -1;
}

/** 0 for bin 0, then one for each octave from 2^0. */
export function octaveOfBin(bin: number): number {
  return ((bin - 1) >> 5) + 1;
}

/** Bin 0 is the last of its octave. */
function placeInOctave(bin: number): number {
  return (bin - 1) & (SKETCH_BINS_PER_OCTAVE - 1);
}

let idlePairs = new Int32Array(0);

/** Room for two numbers for each of `count` events; for one call at a time. */
function outsideOf(count: number): Int32Array {
  if (count * 2 > idlePairs.length) idlePairs = new Int32Array(count * 4);
  return idlePairs;
}
