/**
 * From receives to segments of waiting, worker by worker. Of the receives that are open at an instant,
 * the one that ends first explains it, since its end is what the idle worker is waiting for:
 *
 *     receive 0   |··········|
 *     receive 1       |············|
 *     compute     ██··········███···
 *     explains      00000000     111
 */
import type { Assembled } from '#lib/model/assembled.ts';
import { CauseBefore } from './cause-before.ts';
import { SendWays } from './cause-chain.ts';
import { CauseCharge } from './cause-charge.ts';
import { CauseIndex } from './cause-index.ts';
import type { CauseSink } from './causes.ts';
import { CellExcess } from './cell-excess.ts';
import { KeyMedians } from './key-medians.ts';
import type { KeyTimes } from './key-times.ts';
import type { LoadModel } from './load-model.ts';
import { OpenReceives } from './open-receives.ts';
import { type Runs, runAfter, workerRuns } from './worker-runs.ts';

export class CauseSweep {
  readonly #assembled: Assembled;
  readonly #edgesNs: ArrayLike<number>;
  readonly #compute: Runs;
  readonly #charge: CauseCharge;
  readonly #open: OpenReceives;
  #run = 0;
  #bucket = 0;

  /** Bucket b is `[edgesNs[b], edgesNs[b + 1])`; edges ascend, and there are at least two. */
  constructor(
    assembled: Assembled,
    times: KeyTimes,
    models: readonly LoadModel[],
    edgesNs: ArrayLike<number>,
  ) {
    const runs = workerRuns(assembled);
    const medians = new KeyMedians(times, assembled.keys.length);
    const excess = new CellExcess(assembled, times, medians);
    const index = new CauseIndex(assembled, medians);
    const ways = new SendWays(assembled, times, index, runs, excess);
    const before = new CauseBefore(assembled, index, runs);
    this.#assembled = assembled;
    this.#edgesNs = edgesNs;
    this.#compute = runs.compute;
    this.#charge = new CauseCharge(assembled, times, index, ways, models, before);
    this.#open = new OpenReceives(assembled);
  }

  /** Gives `sink` the worker's segments, earliest receive first. */
  of(worker: number, sink: CauseSink): void {
    const { offsets, startNs, endNs } = this.#assembled.receives;
    const open = this.#open;
    const last = offsets[worker + 1]!;
    const edges = this.#edgesNs;
    const fromNs = edges[0]!;
    const untilNs = edges[edges.length - 1]!;
    open.clear();
    this.#charge.startWorker(worker);
    this.#bucket = 0;
    this.#run = runAfter(this.#compute, worker, fromNs);
    let next = offsets[worker]!;
    let now = Number.NEGATIVE_INFINITY;
    for (;;) {
      if (open.first < 0) {
        if (next === last) return;
        now = Math.max(now, startNs[next]!);
      }
      for (; next < last && startNs[next]! <= now; next++) {
        if (endNs[next]! > now) open.add(next);
      }
      const receive = open.first;
      if (receive < 0) continue;
      if (now >= untilNs) return;
      let until = endNs[receive]!;
      if (next < last && startNs[next]! < until) until = startNs[next]!;
      if (until > fromNs) {
        this.#explain(worker, receive, Math.max(now, fromNs), Math.min(until, untilNs), sink);
      }
      now = until;
      open.dropUntil(now);
    }
  }

  /** The idle parts of `[fromNs, toNs)`, cut at the edges of buckets. */
  #explain(worker: number, receive: number, fromNs: number, toNs: number, sink: CauseSink): void {
    const { startNs, endNs, offsets } = this.#compute;
    const edges = this.#edgesNs;
    const last = offsets[worker + 1]!;
    let now = fromNs;
    while (this.#run < last && endNs[this.#run]! <= now) this.#run++;
    while (now < toNs) {
      let until = toNs;
      if (this.#run < last && startNs[this.#run]! < toNs) {
        if (startNs[this.#run]! <= now) {
          now = endNs[this.#run]!;
          if (now < toNs) this.#run++;
          continue;
        }
        until = startNs[this.#run]!;
      }
      while (edges[this.#bucket + 1]! <= now) this.#bucket++;
      if (edges[this.#bucket + 1]! < until) until = edges[this.#bucket + 1]!;
      this.#charge.add(this.#bucket, receive, now, until, sink);
      now = until;
    }
  }
}

/**
 * Of every worker, or of those in `workers`. Bucket b is `[edgesNs[b], edgesNs[b + 1])`, `models[b]` splits
 * its excess, the last one that of all further buckets.
 */
export function sweepCauses(
  assembled: Assembled,
  times: KeyTimes,
  models: readonly LoadModel[],
  edgesNs: ArrayLike<number>,
  sink: CauseSink,
  workers?: readonly number[],
): void {
  if (edgesNs.length < 2 || assembled.receives.length === 0) return;
  const sweep = new CauseSweep(assembled, times, models, edgesNs);
  if (workers !== undefined) {
    for (const w of workers) sweep.of(w, sink);
    return;
  }
  for (let w = 0; w < assembled.events.workers.length; w++) sweep.of(w, sink);
}
