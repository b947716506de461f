/**
 * The steps that a side of a comparison is judged by. A step is the unit: its events wait for each
 * other, so that ten thousand of them say hardly more about the next step than one number does.
 *
 *     window      ├───────────────────────────────┤
 *     steps     [ 1 ][ 2 ][ 3 ][ 4 ][ 5 ][ 6 ][ 7 ]     1 and 7 are cut
 *     sampled        [ 2 ]     [ 4 ]     [ 6 ]          evenly spread, where there are too many
 *     time of 2      ├────┤                             until 3 starts
 */
import type { Assembled } from '#lib/model/assembled.ts';
import type { WindowNs } from '#lib/model/select-window.ts';
import { medianOf } from './quantiles.ts';

/** More of them would only narrow intervals that are narrow. */
export const MAX_SAMPLED_STEPS = 300;

export interface SampledSteps {
  /** Rows in the step table, by start. */
  readonly rows: Int32Array;
  /** The place of each row of the step table in `rows`, else -1. */
  readonly placeOf: Int32Array;
  readonly latencyNs: Float64Array;
  /** Until the next step starts where it directly follows, else until the step ends. */
  readonly stepNs: Float64Array;
  /** Whole steps in the window. */
  readonly whole: number;
  /** Steps in the window that are cut, or have fewer events than others do. */
  readonly cut: number;
}

export function sampleSteps(assembled: Assembled, window: WindowNs): SampledSteps {
  const { steps } = assembled;
  const inside: number[] = [];
  for (let step = 0; step < steps.length; step++) {
    if (steps.startNs[step]! >= window.fromNs && steps.endNs[step]! <= window.toNs) {
      inside.push(step);
    }
  }
  const whole = wholeOf(assembled, inside);
  whole.sort((a, b) => steps.startNs[a]! - steps.startNs[b]! || a - b);
  const rows = evenlySpread(whole, MAX_SAMPLED_STEPS);
  const placeOf = new Int32Array(steps.length).fill(-1);
  rows.forEach((row, place) => {
    placeOf[row] = place;
  });
  return {
    rows,
    placeOf,
    latencyNs: Float64Array.from(rows, (row) => steps.endNs[row]! - steps.startNs[row]!),
    stepNs: Float64Array.from(rows, (row) => {
      const next = steps.next[row]!;
      return (next < 0 ? steps.endNs[row]! : steps.startNs[next]!) - steps.startNs[row]!;
    }),
    whole: whole.length,
    cut: inside.length - whole.length,
  };
}

/**
 * A step that two whole steps stand around was seen from end to end. At an edge of what was read, steps
 * may be cut, and overlap with cut ones: those count that have as many events as the median of the others.
 */
function wholeOf(assembled: Assembled, inside: readonly number[]): number[] {
  const { steps, stepOf } = assembled;
  const before = new Int32Array(steps.length).fill(-1);
  for (let step = 0; step < steps.length; step++) {
    if (steps.next[step]! >= 0) before[steps.next[step]!] = step;
  }
  const between = (step: number): boolean => before[step]! >= 0 && steps.next[step]! >= 0;
  const events = new Float64Array(steps.length);
  for (let row = 0; row < stepOf.length; row++) {
    const step = stepOf[row]!;
    if (step >= 0) events[step] = events[step]! + 1;
  }
  const known = inside.filter(between);
  const counts = Float64Array.from(known.length > 0 ? known : inside, (step) => events[step]!);
  const usual = medianOf(counts) ?? 0;
  const seen = (step: number): boolean => between(step) || events[step]! >= usual;
  return inside.filter(
    (step) =>
      events[step]! >= usual || (between(step) && seen(before[step]!) && seen(steps.next[step]!)),
  );
}

function evenlySpread(all: readonly number[], most: number): Int32Array {
  if (all.length <= most) return Int32Array.from(all);
  return Int32Array.from(
    { length: most },
    (_, i) => all[Math.floor(((i + 0.5) * all.length) / most)]!,
  );
}
