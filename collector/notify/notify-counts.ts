/** What the notifier has done since the process started, by receiver: for metrics. */
import type { Delivery } from './delivery.ts';
import type { Lane } from './lane.ts';

export interface ReceiverCounts {
  readonly receiver: string;
  readonly kind: string;
  readonly sent: number;
  /** Tries that failed, those of messages that were sent later included. */
  readonly failedAttempts: number;
  /** Messages that were given up. */
  readonly givenUp: number;
  readonly waiting: number;
  /** When the oldest waiting message was made; null: none waits. */
  readonly oldestUnixMs: number | null;
}

export class NotifyCounts {
  readonly #kinds: ReadonlyMap<string, string>;
  readonly #laneOf: (receiver: string) => Pick<Lane, 'waiting' | 'oldestUnixMs'> | undefined;
  readonly #sent = new Map<string, number>();
  readonly #failed = new Map<string, number>();
  readonly #givenUp = new Map<string, number>();

  constructor(
    kinds: ReadonlyMap<string, string>,
    laneOf: (receiver: string) => Pick<Lane, 'waiting' | 'oldestUnixMs'> | undefined,
  ) {
    this.#kinds = kinds;
    this.#laneOf = laneOf;
  }

  count({ receiver, state }: Delivery, isSent: boolean): void {
    const add = (to: Map<string, number>) => to.set(receiver, (to.get(receiver) ?? 0) + 1);
    add(isSent ? this.#sent : this.#failed);
    if (state === 'failed') add(this.#givenUp);
  }

  /** Alertmanager was told again what fires. */
  refreshed(receiver: string, isSent: boolean): void {
    if (!isSent) this.#failed.set(receiver, (this.#failed.get(receiver) ?? 0) + 1);
  }

  all(): ReceiverCounts[] {
    return [...this.#kinds].map(([receiver, kind]) => ({
      receiver,
      kind,
      sent: this.#sent.get(receiver) ?? 0,
      failedAttempts: this.#failed.get(receiver) ?? 0,
      givenUp: this.#givenUp.get(receiver) ?? 0,
      waiting: this.#laneOf(receiver)?.waiting ?? 0,
      oldestUnixMs: this.#laneOf(receiver)?.oldestUnixMs() ?? null,
    }));
  }
}
