/**
 * Writes what alerting has changed in one transaction, after which receivers are told and windows are
 * pinned. While the store refuses, alerts go on in memory and nobody is told; all of it is tried again.
 */
import { errorText } from '#lib/base/error-text.ts';
import { unixNanosFromMs } from '#lib/base/units.ts';
import type { StateChanges, StateDocument } from '#lib/store/state-store.ts';
import type { AlertMemory } from './alert-memory.ts';
import type { AlertNotifier, AlertStore } from './alert-parts.ts';
import type { LoopCounts } from './loop-counts.ts';
import { PendingWrites } from './pending-writes.ts';
import { Slice } from './slice.ts';

export interface AlertWriterOptions {
  readonly memory: Pick<AlertMemory, 'list' | 'find' | 'document'>;
  readonly store: AlertStore;
  readonly notifier: Pick<AlertNotifier, 'plan' | 'committed'>;
  /** Runs after the changes that people asked for before, and before those of later. */
  readonly inTurn: (work: () => Promise<void>) => Promise<void>;
  readonly counts: Pick<LoopCounts, 'refused'>;
  readonly nowUnixMs: () => number;
  readonly onWarning: (message: string) => void;
}

const DAY_MS = 86_400_000;
const SAMPLES_KEPT_MS = 7 * DAY_MS;
const EVENTS_KEPT_MS = 90 * DAY_MS;

export class AlertWriter {
  readonly #options: AlertWriterOptions;
  #pending = new PendingWrites();
  #writing: Promise<void> | null = null;
  #isRefused = false;

  constructor(options: AlertWriterOptions) {
    this.#options = options;
  }

  /** What is written the next time, to add to; another one once that begins. */
  get pending(): PendingWrites {
    return this.#pending;
  }

  /** Resolves when nothing is being written. */
  async idle(): Promise<void> {
    await this.#writing;
  }

  /** Starts to write what is pending, unless that is under way. */
  write(): void {
    if (this.#writing !== null) return;
    this.#writing = this.#options
      .inTurn(() => this.#writeNow())
      .catch((error: unknown) =>
        this.#options.onWarning(`alerts are not written: ${errorText(error)}`),
      )
      .finally(() => {
        this.#writing = null;
      });
  }

  /** Whatever is wrong with messages, alerts are written; they are planned again the next time. */
  #planned(nowUnixMs: number): readonly StateDocument[] {
    const { memory, notifier, onWarning } = this.#options;
    try {
      return notifier.plan(memory.list(nowUnixMs), nowUnixMs);
    } catch (error) {
      onWarning(`nobody is told of alerts now: ${errorText(error)}`);
      return [];
    }
  }

  async #writeNow(): Promise<void> {
    const { notifier, nowUnixMs, store } = this.#options;
    const batch = this.#pending;
    const now = nowUnixMs();
    const messages = this.#planned(now);
    if (batch.isEmpty && messages.length === 0) return;
    this.#pending = new PendingWrites();
    try {
      await store.change(await this.#changesOf(batch, messages, now));
    } catch (error) {
      this.#refused(batch, error);
      return;
    }
    this.#taken(batch);
    notifier.committed();
    for (const pin of batch.pins) {
      // The recorder sets those again that are missing.
      store.pin(pin).catch((error: unknown) => {
        this.#options.onWarning(`a window is not pinned: ${errorText(error)}`);
      });
    }
  }

  async #changesOf(
    batch: PendingWrites,
    messages: StateChanges['put'] & object,
    nowUnixMs: number,
  ): Promise<StateChanges> {
    const { memory } = this.#options;
    // As they are now: a look that comes between the slices has its own changes to write.
    const current = [...batch.alertIds].flatMap((id) => memory.find(id) ?? []);
    const alerts: StateDocument[] = [];
    const slice = new Slice();
    for (const alert of current) {
      alerts.push(memory.document(alert, nowUnixMs));
      await slice.end();
    }
    const isMinute = batch.sampleRows.size > 0;
    return {
      put: [...alerts, ...batch.documents.values(), ...messages],
      remove: [...batch.goneIds].map((id) => ({ kind: 'alert' as const, id })),
      log: [...batch.events.values(), ...batch.sampleRows.values()],
      ...(isMinute ? { forget: forgetAt(nowUnixMs) } : {}),
    };
  }

  #refused(batch: PendingWrites, error: unknown): void {
    batch.followedBy(this.#pending);
    this.#pending = batch;
    this.#options.counts.refused();
    if (this.#isRefused) return;
    this.#isRefused = true;
    this.#options.onWarning(
      `alerts cannot be written, so that nobody is told of them; tried again: ${errorText(error)}`,
    );
  }

  #taken(batch: PendingWrites): void {
    if (!this.#isRefused) return;
    this.#isRefused = false;
    const lost = batch.lost === 0 ? '' : `; ${batch.lost} lines of history had no room`;
    this.#options.onWarning(`alerts are written again${lost}`);
  }
}

function forgetAt(nowUnixMs: number): StateChanges['forget'] & object {
  return [
    { topic: 'sample', beforeUnixNs: unixNanosFromMs(nowUnixMs - SAMPLES_KEPT_MS) },
    { topic: 'alert', beforeUnixNs: unixNanosFromMs(nowUnixMs - EVENTS_KEPT_MS) },
  ];
}
