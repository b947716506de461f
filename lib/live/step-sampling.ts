/**
 * Which steps the live view looks at where there are more events than it has time for. It takes
 * whole steps of all workers, about one in `every`, spread evenly; what it leaves out counts as not
 * observed, so that ratios stay right (docs/decisions/0004-observed-time.md). The choice depends on
 * the step's number alone: all threads and workers agree on it, and the steps of a larger `every` are
 * among those of a smaller one.
 */

/** 2^32 divided by the golden ratio, odd: its multiples spread evenly, in any arithmetic series. */
const GOLDEN = 0x9e3779b1;

/** More would leave less than a step an hour of a usual engine. */
const MAX_EVERY = 65_536;

/** An `every` is halved again only where the load would then be below this part of what is allowed. */
const CALM = 0.7;

/** Is the step looked at? Events without a step always are. */
export function isLookedAt(step: number, every: number): boolean {
  return every <= 1 || step < 0 || Math.imul(step >>> 0, GOLDEN) >>> 0 < 2 ** 32 / every;
}

/**
 * `every` by deployment, a power of two; absent: 1. The budget is shared evenly, and what small
 * deployments leave of it goes to the larger ones.
 *
 * @param rates events a second by deployment, those left out included
 * @param budget events a second that may be looked at, all together
 * @param current the choice so far: it changes only where the load does so clearly
 */
export function chooseSampling(
  rates: ReadonlyMap<string, number>,
  budget: number,
  current: ReadonlyMap<string, number>,
): Map<string, number> {
  const chosen = new Map<string, number>();
  const rising = [...rates].sort((a, b) => a[1] - b[1]);
  let left = budget;
  rising.forEach(([deployment, rate], i) => {
    const share = left / (rising.length - i);
    let every = 1;
    while (rate / every > share && every < MAX_EVERY) every *= 2;
    const before = current.get(deployment) ?? 1;
    while (every < before && rate / every > share * CALM) every *= 2;
    left -= Math.min(share, rate / every);
    if (every > 1) chosen.set(deployment, every);
  });
  return chosen;
}
