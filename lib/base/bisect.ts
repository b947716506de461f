/** Search in sorted columns. */

/** First index in `[0, length)` whose value is >= `value`, else `length`. */
export function lowerBound(
  sorted: ArrayLike<number>,
  value: number,
  length: number = sorted.length,
): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** First index in `[0, length)` whose value is > `value`, else `length`. */
export function upperBound(
  sorted: ArrayLike<number>,
  value: number,
  length: number = sorted.length,
): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
