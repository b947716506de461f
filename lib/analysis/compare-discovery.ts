/**
 * Where many figures are tested at once, some look different by chance. Benjamini and Hochberg's step-up
 * (1995): of the figures with q < 5 %, less than one in twenty is expected to be one of those.
 */

/** q of each p, in the order given; null stays null and is not counted. */
export function discoveryRates(ps: readonly (number | null)[]): (number | null)[] {
  const tested = ps.flatMap((p, i) => (p === null ? [] : [{ p, i }]));
  tested.sort((x, y) => y.p - x.p);
  const qs: (number | null)[] = ps.map(() => null);
  let smallest = 1;
  tested.forEach(({ p, i }, fromLargest) => {
    const rank = tested.length - fromLargest;
    smallest = Math.min(smallest, p * (tested.length / rank));
    qs[i] = smallest;
  });
  return qs;
}
