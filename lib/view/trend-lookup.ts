/** The value of a line at an instant: that of the nearest point, null inside a gap. */
export function valueNear(
  data: readonly (readonly [number, number | null])[],
  atMs: number,
): number | null {
  let low = 0;
  let high = data.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (data[middle]![0] < atMs) low = middle + 1;
    else high = middle;
  }
  const before = data[low - 1];
  const after = data[low];
  if (before === undefined) return after?.[1] ?? null;
  if (after === undefined) return before[1];
  return atMs - before[0] <= after[0] - atMs ? before[1] : after[1];
}
