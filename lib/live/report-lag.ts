/**
 * How long workers usually leave us without news: senders report in batches (OpenTelemetry's default:
 * every 5 s), so silence means something only once it is longer than that. The longest of the workers'
 * medians over their last few reports: one pause in the traffic does not make the next silence normal.
 */
import type { UnixNanos } from '#lib/base/units.ts';

const KEPT_REPORTS = 5;

/** Until a worker has reported a few times. */
const UNKNOWN_LAG_NS = 3e9;
const MIN_REPORTS = 2;

/** Longer is no reporting interval. */
const MAX_LAG_NS = 10e9;

export class ReportLag {
  readonly #lags = new Map<string, number[]>();

  /** News of a worker came: `knownUnixNs` is the end of what was known of it before. */
  see(workerId: string, knownUnixNs: UnixNanos, nowUnixNs: UnixNanos): void {
    const lags = this.#lags.get(workerId) ?? [];
    this.#lags.set(workerId, lags);
    lags.push(Math.min(MAX_LAG_NS, Math.max(0, Number(nowUnixNs - knownUnixNs))));
    if (lags.length > KEPT_REPORTS) lags.shift();
  }

  forget(workerId: string): void {
    this.#lags.delete(workerId);
  }

  get usualNs(): number {
    let longest = this.#lags.size === 0 ? UNKNOWN_LAG_NS : 0;
    for (const lags of this.#lags.values()) {
      if (lags.length < MIN_REPORTS) return UNKNOWN_LAG_NS;
      const sorted = [...lags].sort((a, b) => a - b);
      longest = Math.max(longest, sorted[sorted.length >> 1]!);
    }
    return longest;
  }
}
