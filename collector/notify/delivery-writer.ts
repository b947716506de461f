/**
 * Writes what became of messages. A store that refuses is asked again until it takes them; until then a
 * restart would send again what was sent, with the same key.
 */
import type { AlertStore } from '#collector/alert/alert-parts.ts';
import type { LogEntry } from '#lib/store/state-store.ts';
import { type Delivery, deliveryDocument } from './delivery.ts';

const AGAIN_MS = 2000;
/** Entries that wait for a store that refuses; the oldest go first. */
const MAX_ENTRIES = 10_000;

export class DeliveryWriter {
  readonly #store: Pick<AlertStore, 'change'>;
  readonly #nowUnixMs: () => number;
  readonly #onFailure: (error: unknown) => void;
  readonly #deliveries = new Map<string, Delivery>();
  #entries: LogEntry[] = [];
  #writing: Promise<void> | null = null;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(
    store: Pick<AlertStore, 'change'>,
    nowUnixMs: () => number,
    onFailure: (error: unknown) => void,
  ) {
    this.#store = store;
    this.#nowUnixMs = nowUnixMs;
    this.#onFailure = onFailure;
  }

  write(delivery: Delivery, entry: LogEntry | null): void {
    this.#deliveries.set(delivery.id, delivery);
    if (entry !== null) this.#entries.push(entry);
    if (this.#entries.length > MAX_ENTRIES) this.#entries.shift();
    this.#begin();
  }

  /** A transaction of others has written it; an older version that still waits must not come after it. */
  wasWritten(delivery: Delivery): void {
    if (this.#deliveries.has(delivery.id) || this.#writing !== null) this.write(delivery, null);
  }

  /** Resolves when all is written, or when the store refuses. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#writing;
    if (this.#deliveries.size > 0) await this.#flush();
  }

  #begin(): void {
    if (this.#writing !== null || this.#isStopped) return;
    clearTimeout(this.#timer);
    this.#writing = this.#flush().then((isDone) => {
      this.#writing = null;
      if (this.#deliveries.size === 0 || this.#isStopped) return;
      if (isDone) this.#begin();
      else this.#timer = setTimeout(() => this.#begin(), AGAIN_MS);
    });
  }

  async #flush(): Promise<boolean> {
    const deliveries = [...this.#deliveries.values()];
    const entries = this.#entries;
    this.#deliveries.clear();
    this.#entries = [];
    const nowUnixMs = this.#nowUnixMs();
    try {
      await this.#store.change({
        put: deliveries.map((delivery) => deliveryDocument(delivery, nowUnixMs)),
        log: entries,
      });
      return true;
    } catch (error) {
      for (const delivery of deliveries) {
        if (!this.#deliveries.has(delivery.id)) this.#deliveries.set(delivery.id, delivery);
      }
      this.#entries = [...entries, ...this.#entries].slice(-MAX_ENTRIES);
      this.#onFailure(error);
      return false;
    }
  }
}
