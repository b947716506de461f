/** Products of two lengths up to this stay exact: longer bands are not mixed. */
const MAX_MIXED_NS = 2 ** 26;

/**
 * How much of the first `ns` of a band of `wholeNs` is its first part's, the parts being mixed evenly,
 * nanosecond by nanosecond:
 *
 *     first part 2 of 5    ·█··█      firstPart(2, 5, 3) = 1, firstPart(2, 5, 5) = 2
 *
 * So whatever cuts a band up, the pieces add up, and each has its share of both parts. Half nanoseconds,
 * where slices of a window meet, are those of the nanosecond that they halve.
 */
export function mixedPartNs(firstNs: number, wholeNs: number, ns: number): number {
  if (firstNs === 0 || ns <= 0) return 0;
  if (firstNs === wholeNs) return ns;
  if (wholeNs > MAX_MIXED_NS) return Math.min(ns, firstNs);
  const whole = Math.floor(ns);
  const before = Math.floor((whole * firstNs) / wholeNs);
  if (whole === ns) return before;
  const after = Math.floor(((whole + 1) * firstNs) / wholeNs);
  return before + (ns - whole) * (after - before);
}
