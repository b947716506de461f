/**
 * When the events of packed steps took place and how long they took, piece by piece: what sums over
 * stages and layers need, noted while the steps were open for checking. A piece is consecutive
 * events of one stage that start in the same slice and whose layers run on:
 *
 *     stage          0          2          …   index into stageNames
 *     slice          35900…1    35900…1        slices (SLICE_NS) since the epoch
 *     layer          3          3              of the first event
 *     layerStep      1          1              to the next event's layer; 0: all have the same
 *     count          58         58
 *     durationNs     58 values  58 values      one piece's behind the other's
 *
 * Phases that stay out of every figure (`warmup`, `capture`) have no pieces. Arrays may be longer
 * than what is used of them.
 */
import { NS_PER_S } from '#lib/base/units.ts';
import { SLICES_PER_SECOND } from './stage-rollups.ts';

export const SLICE_NS = NS_PER_S / SLICES_PER_SECOND;

export interface PackedTimes {
  /** Steps, in the rows of their PackedTable. */
  readonly length: number;
  readonly stageNames: readonly string[];
  /** length + 1 entries: step `i` has pieces `pieceOffsets[i] .. pieceOffsets[i + 1]`. */
  readonly pieceOffsets: Uint32Array;
  /** Likewise into `durationNs`. */
  readonly durationOffsets: Uint32Array;
  readonly stage: Uint16Array;
  readonly slice: Float64Array;
  readonly layer: Int32Array;
  readonly layerStep: Uint8Array;
  readonly count: Uint32Array;
  readonly durationNs: Float64Array;
}

const TWO_32 = 2 ** 32;
const TWO_32_IN_SLICE = TWO_32 % SLICE_NS;

/** How far into its slice an instant of two words is, in nanoseconds. */
export function withinSliceNs(high: number, low: number): number {
  return ((((high % SLICE_NS) * TWO_32_IN_SLICE) % SLICE_NS) + low) % SLICE_NS;
}

/** The number of the slice that an instant of two words lies in. */
export function baseSliceOf(high: number, low: number): number {
  // The quotient is off by far less than a half, so that it rounds to what it is exactly.
  return Math.round((high * TWO_32 + (low - withinSliceNs(high, low))) / SLICE_NS);
}

/** Grows piece by piece and step by step, and can be used again. */
export class PackedTimesBuilder implements PackedTimes {
  length = 0;
  stageNames: readonly string[] = [];
  pieceOffsets = new Uint32Array(17);
  durationOffsets = new Uint32Array(17);
  stage = new Uint16Array(256);
  slice = new Float64Array(256);
  layer = new Int32Array(256);
  layerStep = new Uint8Array(256);
  count = new Uint32Array(256);
  durationNs = new Float64Array(4096);
  #pieces = 0;
  #durations = 0;

  /** Forgets all steps, keeps the memory. */
  clear(): void {
    this.length = 0;
    this.#pieces = 0;
    this.#durations = 0;
  }

  get heldBytes(): number {
    return this.durationNs.byteLength + this.stage.length * 19 + this.pieceOffsets.byteLength * 2;
  }

  /** Durations of the rows `[from, to)`; the pieces that hold them follow. */
  addDurations(durationNs: Float64Array, from: number, to: number): void {
    const needed = this.#durations + to - from;
    if (needed > this.durationNs.length) {
      this.durationNs = grown(this.durationNs, new Float64Array(roomFor(needed)));
    }
    this.durationNs.set(durationNs.subarray(from, to), this.#durations);
    this.#durations = needed;
  }

  addPiece(stage: number, slice: number, layer: number, layerStep: number, count: number): void {
    const at = this.#pieces++;
    if (at === this.stage.length) this.#growPieces();
    this.stage[at] = stage;
    this.slice[at] = slice;
    this.layer[at] = layer;
    this.layerStep[at] = layerStep;
    this.count[at] = count;
  }

  endStep(): void {
    this.length++;
    if (this.length === this.pieceOffsets.length) {
      const capacity = this.length * 2;
      this.pieceOffsets = grown(this.pieceOffsets, new Uint32Array(capacity));
      this.durationOffsets = grown(this.durationOffsets, new Uint32Array(capacity));
    }
    this.pieceOffsets[this.length] = this.#pieces;
    this.durationOffsets[this.length] = this.#durations;
  }

  #growPieces(): void {
    const capacity = this.stage.length * 2;
    this.stage = grown(this.stage, new Uint16Array(capacity));
    this.slice = grown(this.slice, new Float64Array(capacity));
    this.layer = grown(this.layer, new Int32Array(capacity));
    this.layerStep = grown(this.layerStep, new Uint8Array(capacity));
    this.count = grown(this.count, new Uint32Array(capacity));
  }
}

function roomFor(count: number): number {
  return 2 ** Math.ceil(Math.log2(count));
}

function grown<T extends Float64Array | Int32Array | Uint32Array | Uint16Array | Uint8Array>(
  from: T,
  to: T,
): T {
  to.set(from);
  return to;
}
