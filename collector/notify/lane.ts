/**
 * Sends what waits for one receiver, one message at a time, so that a receiver that hangs keeps only its
 * own messages waiting. Messages of one group keep their order; another group's may overtake one that
 * is waiting for its next try.
 */
import type { NotifyMessage } from '#lib/alert/notify-state.ts';
import type { Channel, SendOutcome } from './channel.ts';
import { type Attempt, attemptEntry, type Delivery } from './delivery.ts';
import type { DeliveryWriter } from './delivery-writer.ts';
import { DEFAULT_PATIENCE, type Patience, retryDelayMs } from './patience.ts';

/** What a receiver must be told again and again, whatever else there is; kept nowhere. */
export interface Refresh {
  readonly intervalMs: number;
  /** null: nothing at the moment. */
  readonly message: () => NotifyMessage | null;
  readonly onOutcome: (outcome: SendOutcome) => void;
}

export interface LaneOptions {
  readonly receiver: string;
  readonly channel: Channel;
  readonly writer: DeliveryWriter;
  readonly nowUnixMs: () => number;
  readonly random: () => number;
  readonly patience?: Patience;
  readonly refresh?: Refresh;
  readonly onOutcome: (delivery: Delivery, outcome: SendOutcome) => void;
}

const FIRST_REFRESH_MS = 5000;

