/**
 * Neighbouring steps are alike (contexts grow, batches stay), so n steps say less than n independent
 * ones. How much less: the design effect, the sum of the autocorrelations of the steps' ranks,
 *
 *     effect = 1 + 2 (r1 + r2 + r3 + …)      r1 + r2, r3 + r4, … as long as a pair is positive
 *
 * (Geyer's initial monotone sequence, 1992): of a stationary reversible series the pairs are positive and
 * fall, so what is not is noise. Ranks, so that one long step does not hide the rest.
 */
import { midranks } from './compare-ranks.ts';

/** Correlations of more lags are not looked at. */
const MAX_LAGS = 100;

/** Of both sides together, each in time order and about its own mean; at least 1. */
export function designEffect(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const series = [centred(midranks(a).ranks), centred(midranks(b).ranks)];
  let variance = 0;
  for (const values of series) variance += laggedSum(values, 0);
  if (variance === 0) return 1;
  const total = a.length + b.length;
  const lags = Math.min(MAX_LAGS, Math.floor(Math.max(a.length, b.length) / 2));
  let sum = 0;
  let smallest = Number.POSITIVE_INFINITY;
  // The first pair of Geyer's sequence is lags 0 and 1.
  for (let lag = 0; lag < lags; lag += 2) {
    let pair = 0;
    for (let k = lag; k <= lag + 1; k++) {
      let products = 0;
      let terms = 0;
      for (const values of series) {
        products += laggedSum(values, k);
        terms += Math.max(0, values.length - k);
      }
      if (terms > 0) pair += (products / terms) * (total / variance);
    }
    if (pair <= 0) break;
    smallest = Math.min(smallest, pair);
    sum += smallest;
  }
  return Math.max(1, 2 * sum - 1);
}

function centred(values: Float64Array): Float64Array {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.map((value) => value - mean);
}

function laggedSum(values: Float64Array, lag: number): number {
  let sum = 0;
  for (let i = lag; i < values.length; i++) sum += values[i]! * values[i - lag]!;
  return sum;
}
