/** Which messages are so old that the delivery log lets go of them. */
import type { Delivery } from './delivery.ts';

export const KEEP_MS = 14 * 86_400_000;
/** A storm of messages must not fill the database within that time. */
const MAX_KEPT = 5000;

export class SettledDeliveries {
  /** Oldest first. */
  #kept: { readonly id: string; readonly settledUnixMs: number }[] = [];

  add(deliveries: readonly Delivery[]): void {
    for (const { id, lastAttemptUnixMs, createdUnixMs } of deliveries) {
      this.#kept.push({ id, settledUnixMs: lastAttemptUnixMs ?? createdUnixMs });
    }
    this.#kept.sort((a, b) => a.settledUnixMs - b.settledUnixMs);
  }

  /** Ids to remove, which it forgets. */
  takeOld(nowUnixMs: number): string[] {
    const old = this.#kept.filter(
      ({ settledUnixMs }, index) =>
        settledUnixMs < nowUnixMs - KEEP_MS || index < this.#kept.length - MAX_KEPT,
    );
    this.#kept = this.#kept.slice(old.length);
    return old.map(({ id }) => id);
  }
}
