/**
 * What the bits of stage rollups (stage-bits-write.ts) are predicted from; writer and reader walk the
 * same. Layers of one stage resemble each other, so each row of sums is told as what it differs from
 * the rows of its stage before:
 *
 *     count       from the row before
 *     sumNs       from count times the mean duration of the stage so far, which follows by a quarter
 *     minNs       how far below the row's own mean, from how far it was so far; maxNs likewise above
 *
 * Counts of bins are told as they are, with one parameter a cell: telling each from its neighbours
 * saves a tenth of their bytes, and costs as much time again.
 */
import { startingMean8 } from './rice-bits.ts';

/** Where to find things of a stage: STATE numbers each. */
export const STATE = 4;
export const COUNT = 0;
export const MEAN = 1;
export const LOW = 2;
export const HIGH = 3;

/** No sum is larger. */
export const MAX_SUM = 2 ** 51;

/** The mean that minimum and maximum are told from. */
export function roundedMean(sumNs: number, count: number): number {
  return Math.floor(sumNs / count + 0.5);
}

/** Sums are predicted from the rows of the same stage before. */
export class SumPrediction {
  /** Of each stage: the count before (0: there was no row), and what mean, low and high were so far. */
  values = new Float64Array(16 * STATE);
  /** Eight times the mean of the codes of each. */
  means = new Int32Array(16 * STATE);

  begin(stages: number): void {
    if (stages * STATE > this.values.length) {
      this.values = new Float64Array(stages * 2 * STATE);
      this.means = new Int32Array(stages * 2 * STATE);
    }
    this.values.fill(0, 0, stages * STATE);
  }

  /** The first row of a stage. */
  start(at: number, count: number, meanNs: number, lowNs: number, highNs: number): void {
    const { values, means } = this;
    values[at + COUNT] = count;
    values[at + MEAN] = meanNs;
    values[at + LOW] = lowNs;
    values[at + HIGH] = highNs;
    means[at + COUNT] = 8;
    means[at + MEAN] = startingMean8(meanNs);
    means[at + LOW] = startingMean8(lowNs);
    means[at + HIGH] = startingMean8(highNs);
  }

  /** What the sum of so many events is expected to be; residuals must stay exact. */
  sum(at: number, count: number): number {
    const expected = this.values[at + MEAN]! * count;
    return expected <= MAX_SUM ? Math.floor(expected) : 0;
  }

  follow(at: number, count: number, meanNs: number, lowNs: number, highNs: number): void {
    const { values } = this;
    values[at + COUNT] = count;
    const mean = values[at + MEAN]!;
    const low = values[at + LOW]!;
    const high = values[at + HIGH]!;
    values[at + MEAN] = mean + (meanNs - mean) * 0.25;
    values[at + LOW] = low + Math.floor((lowNs - low) * 0.25);
    values[at + HIGH] = high + Math.floor((highNs - high) * 0.25);
  }
}

/** The parameter for the counts of a cell in so many bins: from their mean. */
export function binParameter(count: number, bins: number): number {
  return 32 - Math.clz32((count / bins) * 0.625);
}
