/**
 * Sorting of (key, row) pairs by key: stable, and close to linear where the input is nearly sorted,
 * which exported events are. Blocks are sorted by insertion, then merged bottom-up; a merge touches
 * only the pairs that overlap, so that two blocks in order cost one comparison.
 */

/** Below this, insertion beats merging. */
const BLOCK_ROWS = 32;

export class PairSorter {
  #scratchKeys = new Float64Array(256);
  #scratchRows = new Int32Array(256);

  /** Sorts `[from, to)` of both columns by `keys`, ascending. */
  sort(keys: Float64Array, rows: Int32Array, from: number, to: number): void {
    for (let block = from; block < to; block += BLOCK_ROWS) {
      insertionSort(keys, rows, block, Math.min(block + BLOCK_ROWS, to));
    }
    for (let width = BLOCK_ROWS; width < to - from; width *= 2) {
      for (let left = from; left + width < to; left += 2 * width) {
        const middle = left + width;
        if (keys[middle - 1]! > keys[middle]!) {
          this.#merge(keys, rows, left, middle, Math.min(middle + width, to));
        }
      }
    }
  }

  /** Merges `[left, middle)` with `[middle, right)`, of which the first's last key is larger. */
  #merge(keys: Float64Array, rows: Int32Array, left: number, middle: number, right: number): void {
    const from = firstAbove(keys, left, middle, keys[middle]!);
    const to = firstNotBelow(keys, middle, right, keys[middle - 1]!);
    const length = middle - from;
    this.#reserve(length);
    const leftKeys = this.#scratchKeys;
    const leftRows = this.#scratchRows;
    for (let i = 0; i < length; i++) {
      leftKeys[i] = keys[from + i]!;
      leftRows[i] = rows[from + i]!;
    }
    let i = 0;
    let j = middle;
    let out = from;
    while (i < length && j < to) {
      if (leftKeys[i]! <= keys[j]!) {
        keys[out] = leftKeys[i]!;
        rows[out++] = leftRows[i++]!;
      } else {
        keys[out] = keys[j]!;
        rows[out++] = rows[j++]!;
      }
    }
    while (i < length) {
      keys[out] = leftKeys[i]!;
      rows[out++] = leftRows[i++]!;
    }
  }

  #reserve(length: number): void {
    if (length <= this.#scratchRows.length) return;
    this.#scratchKeys = new Float64Array(length * 2);
    this.#scratchRows = new Int32Array(length * 2);
  }
}

function insertionSort(keys: Float64Array, rows: Int32Array, from: number, to: number): void {
  for (let i = from + 1; i < to; i++) {
    const key = keys[i]!;
    if (keys[i - 1]! <= key) continue;
    const row = rows[i]!;
    let j = i - 1;
    while (j >= from && keys[j]! > key) {
      keys[j + 1] = keys[j]!;
      rows[j + 1] = rows[j]!;
      j--;
    }
    keys[j + 1] = key;
    rows[j + 1] = row;
  }
}

/** The first place whose key is above `key`; the last one's is. Most often it lies near the end. */
function firstAbove(keys: Float64Array, from: number, to: number, key: number): number {
  let high = to - 1;
  let reach = 1;
  while (high - reach >= from && keys[high - reach]! > key) {
    high -= reach;
    reach *= 2;
  }
  let low = Math.max(from, high - reach);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! > key) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The first place whose key is not below `key`, else `to`; the first one's is below it. */
function firstNotBelow(keys: Float64Array, from: number, to: number, key: number): number {
  let low = from + 1;
  let reach = 1;
  while (low + reach < to && keys[low + reach]! < key) {
    low += reach;
    reach *= 2;
  }
  let high = Math.min(to, low + reach);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
