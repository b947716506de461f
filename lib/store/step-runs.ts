/**
 * Which step numbers were seen, as runs of consecutive numbers. A serving engine counts its steps
 * up, so one run is the rule; gaps (sampling, losses) make more. Beyond `MAX_RUNS` the two oldest
 * runs grow together: a step from such an old gap is then taken as seen, and not counted.
 */

/** `[first, last]`, both inclusive, ascending, not touching. */
export type StepRun = readonly [first: number, last: number];

const MAX_RUNS = 256;

/** Adds `steps`; `added` is how many of them were new. */
export function addSteps(
  runs: readonly StepRun[],
  steps: Iterable<number>,
): { readonly runs: readonly StepRun[]; readonly added: number } {
  const sorted = Float64Array.from(new Set(steps)).sort();
  const merged: [number, number][] = [];
  let added = 0;
  let next = 0;
  const take = (first: number, last: number) => {
    const tail = merged.at(-1);
    if (tail !== undefined && first <= tail[1] + 1) tail[1] = Math.max(tail[1], last);
    else merged.push([first, last]);
  };
  for (const [first, last] of runs) {
    while (next < sorted.length && sorted[next]! < first) {
      take(sorted[next]!, sorted[next]!);
      added++;
      next++;
    }
    while (next < sorted.length && sorted[next]! <= last) next++;
    take(first, last);
  }
  for (; next < sorted.length; next++, added++) take(sorted[next]!, sorted[next]!);
  if (merged.length > MAX_RUNS) {
    const joined = merged.splice(0, merged.length - MAX_RUNS + 1);
    merged.unshift([joined[0]![0], joined.at(-1)![1]]);
  }
  return { runs: merged, added };
}
