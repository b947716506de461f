/**
 * Instants of a receive before the way of what it awaits begins: the receive was posted early. They
 * are told by what happens at each instant:
 *
 *     own send is yet to come   own link busy: network; in a collective: fan-in of the own side;
 *                               else the own host (at the step's first layer only where it says so)
 *     step is yet to start      the peer's host event: peer host; the step before goes on: fill/drain
 */
import { type Assembled, Direction } from '#lib/model/assembled.ts';
import type { CauseIndex } from './cause-index.ts';
import { Cause, type CauseSink, NOBODY } from './causes.ts';
import { type Runs, runAfter, type WorkerRuns } from './worker-runs.ts';

export const Before = {
  unknown: 0,
  /** The waiter does not send; the culprit is the last who did. */
  fanIn: 1,
  /** The waiter's own send. */
  send: 2,
  /** The start of the step, that the culprit's host may be late with. */
  step: 3,
} as const;

export class CauseBefore {
  readonly #assembled: Assembled;
  readonly #index: CauseIndex;
  readonly #runs: WorkerRuns;
  /** When the state at an instant changes, as far as has been looked. */
  #untilNs = 0;

  constructor(assembled: Assembled, index: CauseIndex, runs: WorkerRuns) {
    this.#assembled = assembled;
    this.#index = index;
    this.#runs = runs;
  }

  add(
    before: number,
    culprit: number,
    bucket: number,
    worker: number,
    receive: number,
    fromNs: number,
    toNs: number,
    sink: CauseSink,
  ): void {
    if (before === Before.unknown) {
      sink.add(worker, bucket, receive, Cause.unknown, NOBODY, fromNs, toNs);
    } else if (before === Before.fanIn) {
      sink.add(worker, bucket, receive, Cause.fanIn, culprit, fromNs, toNs);
    } else {
      for (let now = fromNs; now < toNs; ) {
        this.#untilNs = toNs;
        const cause =
          before === Before.send
            ? this.#beforeSend(worker, receive, now)
            : this.#beforeStep(culprit, receive, now);
        const isNobodys = cause === Cause.fillDrain || cause === Cause.unknown;
        const blamed = isNobodys || cause === Cause.fanIn ? NOBODY : culprit;
        sink.add(worker, bucket, receive, cause, blamed, now, this.#untilNs);
        now = this.#untilNs;
      }
    }
  }

  #beforeSend(worker: number, receive: number, now: number): number {
    const { direction, key } = this.#assembled.receives;
    const toAttention = direction[receive] === Direction.f2a;
    if (this.#isIn(this.#runs.link, worker, now)) {
      return toAttention ? Cause.a2fNetwork : Cause.f2aNetwork;
    }
    if (this.#isIn(this.#runs.work, worker, now)) return Cause.fanIn;
    const isHost = this.#isIn(this.#runs.host, worker, now);
    return isHost || !this.#index.isFirst(key[receive]!) ? Cause.peerHost : Cause.fillDrain;
  }

  #beforeStep(peer: number, receive: number, now: number): number {
    const { receives, steps, keys } = this.#assembled;
    const isWorking = this.#isIn(this.#runs.work, peer, now);
    if (this.#isIn(this.#runs.host, peer, now) && !isWorking) return Cause.peerHost;
    const step = keys.step[receives.key[receive]!]!;
    const previous = this.#index.previousStep[step]!;
    if (previous < 0 || now >= steps.endNs[previous]!) return Cause.unknown;
    if (now < steps.startNs[previous]!) {
      this.#untilNs = Math.min(this.#untilNs, steps.startNs[previous]!);
      return Cause.unknown;
    }
    this.#untilNs = Math.min(this.#untilNs, steps.endNs[previous]!);
    return Cause.fillDrain;
  }

  /** Is a run of the worker under way? Notes when that changes. */
  #isIn(runs: Runs, worker: number, now: number): boolean {
    const run = runAfter(runs, worker, now);
    if (run === runs.offsets[worker + 1]!) return false;
    const isIn = runs.startNs[run]! <= now;
    const change = isIn ? runs.endNs[run]! : runs.startNs[run]!;
    if (change < this.#untilNs) this.#untilNs = change;
    return isIn;
  }
}