export class Lane {
  readonly #options: LaneOptions;
  readonly #patience: Patience;
  /** Oldest first. */
  readonly #queue = new Map<string, Delivery>();
  /** Being replaced by a plan that is not on disk yet. */
  #held: ReadonlySet<string> = new Set();
  #inFlight: {
    readonly id: string | null;
    readonly abort: AbortController;
    readonly done: Promise<void>;
  } | null = null;
  #timer: NodeJS.Timeout | undefined;
  /**
   * When each is to be tried next, on the clock that is never set (`performance.now`): a wall clock that is set
   * back must not keep messages waiting. Absent: at once.
   */
  readonly #dueMs = new Map<string, number>();
  /** The receiver asked to be left alone until then. */
  #notBeforeMs = 0;
  #refreshMs = Number.POSITIVE_INFINITY;
  #isStopped = false;

  constructor(options: LaneOptions) {
    this.#options = options;
    this.#patience = options.patience ?? DEFAULT_PATIENCE;
    const { refresh } = options;
    if (refresh === undefined) return;
    // After a start, as soon as alerts can have been looked at.
    this.#refreshMs = performance.now() + Math.min(refresh.intervalMs, FIRST_REFRESH_MS);
    this.#wake();
  }

  /** Adds messages, or takes new versions of those that wait. */
  put(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) this.#queue.set(delivery.id, delivery);
    this.#wake();
  }

  /** Those are left alone until the next call. */
  hold(ids: ReadonlySet<string>): void {
    this.#held = ids;
    this.#wake();
  }

  /** Messages whose content may still be changed, oldest first. */
  changeable(): Delivery[] {
    return [...this.#queue.values()].filter(({ id }) => id !== this.#inFlight?.id);
  }

  get waiting(): number {
    return this.#queue.size;
  }

  oldestUnixMs(): number | null {
    const created = [...this.#queue.values()].map(({ createdUnixMs }) => createdUnixMs);
    return created.length === 0 ? null : Math.min(...created);
  }

  /** Gives what is being sent a moment to end, then breaks it off: it still waits on disk. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    const current = this.#inFlight;
    if (current === null) return;
    const timer = setTimeout(() => current.abort.abort(), graceMs);
    await current.done;
    clearTimeout(timer);
  }

  #wake(): void {
    clearTimeout(this.#timer);
    if (this.#isStopped || this.#inFlight !== null) return;
    const next = this.#next();
    const nextMs = next === null ? Number.POSITIVE_INFINITY : this.#due(next);
    const firstMs = Math.min(nextMs, this.#refreshMs);
    if (firstMs === Number.POSITIVE_INFINITY) return;
    const waitMs = Math.max(firstMs, this.#notBeforeMs) - performance.now();
    if (waitMs > 0) {
      this.#timer = setTimeout(() => this.#wake(), waitMs);
      return;
    }
    const abort = new AbortController();
    const isMessage = next !== null && nextMs <= this.#refreshMs;
    const work = isMessage ? this.#attempt(next, abort) : this.#refresh(abort);
    const done = work.finally(() => {
      this.#inFlight = null;
      this.#wake();
    });
    this.#inFlight = { id: isMessage ? next.id : null, abort, done };
  }

  #due({ id }: Delivery): number {
    return this.#dueMs.get(id) ?? 0;
  }

  async #refresh(abort: AbortController): Promise<void> {
    const { channel, nowUnixMs, refresh } = this.#options;
    if (refresh === undefined) return;
    const now = nowUnixMs();
    this.#refreshMs = performance.now() + refresh.intervalMs;
    const message = refresh.message();
    if (message === null) return;
    const outcome = await sendWithin(this.#patience.timeoutMs, abort, (signal) =>
      channel.send(message, {
        dedupKey: `${this.#options.receiver}-${now}`,
        signal,
        nowUnixMs: now,
      }),
    );
    if (outcome === null) return;
    if (outcome.ok) this.#forward(nowUnixMs());
    refresh.onOutcome(outcome);
  }

  /** The first of its group, and of those the one whose turn comes first. */
  #next(): Delivery | null {
    const groups = new Set<string>();
    let next: Delivery | null = null;
    for (const delivery of this.#queue.values()) {
      const { groupKey } = delivery.message;
      const isFirst = !groups.has(groupKey);
      groups.add(groupKey);
      if (!isFirst || this.#held.has(delivery.id)) continue;
      if (next === null || this.#due(delivery) < this.#due(next)) {
        next = delivery;
      }
    }
    return next;
  }

  async #attempt(delivery: Delivery, abort: AbortController): Promise<void> {
    const { channel, nowUnixMs, onOutcome, writer } = this.#options;
    const startedUnixMs = nowUnixMs();
    const started = performance.now();
    const outcome = await sendWithin(this.#patience.timeoutMs, abort, (signal) =>
      channel.send(delivery.message, {
        dedupKey: delivery.dedupKey,
        signal,
        nowUnixMs: startedUnixMs,
      }),
    );
    if (outcome === null) return;
    const attempts = delivery.attempts + 1;
    const after = this.#after({ ...delivery, attempts }, outcome);
    if (after.state === 'waiting') this.#queue.set(after.id, after);
    else {
      this.#queue.delete(after.id);
      this.#dueMs.delete(after.id);
    }
    const attempt: Attempt = {
      receiver: delivery.receiver,
      kind: delivery.kind,
      attempt: attempts,
      outcome: outcome.ok ? 'sent' : 'failed',
      detail: outcome.ok ? outcome.detail : outcome.error,
      durationMs: Math.round(performance.now() - started),
    };
    writer.write(after, attemptEntry(after, attempt, startedUnixMs));
    onOutcome(after, outcome);
  }

  #after(delivery: Delivery, outcome: SendOutcome): Delivery {
    const nowUnixMs = this.#options.nowUnixMs();
    const tried = { ...delivery, lastAttemptUnixMs: nowUnixMs };
    if (outcome.ok) {
      this.#forward(nowUnixMs);
      return { ...tried, state: 'sent', nextAttemptUnixMs: null, lastError: null };
    }
    const { error, isFinal, retryAfterMs } = outcome;
    if (retryAfterMs !== null) this.#notBeforeMs = performance.now() + retryAfterMs;
    const { giveUpAfterMs, leastAttempts } = this.#patience;
    const isOver =
      nowUnixMs - delivery.contentUnixMs >= giveUpAfterMs && delivery.attempts >= leastAttempts;
    if (isFinal || isOver) {
      const end = isFinal ? 'it will not take this message' : 'given up';
      return { ...tried, state: 'failed', nextAttemptUnixMs: null, lastError: `${error} (${end})` };
    }
    const delayMs = retryDelayMs(delivery.attempts, this.#patience, this.#options.random());
    const waitMs = Math.max(delayMs, retryAfterMs ?? 0);
    this.#dueMs.set(delivery.id, performance.now() + waitMs);
    return { ...tried, nextAttemptUnixMs: nowUnixMs + waitMs, lastError: error };
  }

  /** The receiver answers again: what waits for its next try need not wait any longer. */
  #forward(nowUnixMs: number): void {
    const { firstRetryMs } = this.#patience;
    const soonMs = performance.now() + firstRetryMs;
    for (const [id, delivery] of this.#queue) {
      if (this.#due(delivery) <= soonMs) continue;
      this.#dueMs.set(id, soonMs);
      this.#queue.set(id, { ...delivery, nextAttemptUnixMs: nowUnixMs + firstRetryMs });
    }
  }
}

/** null: it was broken off from outside, and nothing is known. */
export async function sendWithin(
  timeoutMs: number,
  abort: AbortController,
  send: (signal: AbortSignal) => Promise<SendOutcome>,
): Promise<SendOutcome | null> {
  const { promise, resolve } = Promise.withResolvers<SendOutcome | null>();
  const timeout = new AbortController();
  const timer = setTimeout(() => {
    const error = `timed out after ${timeoutMs / 1000} s`;
    resolve({ ok: false, error, isFinal: false, retryAfterMs: null });
    timeout.abort();
  }, timeoutMs);
  abort.signal.addEventListener('abort', () => resolve(null));
  send(AbortSignal.any([abort.signal, timeout.signal])).then(resolve, (cause: unknown) => {
    const error = cause instanceof Error ? cause.name : 'error';
    resolve({
      ok: false,
      error: `could not be sent (${error})`,
      isFinal: false,
      retryAfterMs: null,
    });
  });
  const outcome = await promise;
  clearTimeout(timer);
  return outcome;
}
