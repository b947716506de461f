/** Waiting by cause, of every worker in every bucket: what the report and the rollups are made of. */
import type { Assembled } from '#lib/model/assembled.ts';
import { sweepCauses } from './cause-sweep.ts';
import { CAUSES, type CauseSink } from './causes.ts';
import type { KeyTimes } from './key-times.ts';
import type { LoadModel } from './load-model.ts';

export const CAUSE_COUNT = CAUSES.length;

/**
 * `CAUSE_COUNT` sums a place, `worker · buckets + bucket`. Bucket b is `[edgesNs[b], edgesNs[b + 1])`.
 * What a worker's causes add up to is |bubble ∩ receives|.
 */
export function causeLengths(
  assembled: Assembled,
  times: KeyTimes,
  models: readonly LoadModel[],
  edgesNs: ArrayLike<number>,
): Float64Array {
  const buckets = Math.max(0, edgesNs.length - 1);
  const sums = new SumSink(assembled.events.workers.length, buckets);
  sweepCauses(assembled, times, models, edgesNs, sums);
  return sums.sumsNs;
}

class SumSink implements CauseSink {
  readonly sumsNs: Float64Array;
  readonly #buckets: number;

  constructor(workers: number, buckets: number) {
    this.#buckets = buckets;
    this.sumsNs = new Float64Array(workers * buckets * CAUSE_COUNT);
  }

  add(
    worker: number,
    bucket: number,
    _receive: number,
    cause: number,
    _culprit: number,
    fromNs: number,
    toNs: number,
  ): void {
    const at = (worker * this.#buckets + bucket) * CAUSE_COUNT + cause;
    this.sumsNs[at] = this.sumsNs[at]! + (toNs - fromNs);
  }
}
