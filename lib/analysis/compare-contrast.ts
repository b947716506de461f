/** One figure of both sides: values by step in, difference, interval, effect and test out. */
import { designEffect } from './compare-correlation.ts';
import { discoveryRates } from './compare-discovery.ts';
import { rankTest } from './compare-ranks.ts';
import { shiftOf } from './compare-shift.ts';
import type { Compared, Contrast, Finding } from './compare-types.ts';
import { medianOf } from './quantiles.ts';

/** With fewer steps on a side nothing is claimed. */
export const MIN_STEPS = 5;

/** Findings are wrong at most so often, where nothing differs. */
export const ALPHA = 0.05;

/** Values in time order; NaN: the step has none. null: the side has no such figure at all. */
export function contrast(a: Float64Array | null, b: Float64Array | null): Contrast {
  const ofA = known(a);
  const ofB = known(b);
  const medianA = medianOf(ofA.slice());
  const medianB = medianOf(ofB.slice());
  const values = {
    a: medianA,
    b: medianB,
    stepsA: ofA.length,
    stepsB: ofB.length,
    difference: medianA === null || medianB === null ? null : medianB - medianA,
    ratio: medianA === null || medianB === null || medianA === 0 ? null : medianB / medianA,
  };
  const nothing = { ...values, shift: null, relative: null, effect: null, p: null };
  if (Math.min(ofA.length, ofB.length) < MIN_STEPS) return nothing;
  const test = rankTest(ofA, ofB, designEffect(ofA, ofB));
  const shift = shiftOf(ofA.slice().sort(), ofB.slice().sort(), test.deviation);
  if (shift === null) return nothing;
  const scale = Math.abs(medianA!);
  const relative =
    scale === 0
      ? null
      : { value: shift.value / scale, low: shift.low / scale, high: shift.high / scale };
  return { ...values, shift, relative, effect: test.delta, p: test.p };
}

/** One table of figures: tested together, corrected together. */
export function judge(contrasts: readonly Contrast[]): Compared[] {
  const qs = discoveryRates(contrasts.map(({ p }) => p));
  return contrasts.map((one, i) => ({ ...one, q: qs[i]!, finding: findingOf(one, qs[i]!) }));
}

/** One figure that was chosen before anything was looked at: it is not corrected. */
export function judgeAlone(one: Contrast): Compared {
  return { ...one, q: one.p, finding: findingOf(one, one.p) };
}

function findingOf({ stepsA, stepsB, effect }: Contrast, q: number | null): Finding {
  if (stepsA === 0 && stepsB > 0) return 'only-b';
  if (stepsB === 0 && stepsA > 0) return 'only-a';
  if (q === null || effect === null) return 'too-few';
  if (q >= ALPHA || effect === 0) return 'same';
  return effect > 0 ? 'higher' : 'lower';
}

function known(values: Float64Array | null): Float64Array {
  return values === null ? new Float64Array(0) : values.filter((value) => Number.isFinite(value));
}
