/**
 * Puts the rows of one step in the order of their starts: starts spread over a step rather evenly,
 * so that sorting into as many buckets as there are rows leaves next to nothing to do.
 */

/** Rows as columns; those that `refused` marks are left out. */
export interface TimedRows {
  readonly startNs: Float64Array;
  readonly durationNs: Float64Array;
  readonly refused: Uint8Array;
  readonly refusedRows: number;
  /** Least and greatest start of all rows, refused ones included. */
  readonly minStartNs: number;
  readonly maxStartNs: number;
}

export class StartOrder {
  /** Where a row went, counted from the first; -1 where it was left out. */
  place = new Int32Array(0);
  /** Which row went where. */
  #rowAt = new Int32Array(0);
  #bucketOf = new Int32Array(0);
  #bucketEnds = new Int32Array(0);

  /**
   * Writes the times of the first `count` rows by start to two columns, from index `from` on, starts
   * moved by `offsetNs`. Says how many they are.
   */
  write(
    rows: TimedRows,
    count: number,
    offsetNs: number,
    startColumn: Float64Array,
    durationColumn: Float64Array,
    from: number,
  ): number {
    this.#reserve(count);
    const { startNs, durationNs, refused } = rows;
    const { place } = this;
    const rowAt = this.#rowAt;
    const bucketOf = this.#bucketOf;
    const ends = this.#bucketEnds;
    const all = rows.refusedRows === 0;
    let min = rows.minStartNs;
    let max = rows.maxStartNs;
    if (!all) {
      min = Number.POSITIVE_INFINITY;
      max = Number.NEGATIVE_INFINITY;
      for (let i = 0; i < count; i++) {
        if (refused[i] !== 0) continue;
        const start = startNs[i]!;
        if (start < min) min = start;
        if (start > max) max = start;
      }
    }
    ends.fill(0, 0, count + 1);
    const scale = max > min ? (count - 1) / (max - min) : 0;
    for (let i = 0; i < count; i++) {
      if (!all && refused[i] !== 0) continue;
      const bucket = ((startNs[i]! - min) * scale) | 0;
      bucketOf[i] = bucket;
      ends[bucket + 1] = ends[bucket + 1]! + 1;
    }
    let end = 0;
    for (let b = 1; b <= count; b++) {
      end += ends[b]!;
      ends[b] = end;
    }
    for (let i = 0; i < count; i++) {
      if (!all && refused[i] !== 0) {
        place[i] = -1;
        continue;
      }
      const bucket = bucketOf[i]!;
      const to = ends[bucket]!;
      ends[bucket] = to + 1;
      place[i] = to;
      rowAt[to] = i;
      startColumn[from + to] = startNs[i]! + offsetNs;
      durationColumn[from + to] = durationNs[i]!;
    }
    const length = count - rows.refusedRows;
    if (!this.#insertionSort(startColumn, durationColumn, from, length)) {
      this.#engineSort(startNs, length);
      for (let p = 0; p < length; p++) {
        const row = rowAt[p]!;
        place[row] = p;
        startColumn[from + p] = startNs[row]! + offsetNs;
        durationColumn[from + p] = durationNs[row]!;
      }
    }
    return length;
  }

  /** false: too far out of order for this. */
  #insertionSort(
    startColumn: Float64Array,
    durationColumn: Float64Array,
    from: number,
    length: number,
  ): boolean {
    const { place } = this;
    const rowAt = this.#rowAt;
    const end = from + length;
    let movesLeft = length * 8;
    let before = Number.NEGATIVE_INFINITY;
    for (let p = from; p < end; p++) {
      const start = startColumn[p]!;
      if (before <= start) {
        before = start;
        continue;
      }
      const row = rowAt[p - from]!;
      const duration = durationColumn[p]!;
      let q = p - 1;
      for (; q >= from && startColumn[q]! > start; q--) {
        startColumn[q + 1] = startColumn[q]!;
        durationColumn[q + 1] = durationColumn[q]!;
        const moved = rowAt[q - from]!;
        rowAt[q + 1 - from] = moved;
        place[moved] = q + 1 - from;
        movesLeft--;
      }
      startColumn[q + 1] = start;
      durationColumn[q + 1] = duration;
      rowAt[q + 1 - from] = row;
      place[row] = q + 1 - from;
      if (movesLeft < 0) return false;
    }
    return true;
  }

  #engineSort(startNs: Float64Array, length: number): void {
    this.#rowAt.subarray(0, length).sort((a, b) => startNs[a]! - startNs[b]! || a - b);
  }

  #reserve(count: number): void {
    if (count <= this.place.length) return;
    const capacity = Math.max(1024, count, this.place.length * 2);
    this.place = new Int32Array(capacity);
    this.#rowAt = new Int32Array(capacity);
    this.#bucketOf = new Int32Array(capacity);
    this.#bucketEnds = new Int32Array(capacity + 1);
  }
}
