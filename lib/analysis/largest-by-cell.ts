/** Above this many cells a map costs less memory than a column. */
const DENSE_CELLS = 1 << 22;

/** The largest value per cell, for cells from 0 up. */
export class LargestByCell {
  readonly #dense: Float64Array | null;
  readonly #sparse = new Map<number, number>();
  readonly #cells: number[] = [];

  /** Values are at least 0. */
  constructor(cells: number) {
    this.#dense = cells <= DENSE_CELLS ? new Float64Array(cells).fill(-1) : null;
  }

  add(cell: number, value: number): void {
    const known = this.#dense === null ? (this.#sparse.get(cell) ?? -1) : this.#dense[cell]!;
    if (known >= value) return;
    if (known < 0) this.#cells.push(cell);
    if (this.#dense === null) this.#sparse.set(cell, value);
    else this.#dense[cell] = value;
  }

  /** Visits every cell that has a value, in the order of their first ones, then forgets them. */
  flush(visit: (cell: number, largest: number) => void): void {
    for (const cell of this.#cells) {
      visit(cell, this.#dense === null ? this.#sparse.get(cell)! : this.#dense[cell]!);
      if (this.#dense !== null) this.#dense[cell] = -1;
    }
    this.#cells.length = 0;
    this.#sparse.clear();
  }
}
