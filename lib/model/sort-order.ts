/**
 * Sorting of row numbers by a numeric column: stable, and close to linear where the input is nearly
 * sorted, which exported events are. Blocks are sorted by insertion, then merged bottom-up, and a
 * merge of two blocks that are already in order costs one comparison.
 */

/** Below this, insertion beats merging. */
const BLOCK_ROWS = 32;

/** Sorts `order[from..to)` by `key[row]`, ascending; `scratch` must be as long as `order`. */
export function sortOrder(
  order: Int32Array,
  key: Float64Array,
  from: number,
  to: number,
  scratch: Int32Array,
): void {
  for (let block = from; block < to; block += BLOCK_ROWS) {
    insertionSort(order, key, block, Math.min(block + BLOCK_ROWS, to));
  }
  for (let width = BLOCK_ROWS; width < to - from; width *= 2) {
    for (let left = from; left + width < to; left += 2 * width) {
      const middle = left + width;
      const right = Math.min(middle + width, to);
      if (key[order[middle - 1]!]! > key[order[middle]!]!) {
        mergeRuns(order, key, left, middle, right, scratch);
      }
    }
  }
}

function insertionSort(order: Int32Array, key: Float64Array, from: number, to: number): void {
  for (let i = from + 1; i < to; i++) {
    const row = order[i]!;
    const value = key[row]!;
    let j = i - 1;
    while (j >= from && key[order[j]!]! > value) {
      order[j + 1] = order[j]!;
      j--;
    }
    order[j + 1] = row;
  }
}

function mergeRuns(
  order: Int32Array,
  key: Float64Array,
  left: number,
  middle: number,
  right: number,
  scratch: Int32Array,
): void {
  for (let i = left; i < middle; i++) scratch[i] = order[i]!;
  let i = left;
  let j = middle;
  let out = left;
  while (i < middle && j < right) {
    const a = scratch[i]!;
    const b = order[j]!;
    if (key[a]! <= key[b]!) {
      order[out++] = a;
      i++;
    } else {
      order[out++] = b;
      j++;
    }
  }
  while (i < middle) order[out++] = scratch[i++]!;
}
