/**
 * Back-pressure where it costs nothing: a request that cannot be stored now waits before its body
 * is read, so it holds a connection and no memory, and the queue behind the door stays short.
 *
 *     open     room in the byte budget, the queue is young, the store takes data
 *     closed   first come, first served once it opens; refused when its sender's patience ends
 *
 * Waiting beats refusing: OpenTelemetry's exporters for JavaScript drop a batch that gRPC refuses,
 * whatever the answer says, and try one that HTTP refuses five times at most.
 */
import type { IngestOutcome } from '#collector/messages.ts';
import type { ByteBudget, ByteLease } from './byte-budget.ts';

export type Refused = Extract<IngestOutcome, { status: 'unavailable' | 'overloaded' }>;

export interface FrontDoorOptions {
  readonly budget: ByteBudget;
  /** Why nothing should come in now; null: it may. */
  readonly pressure: () => Refused | null;
  /** More waiting requests are refused at once; default 1024. */
  readonly maxWaiting?: number;
  /** Part of the budget that may be taken from outside; the rest is for bodies that inflate. */
  readonly share?: number;
}

/** Long enough to be worth a retry, short enough that five of them outlast a minute (see docs). */
export const OVERLOAD_RETRY_S = 5;

const LOOK_EVERY_MS = 10;
const MAX_WAITING = 1024;
const BUDGET_SHARE = 0.75;

interface Waiter {
  readonly lease: ByteLease;
  readonly needBytes: number;
  readonly giveUpAtMs: number;
  readonly settle: (refused: Refused | null) => void;
}

export class FrontDoor {
  readonly #options: FrontDoorOptions;
  /** In the order of their coming. */
  readonly #waiting = new Set<Waiter>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: FrontDoorOptions) {
    this.#options = options;
  }

  /** Requests that wait now. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Takes `needBytes` on the lease and resolves to null, or to the refusal once `patienceMs` are
   * over. `gone`: tells when the sender has left, so that its place is free.
   */
  enter(
    lease: ByteLease,
    needBytes: number,
    patienceMs: number,
    gone: (left: () => void) => void,
  ): Refused | null | Promise<Refused | null> {
    const refused =
      this.#waiting.size > 0
        ? (this.#options.pressure() ?? OVERLOADED)
        : this.#try(lease, needBytes);
    if (refused === null) return null;
    const full = this.#waiting.size >= (this.#options.maxWaiting ?? MAX_WAITING);
    if (full || patienceMs <= 0 || this.#closed) return refused;
    return new Promise((resolve) => {
      const waiter: Waiter = {
        lease,
        needBytes,
        giveUpAtMs: performance.now() + patienceMs,
        settle: (outcome) => {
          this.#waiting.delete(waiter);
          resolve(outcome);
        },
      };
      this.#waiting.add(waiter);
      gone(() => waiter.settle(OVERLOADED));
      this.#timer ??= setInterval(() => this.#look(), LOOK_EVERY_MS);
    });
  }

  /** Refuses who waits, and from now on whoever would have to. */
  close(): void {
    this.#closed = true;
    for (const waiter of [...this.#waiting]) {
      waiter.settle({ ...OVERLOADED, status: 'unavailable', message: 'the collector is stopping' });
    }
    this.#rest();
  }

  #look(): void {
    const nowMs = performance.now();
    let refused: Refused | null = null;
    for (const waiter of [...this.#waiting]) {
      // Nobody overtakes: behind one that does not fit, all wait.
      refused ??= this.#try(waiter.lease, waiter.needBytes);
      if (refused === null) waiter.settle(null);
      else if (waiter.giveUpAtMs <= nowMs) waiter.settle(refused);
    }
    if (this.#waiting.size === 0) this.#rest();
  }

  #rest(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #try(lease: ByteLease, needBytes: number): Refused | null {
    const { budget, pressure, share = BUDGET_SHARE } = this.#options;
    const refused = pressure();
    if (refused !== null) return refused;
    // One that is larger than the share comes in alone.
    const fits = budget.usedBytes + needBytes <= budget.totalBytes * share;
    return (fits || budget.usedBytes === 0) && lease.growTo(needBytes) ? null : OVERLOADED;
  }
}

const OVERLOADED: Refused = {
  status: 'overloaded',
  message: 'more comes than can be stored; send again later',
  retryAfterS: OVERLOAD_RETRY_S,
};
