/**
 * Segments of waiting as columns: what a timeline colours a worker's bubbles by.
 *
 *     startNs  1200   1290   4000
 *     endNs    1290   1450   4130
 *     cause    6      2      6        indices into CAUSES: F2A network, peer queue
 *     culprit  9      9      8        indices into `events.workers`; -1: nobody
 */
import { GrowableFloat64 } from '#lib/base/growable.ts';
import type { Assembled } from '#lib/model/assembled.ts';
import type { WindowNs } from '#lib/model/select-window.ts';
import { sweepCauses } from './cause-sweep.ts';
import type { CauseSink } from './causes.ts';
import { keyTimes } from './key-times.ts';
import { fitLoadModel } from './load-model.ts';
import { ALL_STEPS, type StepRange } from './load-sums.ts';

/** Sorted by start, disjoint. Times are after `events.baseUnixNs`. */
export interface CauseSegments {
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
  readonly cause: Uint8Array;
  readonly culprit: Int32Array;
}

/**
 * Why each of `workers` (indices) waited in the window. `assembled` holds all steps that touch it, and
 * their neighbours, whole. What load explains of an excess is fitted to the steps of `fitted`: all of
 * them, which a window of less than a step needs; a report's figures come from those of its window.
 */
export function causeSegments(
  assembled: Assembled,
  window: WindowNs,
  workers: readonly number[],
  fitted: StepRange = ALL_STEPS,
): CauseSegments[] {
  const times = keyTimes(assembled);
  const model = fitLoadModel(assembled, times, fitted);
  const sink = new SegmentSink(workers);
  sweepCauses(assembled, times, [model], [window.fromNs, window.toNs], sink, workers);
  return workers.map((worker) => sink.of(worker));
}

class SegmentSink implements CauseSink {
  /** By worker: start, end, cause, culprit of one segment after the other. */
  readonly #columns: ReadonlyMap<number, readonly GrowableFloat64[]>;

  constructor(workers: readonly number[]) {
    const columns = (): GrowableFloat64[] => Array.from({ length: 4 }, () => new GrowableFloat64());
    this.#columns = new Map(workers.map((worker) => [worker, columns()]));
  }

  add(
    worker: number,
    _bucket: number,
    _receive: number,
    cause: number,
    culprit: number,
    fromNs: number,
    toNs: number,
  ): void {
    const [start, end, causes, culprits] = this.#columns.get(worker)!;
    start!.push(fromNs);
    end!.push(toNs);
    causes!.push(cause);
    culprits!.push(culprit);
  }

  /** Those of one stretch of waiting come from its end back. */
  of(worker: number): CauseSegments {
    const [start, end, cause, culprit] = this.#columns.get(worker)!.map((one) => one.finish());
    const order = Array.from(start!.keys()).sort((a, b) => start![a]! - start![b]!);
    return {
      startNs: Float64Array.from(order, (i) => start![i]!),
      endNs: Float64Array.from(order, (i) => end![i]!),
      cause: Uint8Array.from(order, (i) => cause![i]!),
      culprit: Int32Array.from(order, (i) => culprit![i]!),
    };
  }
}
