/** A notifier over a real database, driven as the alert service drives it. */
import { onTestFinished } from 'vitest';
import { Notifier } from '#collector/notify/notifier.ts';
import { DEFAULT_PATIENCE, type Patience } from '#collector/notify/patience.ts';
import { setupOf } from '#collector/notify/receivers-setup.ts';
import { type AlertJson, type DeliveryJson, deliverySchema } from '#lib/api/alerts.ts';
import { checkReceivers } from '#lib/config/receivers.ts';
import { openStateWriter } from '#lib/store/open-store.ts';
import type { StateChanges, StateStore } from '#lib/store/state-store.ts';
import { scratchFolder } from './scratch-folder.ts';

export const EXTERNAL_URL = 'https://afdscope.example';

export interface NotifyWorldOptions {
  readonly receivers: string;
  readonly data?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly patience?: Partial<Patience>;
  readonly keepsUnknown?: boolean;
}

/** What a look at the alerts writes beside the messages. */
export class NotifyWorld {
  readonly data: string;
  readonly logs: string[] = [];
  store!: StateStore;
  notifier!: Notifier;
  /** Set: the store refuses to write. */
  refuses = false;
  readonly #options: NotifyWorldOptions;

  constructor(options: NotifyWorldOptions) {
    this.#options = options;
    this.data = options.data ?? scratchFolder();
  }

  async open(): Promise<this> {
    this.store = await openStateWriter({ data: this.data });
    const file = checkReceivers(this.#options.receivers, `${this.data}/receivers.yaml`);
    if (!file.ok) throw new Error(file.error.join('\n'));
    const setup = setupOf(file.value, 'receivers.yaml');
    if (!setup.ok) throw new Error(setup.error.join('\n'));
    const note = (facts: unknown, text?: string) =>
      void this.logs.push(`${JSON.stringify(facts)} ${text ?? ''}`);
    this.notifier = new Notifier({
      setup: setup.value,
      keepsUnknown: this.#options.keepsUnknown ?? false,
      externalUrl: EXTERNAL_URL,
      store: { change: (changes) => this.change(changes) },
      log: { info: note, warn: note },
      env: this.#options.env ?? {},
      nowUnixMs: Date.now,
      patience: {
        ...DEFAULT_PATIENCE,
        firstRetryMs: 20,
        maxRetryMs: 200,
        ...this.#options.patience,
      },
    });
    const groups = await this.store.documents({ kind: 'notify-group' });
    const deliveries = await this.store.documents({ kind: 'delivery' });
    this.notifier.start([...groups, ...deliveries]);
    return this;
  }

  async change(changes: StateChanges): Promise<void> {
    if (this.refuses) throw new Error('the disk is full');
    await this.store.change(changes);
  }

  /** One evaluation; `nowUnixMs` is far ahead where a group need not wait. */
  async look(alerts: readonly AlertJson[], nowUnixMs = Date.now()): Promise<void> {
    const put = this.notifier.plan(alerts, nowUnixMs);
    if (put.length === 0) return;
    await this.change({ put });
    this.notifier.committed();
  }

  async deliveries(): Promise<DeliveryJson[]> {
    const documents = await this.store.documents({ kind: 'delivery' });
    return documents.map(({ detail }) => deliverySchema.parse(JSON.parse(detail)));
  }

  async close(): Promise<void> {
    await this.notifier.stop();
    await this.store.close();
  }
}

/** Opened, and closed after the test. */
export async function notifyWorld(options: NotifyWorldOptions): Promise<NotifyWorld> {
  const world = await new NotifyWorld(options).open();
  onTestFinished(() => world.close());
  return world;
}
