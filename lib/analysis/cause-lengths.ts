/** Waiting by cause, of every worker in every bucket: what the report and the rollups are made of. */
import type { Assembled } from '#lib/model/assembled.ts';
import { sweepCauses } from './cause-sweep.ts';
import { CAUSES, type CauseSink, NOBODY } from './causes.ts';
import type { KeyTimes } from './key-times.ts';
import type { LoadModel } from './load-model.ts';

export const CAUSE_COUNT = CAUSES.length;

/** By place, `worker · buckets + bucket`. Bucket b is `[edgesNs[b], edgesNs[b + 1])`. */
export interface CauseLengths {
  /** `CAUSE_COUNT` sums a place; what a worker's causes add up to is |bubble ∩ receives|. */
  readonly causeNs: Float64Array;
  /** What others waited because of the worker. */
  readonly blamedNs: Float64Array;
}

export function causeLengths(
  assembled: Assembled,
  times: KeyTimes,
  models: readonly LoadModel[],
  edgesNs: ArrayLike<number>,
): CauseLengths {
  const buckets = Math.max(0, edgesNs.length - 1);
  const sums = new SumSink(assembled.events.workers.length, buckets);
  sweepCauses(assembled, times, models, edgesNs, sums);
  return sums;
}

class SumSink implements CauseSink, CauseLengths {
  readonly causeNs: Float64Array;
  readonly blamedNs: Float64Array;
  readonly #buckets: number;

  constructor(workers: number, buckets: number) {
    this.#buckets = buckets;
    this.causeNs = new Float64Array(workers * buckets * CAUSE_COUNT);
    this.blamedNs = new Float64Array(workers * buckets);
  }

  add(
    worker: number,
    bucket: number,
    _receive: number,
    cause: number,
    culprit: number,
    fromNs: number,
    toNs: number,
  ): void {
    const at = (worker * this.#buckets + bucket) * CAUSE_COUNT + cause;
    this.causeNs[at] = this.causeNs[at]! + (toNs - fromNs);
    if (culprit === NOBODY || culprit === worker) return;
    const blamedAt = culprit * this.#buckets + bucket;
    this.blamedNs[blamedAt] = this.blamedNs[blamedAt]! + (toNs - fromNs);
  }
}
