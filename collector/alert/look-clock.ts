/**
 * When alerts are looked at: one look after the other. One that fails is counted, logged once in a while, and
 * the next comes as always; where looks take long they come less often, so that alerting takes a tenth of the
 * thread at most. Where none has ended for a while that is a condition, since a trouble would be told late.
 */
import type { ConditionBoard } from '#collector/observe/condition-board.ts';
import type { Logger } from '#collector/observe/log.ts';
import { errorText } from '#lib/base/error-text.ts';
import type { LoopCounts } from './loop-counts.ts';

const LOOK_EVERY_MS = 1000;
/** A hung worker must be told within seconds, however many deployments there are. */
const MAX_PERIOD_MS = 5000;
/** Three looks at their longest period. */
export const LATE_AFTER_MS = 15_000;

export interface LookClockOptions {
  /** Resolves to why it could not look, or null. */
  readonly look: () => Promise<string | null>;
  readonly counts: Pick<LoopCounts, 'failed'>;
  readonly board: Pick<ConditionBoard, 'begin' | 'end'>;
  readonly log: Pick<Logger, 'warn'>;
  /** Default 15 s. */
  readonly lateAfterMs?: number;
}

export class LookClock {
  readonly #options: LookClockOptions;
  readonly #watch: NodeJS.Timeout;
  #timer: NodeJS.Timeout;
  #looking: Promise<void> = Promise.resolve();
  #isStopped = false;
  #failures = 0;
  /** Monotonic: when the last good look ended, and why those since were none. */
  #goodMs = performance.now();
  #why: string | null = null;

  constructor(options: LookClockOptions) {
    this.#options = options;
    this.#timer = setTimeout(() => this.#tick(), LOOK_EVERY_MS);
    this.#watch = setInterval(() => this.#tellLate(), LOOK_EVERY_MS).unref();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    clearInterval(this.#watch);
    await this.#looking;
  }

  #tick(): void {
    const startedMs = performance.now();
    this.#looking = this.#look().finally(() => {
      const tookMs = performance.now() - startedMs;
      const periodMs = Math.min(MAX_PERIOD_MS, Math.max(LOOK_EVERY_MS, tookMs * 10));
      if (this.#isStopped) return;
      this.#timer = setTimeout(() => this.#tick(), Math.max(0, periodMs - tookMs));
    });
  }

  async #look(): Promise<void> {
    const { board, counts, log, look } = this.#options;
    try {
      this.#why = await look();
    } catch (error) {
      counts.failed();
      this.#why = `the last look failed: ${errorText(error)}`;
      if (this.#failures++ % 60 === 0) log.warn({ err: error }, 'alerts could not be evaluated');
    }
    if (this.#why !== null) return;
    const isInTime = performance.now() - this.#goodMs < this.#lateAfterMs;
    this.#goodMs = performance.now();
    if (isInTime) board.end('alerting');
  }

  get #lateAfterMs(): number {
    return this.#options.lateAfterMs ?? LATE_AFTER_MS;
  }

  #tellLate(): void {
    const lateMs = performance.now() - this.#goodMs;
    if (lateMs < this.#lateAfterMs) return;
    const why = this.#why ?? 'looks take too long';
    const detail = `rules were evaluated last ${Math.round(lateMs / 1000)} s ago (${why})`;
    this.#options.board.begin('alerting', detail);
  }
}
