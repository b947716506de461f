/**
 * How far the data of a deployment's workers reaches. Senders report in batches (OpenTelemetry's
 * default: every 5 s), so the newest event of one worker says nothing about another: the time up to
 * which *all* have reported is the least of their newest ends. A worker more than `maxLagNs` behind
 * the foremost is taken for silent, so that one dead worker does not stop the picture.
 */
import type { UnixNanos } from '#lib/base/units.ts';

/** A sender's clock may be so far ahead of ours before its times stop counting. */
const MAX_AHEAD_NS = 5_000_000_000n;

export class Watermark {
  readonly #newestEnd = new Map<string, UnixNanos>();
  readonly #maxLagNs: bigint;

  constructor(maxLagNs: number) {
    this.#maxLagNs = BigInt(maxLagNs);
  }

  /**
   * A worker reported an event that ends at the instant. One event from far ahead does not stay: as
   * soon as the worker's clock is right again, it counts from there.
   */
  see(workerId: string, endUnixNs: UnixNanos, nowUnixNs: UnixNanos): void {
    const known = this.#newestEnd.get(workerId);
    const limit = nowUnixNs + MAX_AHEAD_NS;
    const credible = endUnixNs <= limit;
    const better = known === undefined || known <= limit === credible;
    if (better ? known === undefined || endUnixNs > known : credible) {
      this.#newestEnd.set(workerId, endUnixNs);
    }
  }

  /** Newest end over the workers whose clock is not far ahead of `nowUnixNs`; null before any. */
  newest(nowUnixNs: UnixNanos): UnixNanos | null {
    const limit = nowUnixNs + MAX_AHEAD_NS;
    let newest: UnixNanos | null = null;
    for (const end of this.#newestEnd.values()) {
      if (end <= limit && (newest === null || end > newest)) newest = end;
    }
    return newest;
  }

  /** The newest instant for which every worker that is not silent has reported. */
  reported(nowUnixNs: UnixNanos): UnixNanos | null {
    const newest = this.newest(nowUnixNs);
    if (newest === null) return null;
    let reported = newest;
    for (const end of this.#newestEnd.values()) {
      if (end >= newest - this.#maxLagNs && end < reported) reported = end;
    }
    return reported;
  }

  /** Forgets workers whose newest event ends before the instant. */
  forgetBefore(instant: UnixNanos): void {
    for (const [worker, end] of this.#newestEnd) {
      if (end < instant) this.#newestEnd.delete(worker);
    }
  }
}
