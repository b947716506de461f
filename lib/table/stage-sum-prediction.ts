/** What a row of sums is predicted from: writer and reader of stage rollups walk the same. */
import { MAX_INTEGER } from './column-codec.ts';

/** What rows of cells, slices and bands have in common. */
export interface Sums {
  readonly count: Float64Array;
  readonly sumNs: Float64Array;
  readonly minNs: Float64Array;
  readonly maxNs: Float64Array;
}

/** The row before of the same stage; writer and reader walk the same. */
export class LastOfStage {
  readonly #counts: number[] = [];
  readonly #meansNs: number[] = [];

  count(stage: number): number {
    return this.#counts[stage] ?? 0;
  }

  /** Residuals must stay exact: what is too large to predict is not predicted. */
  expectedSum(stage: number, rows: number): number {
    const expected = (this.#meansNs[stage] ?? 0) * rows;
    return expected <= MAX_INTEGER && expected >= -MAX_INTEGER ? expected : 0;
  }

  meanOf(rows: number, sumNs: number): number {
    const mean = rows > 0 ? Math.round(sumNs / rows) : 0;
    return Object.is(mean, -0) ? 0 : mean;
  }

  set(stage: number, rows: number, meanNs: number): void {
    this.#counts[stage] = rows;
    this.#meansNs[stage] = meanNs;
  }
}
