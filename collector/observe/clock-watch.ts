/**
 * Notices when the wall clock jumps, by comparing it with the monotonic one. Durations and queues
 * run on the monotonic clock and do not care; what compares event times with "now" does:
 *
 *     back      every sender's events seem to come from the future, and the live view ignores them
 *     forward   everything stored looks old at once, and retention would delete it
 *
 * So a jump is not believed until the clock has been steady for a while. Until then the live view
 * goes by `believedUnixMs`, as if nothing had happened, and retention by `steadyUnixMs`, which
 * never runs ahead of that.
 */

export interface ClockWatchOptions {
  readonly wallMs: () => number;
  readonly monotonicMs: () => number;
  /** A difference this large between two looks is a jump; NTP slews by at most 0.5 ms a second. */
  readonly jumpMs?: number;
  /** After so long without another jump the new time is believed. */
  readonly settleMs?: number;
}

export interface ClockJump {
  /** Positive: forward. The sum where it jumped again before it was believed. */
  readonly byMs: number;
  readonly sinceUnixMs: number;
}

export const CLOCK_JUMP_MS = 2000;
export const CLOCK_SETTLE_MS = 600_000;

export class ClockWatch {
  readonly #options: Required<ClockWatchOptions>;
  /** Wall minus monotonic, as believed, and as last seen. */
  #believedOffsetMs: number;
  #seenOffsetMs: number;
  #jumpedAtMs: number | null = null;
  #jumpedAtUnixMs = 0;

  constructor(options: ClockWatchOptions) {
    this.#options = { jumpMs: CLOCK_JUMP_MS, settleMs: CLOCK_SETTLE_MS, ...options };
    this.#seenOffsetMs = this.#believedOffsetMs = options.wallMs() - options.monotonicMs();
  }

  /** Call it at least every few seconds. The jump that is not believed yet, or null. */
  look(): ClockJump | null {
    const { wallMs, monotonicMs, jumpMs, settleMs } = this.#options;
    const nowMs = monotonicMs();
    const wallNowMs = wallMs();
    const offsetMs = wallNowMs - nowMs;
    const moved = Math.abs(offsetMs - this.#seenOffsetMs) >= jumpMs;
    this.#seenOffsetMs = offsetMs;
    if (moved) {
      this.#jumpedAtMs = nowMs;
      this.#jumpedAtUnixMs = wallNowMs;
    }
    const back = Math.abs(offsetMs - this.#believedOffsetMs) < jumpMs;
    if (this.#jumpedAtMs === null || back || nowMs - this.#jumpedAtMs >= settleMs) {
      this.#jumpedAtMs = null;
      this.#believedOffsetMs = offsetMs;
      return null;
    }
    return { byMs: offsetMs - this.#believedOffsetMs, sinceUnixMs: this.#jumpedAtUnixMs };
  }

  /** The time that is believed, whichever way the clock jumped: unix milliseconds. */
  believedUnixMs(): number {
    this.look();
    return this.#options.monotonicMs() + this.#believedOffsetMs;
  }

  /** Now, but never ahead of what is believed: unix milliseconds for deleting by age. */
  steadyUnixMs(): number {
    this.look();
    const { wallMs, monotonicMs } = this.#options;
    return Math.min(wallMs(), monotonicMs() + this.#believedOffsetMs);
  }
}

/** "back by 5 min": for people. */
export function jumpText({ byMs }: ClockJump): string {
  const seconds = Math.abs(byMs) / 1000;
  const length =
    seconds < 120
      ? `${seconds.toFixed(1)} s`
      : seconds < 7200
        ? `${(seconds / 60).toFixed(1)} min`
        : `${(seconds / 3600).toFixed(1)} h`;
  return `the wall clock of this machine jumped ${byMs < 0 ? 'back' : 'forward'} by ${length}`;
}
