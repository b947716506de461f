/**
 * Figures of a run and how sure they are: steps drawn again and again from those there are, with
 * replacement (bootstrap; Efron 1979), the same draws for both sides of a comparison.
 */
import { Random } from '#lib/base/random.ts';
import { type StepSamples, sum } from './whatif-samples.ts';

/** `low` and `high` hold nine times in ten. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

const DRAWS = 200;
const SEED = 17;

/** `DRAWS` times as many steps as there are, drawn with replacement. */
export function drawSteps(steps: number): Int32Array[] {
  const random = new Random(SEED);
  return Array.from({ length: DRAWS }, () =>
    Int32Array.from({ length: steps }, () => random.below(steps)),
  );
}

/** A figure of some steps of a run; null: all of them, once. */
export type Figure = (samples: StepSamples, steps: Int32Array | null) => number | null;

export const meanStepNs: Figure = ({ stepNs }, steps) => total(stepNs, steps) / stepNs.length;

export const meanPeriodNs: Figure = ({ periodSumNs, periodCount }, steps) => {
  const count = total(periodCount, steps);
  return count === 0 ? null : total(periodSumNs, steps) / count;
};

export const tokenRate: Figure = ({ tokens, stepNs, domains }, steps) => {
  if (tokens === null) return null;
  return ratio(total(tokens, steps) * 1e9, total(stepNs, steps)) * domains;
};

export const tokenRatePerGpu: Figure = (samples, steps) => {
  const rate = tokenRate(samples, steps);
  return rate === null ? null : rate / (samples.attention + samples.ffn);
};

/** Of the first variant over `base`, minus one; both over the same drawn steps. */
export function gainOf(
  variants: readonly StepSamples[],
  base: StepSamples,
  draws: readonly Int32Array[],
  figure: Figure,
): Estimate | null {
  return spreadOf(variants, draws, (variant, steps) => {
    const changed = figure(variant, steps);
    const known = figure(base, steps);
    return changed === null || known === null || known === 0 ? null : changed / known - 1;
  });
}

/** The first variant's figure, and the 5 and 95 % quantiles of the draws of all of them. */
export function spreadOf(
  variants: readonly StepSamples[],
  draws: readonly Int32Array[],
  figure: Figure,
): Estimate | null {
  const value = figure(variants[0]!, null);
  if (value === null) return null;
  let low = value;
  let high = value;
  for (const variant of variants) {
    const drawn = draws.flatMap((steps) => figure(variant, steps) ?? []);
    drawn.sort((a, b) => a - b);
    low = Math.min(low, drawn[Math.floor(0.05 * drawn.length)] ?? value);
    high = Math.max(high, drawn[Math.ceil(0.95 * drawn.length) - 1] ?? value);
  }
  return { value, low, high };
}

function total(column: Float64Array, steps: Int32Array | null): number {
  if (steps === null) return sum(column);
  let all = 0;
  for (let i = 0; i < steps.length; i++) all += column[steps[i]!]!;
  return all;
}

export function ratio(a: number, b: number): number {
  return b === 0 ? 0 : a / b;
}
