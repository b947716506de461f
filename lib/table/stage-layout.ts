/**
 * Where the sums of one worker's stages and layers lie in its buckets' arrays. Seconds resemble each
 * other, so that all buckets of a worker share one layout, and none is laid out anew.
 *
 *     slot   one stage
 *     cell   one stage and layer
 *     page   the bins of one cell from one power of two to the next, where its own few do not do
 */

/** Of each cell that has pages: below 1 ns, then the powers of two from 2^0. Page 0 is none. */
export const OCTAVES = 64;
/** Layers beyond this (no model has them) are looked up in a map. */
const MAX_DENSE_LAYERS = 4096;
/** Page numbers have 16 bits; cells are held to as much. */
const MAX_PAGES = 65_535;
const MAX_CELLS = 16_384;

export interface StageSlot {
  readonly index: number;
  readonly stage: number;
  /** The cell of layer `i - 1`, -1 where there is none yet. */
  cellOf: Int32Array;
}

export class StageLayout {
  cells = 0;
  pages = 1;
  cellStage = new Uint16Array(32);
  cellLayer = new Int32Array(32);
  readonly slots: StageSlot[] = [];
  readonly slotOfStage: (StageSlot | undefined)[] = [];
  /** Where the pages of a cell are listed in `pageOf`, -1 where it has none. */
  rowOf = new Int32Array(32).fill(-1);
  /** Pages by octave, in rows of OCTAVES. */
  pageOf = new Uint16Array(8 * OCTAVES);
  #rows = 0;
  readonly #beyond = new Map<string, number>();
  #order = new Uint32Array(0);
  #slotOrder: readonly StageSlot[] = [];

  /** Can so many more events surely be placed? */
  hasRoom(events: number): boolean {
    return this.pages + events <= MAX_PAGES && this.cells + events <= MAX_CELLS;
  }

  get heldBytes(): number {
    const dense = this.slots.reduce((sum, { cellOf }) => sum + cellOf.byteLength, 0);
    return this.cellStage.length * 10 + dense + this.pageOf.byteLength + this.#beyond.size * 100;
  }

  slot(stage: number): StageSlot {
    const known = this.slotOfStage[stage];
    if (known !== undefined) return known;
    const cellOf = new Int32Array(64).fill(-1);
    const slot: StageSlot = { index: this.slots.length, stage, cellOf };
    this.slots.push(slot);
    this.slotOfStage[stage] = slot;
    return slot;
  }

  /** The cell of a layer that `slot.cellOf` does not have, made where it is new. */
  cell(slot: StageSlot, layer: number): number {
    const at = layer + 1;
    if (at >= MAX_DENSE_LAYERS) {
      const key = `${slot.stage} ${layer}`;
      const known = this.#beyond.get(key);
      if (known !== undefined) return known;
      const cell = this.#newCell(slot.stage, layer);
      this.#beyond.set(key, cell);
      return cell;
    }
    if (at >= slot.cellOf.length) {
      const grown = new Int32Array(2 ** Math.ceil(Math.log2(at + 1))).fill(-1);
      grown.set(slot.cellOf);
      slot.cellOf = grown;
    }
    const known = slot.cellOf[at]!;
    if (known >= 0) return known;
    const cell = this.#newCell(slot.stage, layer);
    slot.cellOf[at] = cell;
    return cell;
  }

  /** The page of a cell's octave, made where it is new. */
  page(cell: number, octave: number): number {
    if (this.rowOf[cell]! < 0) {
      this.rowOf[cell] = this.#rows++;
      if (this.#rows * OCTAVES > this.pageOf.length) {
        const grown = new Uint16Array(this.pageOf.length * 2);
        grown.set(this.pageOf);
        this.pageOf = grown;
      }
    }
    const at = this.rowOf[cell]! * OCTAVES + octave;
    if (this.pageOf[at] === 0) this.pageOf[at] = this.pages++;
    return this.pageOf[at]!;
  }

  /** Cells by stage, then layer. */
  order(): Uint32Array {
    if (this.#order.length !== this.cells) {
      const { cellStage, cellLayer } = this;
      this.#order = Uint32Array.from({ length: this.cells }, (_, cell) => cell).sort(
        (a, b) => cellStage[a]! - cellStage[b]! || cellLayer[a]! - cellLayer[b]!,
      );
    }
    return this.#order;
  }

  /** Slots by stage. */
  slotOrder(): readonly StageSlot[] {
    if (this.#slotOrder.length !== this.slots.length) {
      this.#slotOrder = this.slots.toSorted((a, b) => a.stage - b.stage);
    }
    return this.#slotOrder;
  }

  #newCell(stage: number, layer: number): number {
    const cell = this.cells++;
    if (cell === this.cellStage.length) {
      const capacity = cell * 2;
      const cellStage = new Uint16Array(capacity);
      cellStage.set(this.cellStage);
      this.cellStage = cellStage;
      const cellLayer = new Int32Array(capacity);
      cellLayer.set(this.cellLayer);
      this.cellLayer = cellLayer;
      const rowOf = new Int32Array(capacity).fill(-1, cell);
      rowOf.set(this.rowOf);
      this.rowOf = rowOf;
    }
    this.cellStage[cell] = stage;
    this.cellLayer[cell] = layer;
    return cell;
  }
}
