/**
 * Tells receivers of alerts. `plan` decides what is due and hands out documents; they go to disk in the
 * transaction of the alerts that they are about; `committed` then lets the lanes send. What was sent is
 * written down after the answer, so a process that is killed in between sends again, with the same key.
 */
import { setTimeout } from 'node:timers/promises';
import type { AlertNotifier, AlertStore } from '#collector/alert/alert-parts.ts';
import type { Logger } from '#collector/observe/log.ts';
import { planNotifications } from '#lib/alert/notify-plan.ts';
import type { NotifyPlan, WaitingMessage } from '#lib/alert/notify-state.ts';
import type { AlertJson } from '#lib/api/alerts.ts';
import { unixNanosFromMs } from '#lib/base/units.ts';
import type { Receiver } from '#lib/config/receiver-schema.ts';
import type { StateDocument } from '#lib/store/state-store.ts';
import type { Channel, SendOutcome } from './channel.ts';
import { channelOf } from './channels.ts';
import {
  type Delivery,
  deliveryDocument,
  newDelivery,
  readDelivery,
  withNews,
} from './delivery.ts';
import { DeliveryWriter } from './delivery-writer.ts';
import { Lane, type Refresh } from './lane.ts';
import { endedDocument, groupDocument, groupId, NotifyBook, rateDocument } from './notify-book.ts';
import { NotifyCounts } from './notify-counts.ts';
import { DEFAULT_PATIENCE, type Patience } from './patience.ts';
import type { NotifySetup } from './receivers-setup.ts';
import { RefreshedAlerts } from './refreshed-alerts.ts';
import { KEEP_MS, SettledDeliveries } from './settled-deliveries.ts';
import { sendTest } from './test-message.ts';

export interface NotifierOptions {
  readonly setup: NotifySetup;
  /** Where people reach the dashboard, without a slash at its end. */
  readonly externalUrl: string;
  /** The receivers file could not be used: messages of before are kept for when it can. Absent: false. */
  readonly keepsUnknown?: boolean;
  readonly store: Pick<AlertStore, 'change'>;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Wall clock. */
  readonly nowUnixMs: () => number;
  readonly patience?: Patience;
  readonly random?: () => number;
}

/** Planned, and not on disk yet as far as is known. */
interface Pending {
  readonly plan: NotifyPlan;
  readonly deliveries: readonly Delivery[];
}

/** Together below the two seconds that the service gives. */
const STOP_GRACE_MS = 1300;
const STOP_WRITE_MS = 600;
const TIDY_MS = 3_600_000;

export class Notifier implements AlertNotifier {
  readonly counts: NotifyCounts;
  readonly #options: NotifierOptions;
  readonly #book = new NotifyBook();
  #setup: NotifySetup;
  readonly #lanes = new Map<string, Lane>();
  readonly #channels = new Map<string, Channel>();
  readonly #kinds = new Map<string, string>();
  readonly #writer: DeliveryWriter;
  readonly #refreshed = new RefreshedAlerts();
  readonly #failing = new Set<string>();
  readonly #settled = new SettledDeliveries();
  #tidyTimer: NodeJS.Timeout | undefined;
  #pending: Pending | null = null;
  /** Messages of receivers that no file that could be used has named so far. */
  #unknown: Delivery[] = [];
  #keepsUnknown: boolean;
  #reloading: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: NotifierOptions) {
    this.#options = options;
    const { log, nowUnixMs, setup, store } = options;
    this.#setup = setup;
    this.#keepsUnknown = options.keepsUnknown === true;
    this.counts = new NotifyCounts(this.#kinds, (name) => this.#lanes.get(name));
    this.#writer = new DeliveryWriter(store, nowUnixMs, (error) =>
      log.warn({ err: error }, 'what became of messages cannot be written yet'),
    );
    for (const receiver of setup.receivers) this.#open(receiver, setup.folder);
  }

  start(stored: readonly StateDocument[]): void {
    const { nowUnixMs } = this.#options;
    const useless = stored.filter(
      (document) => document.kind === 'notify-group' && !this.#book.read(document),
    );
    this.#remove(useless.map(({ id }) => id));
    const deliveries = stored
      .filter(({ kind }) => kind === 'delivery')
      .map(readDelivery)
      .filter((delivery) => delivery !== null)
      .sort((a, b) => a.createdUnixMs - b.createdUnixMs || a.contentUnixMs - b.contentUnixMs);
    this.#settled.add(deliveries.filter(({ state }) => state !== 'waiting'));
    this.#tidyTimer = setInterval(() => this.#tidy(), TIDY_MS).unref();
    for (const delivery of deliveries.filter(({ state }) => state === 'waiting')) {
      const lane = this.#lanes.get(delivery.receiver);
      // What a stopped process waited for says little now: it is tried at once.
      const now = { ...delivery, nextAttemptUnixMs: nowUnixMs() };
      if (lane !== undefined) lane.put([now]);
      else if (this.#keepsUnknown) this.#unknown.push(now);
      else this.#strand(delivery);
    }
  }

  /**
   * The receivers file was read again. Receivers that are as they were go on; of others what is being sent
   * gets a moment to end, and what waits is sent by the new one. One reload after the other.
   */
  reload(setup: NotifySetup): Promise<void> {
    this.#reloading = this.#reloading.then(() => this.#reload(setup));
    return this.#reloading;
  }

  async #reload(setup: NotifySetup): Promise<void> {
    if (this.#isStopped) return;
    const isSame = (one: Receiver, other: Receiver | undefined): boolean =>
      setup.folder === this.#setup.folder && JSON.stringify(one) === JSON.stringify(other);
    const wanted = new Map(setup.receivers.map((receiver) => [receiver.name, receiver]));
    const over = this.#setup.receivers.filter((one) => !isSame(one, wanted.get(one.name)));
    await Promise.all(over.map(({ name }) => this.#lanes.get(name)?.stop(STOP_GRACE_MS)));
    if (this.#isStopped) return;
    this.#keepsUnknown = false;
    const left = this.#unknown.splice(0);
    for (const { name } of over) {
      left.push(...(this.#lanes.get(name)?.changeable() ?? []));
      this.#lanes.delete(name);
      this.#channels.delete(name);
      this.#kinds.delete(name);
      this.#failing.delete(name);
    }
    this.#setup = setup;
    for (const receiver of setup.receivers) {
      if (!this.#lanes.has(receiver.name)) this.#open(receiver, setup.folder);
    }
    for (const delivery of left) {
      const lane = this.#lanes.get(delivery.receiver);
      if (lane === undefined) this.#strand(delivery);
      else lane.put([{ ...delivery, nextAttemptUnixMs: this.#options.nowUnixMs() }]);
    }
  }

  #open(receiver: Receiver, folder: string): void {
    const { env, externalUrl, nowUnixMs, patience, random } = this.#options;
    const { kind, name } = receiver;
    const channel = channelOf(receiver, { env, folder, externalUrl });
    this.#kinds.set(name, kind);
    this.#channels.set(name, channel);
    const lane = new Lane({
      receiver: name,
      channel,
      writer: this.#writer,
      nowUnixMs,
      random: random ?? Math.random,
      ...(patience === undefined ? {} : { patience }),
      ...(kind === 'alertmanager'
        ? { refresh: this.#refreshOf(name, receiver.resend_interval) }
        : {}),
      onOutcome: (delivery, outcome) => this.#tell(delivery, outcome),
    });
    this.#lanes.set(name, lane);
  }

  /**
   * Due messages as documents. Called again without `committed` in between, it plans anew: what it
   * planned before counts as not written.
   */
  plan(alerts: readonly AlertJson[], nowUnixMs: number): readonly StateDocument[] {
    this.#unplan();
    this.#refreshed.look(alerts);
    const { routes, targets } = this.#setup;
    if (targets.size === 0) return [];
    const { groups, rates } = this.#book;
    const waiting = this.#waiting();
    const byKey = new Map<string, WaitingMessage[]>();
    for (const { id, receiver, message } of waiting.values()) {
      byKey.set(message.groupKey, [
        ...(byKey.get(message.groupKey) ?? []),
        { id, receiver, message },
      ]);
    }
    const plan = planNotifications({
      alerts,
      routes,
      targets,
      groups,
      rates,
      waiting: byKey,
      nowUnixMs,
    });
    if (plan.groups.length + plan.ended.length + plan.messages.length === 0) return [];
    const deliveries = plan.messages.map(({ receiver, message, replaces }): Delivery => {
      const old = replaces === null ? undefined : waiting.get(replaces);
      if (old !== undefined) return withNews(old, message, nowUnixMs);
      const kind = this.#kinds.get(receiver) ?? '';
      const known = groups.get(message.groupKey);
      const group = known ?? plan.groups.find(({ key }) => key === message.groupKey);
      // The same for a plan that was not written and its successor; merged messages have no group.
      const salt =
        group === undefined ? `${nowUnixMs}` : `${group.sinceUnixMs} ${known?.messages ?? 0}`;
      return newDelivery({ receiver, kind, message, nowUnixMs }, salt);
    });
    this.#pending = { plan, deliveries };
    const replaced = plan.messages.map(({ replaces }) => replaces).filter((id) => id !== null);
    if (replaced.length > 0) for (const lane of this.#lanes.values()) lane.hold(new Set(replaced));
    return [
      ...plan.groups.map((group) => groupDocument(group, nowUnixMs)),
      ...plan.ended.filter((key) => groups.has(key)).map((key) => endedDocument(key, nowUnixMs)),
      ...plan.rates.map((rate) => rateDocument(rate, nowUnixMs)),
      ...deliveries.map((delivery) => deliveryDocument(delivery, nowUnixMs)),
    ];
  }

  committed(): void {
    if (this.#pending === null) return;
    const { plan, deliveries } = this.#pending;
    this.#pending = null;
    const { groups, rates } = this.#book;
    this.#remove(plan.ended.filter((key) => groups.has(key)).map(groupId));
    for (const key of plan.ended) groups.delete(key);
    for (const group of plan.groups) groups.set(group.key, group);
    for (const rate of plan.rates) rates.set(rate.receiver, rate);
    for (const delivery of deliveries) {
      this.#writer.wasWritten(delivery);
      const lane = this.#lanes.get(delivery.receiver);
      // Its receiver may have left the file while it was being written.
      if (lane === undefined) this.#strand(delivery);
      else lane.put([delivery]);
      if (delivery.kind !== 'alertmanager') continue;
      this.#refreshed.told(delivery.receiver, delivery.message, delivery.contentUnixMs);
    }
    for (const lane of this.#lanes.values()) lane.hold(new Set());
  }

  /** Sends a test message now; null: there is no such receiver. `detail` says what came of it. */
  async testMessage(
    receiver: string,
  ): Promise<{ readonly kind: string; readonly ok: boolean; readonly detail: string } | null> {
    const channel = this.#channels.get(receiver);
    const kind = this.#kinds.get(receiver);
    if (channel === undefined || kind === undefined) return null;
    const { nowUnixMs, patience = DEFAULT_PATIENCE } = this.#options;
    const outcome = await sendTest(channel, kind, receiver, patience.timeoutMs, nowUnixMs());
    return { kind, ok: outcome.ok, detail: outcome.ok ? outcome.detail : outcome.error };
  }

  /** Names and kinds, for the page. */
  receivers(): { readonly name: string; readonly kind: string }[] {
    return [...this.#kinds].map(([name, kind]) => ({ name, kind }));
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#tidyTimer);
    this.#unplan();
    await Promise.all([...this.#lanes.values()].map((lane) => lane.stop(STOP_GRACE_MS)));
    // What a store does not take by then is sent again after the restart, with the same key.
    await Promise.race([this.#writer.stop(), setTimeout(STOP_WRITE_MS, undefined, { ref: false })]);
  }

  #unplan(): void {
    if (this.#pending === null) return;
    this.#pending = null;
    for (const lane of this.#lanes.values()) lane.hold(new Set());
  }

  #waiting(): Map<string, Delivery> {
    const all = [...this.#lanes.values()].flatMap((lane) => lane.changeable());
    return new Map(all.map((delivery) => [delivery.id, delivery]));
  }

  /** Its receiver is no longer in the file. */
  #strand(delivery: Delivery): void {
    const lastError = `there is no receiver "${delivery.receiver}" any more`;
    this.#writer.write({ ...delivery, state: 'failed', nextAttemptUnixMs: null, lastError }, null);
    const { id, receiver, alertIds } = delivery;
    this.#options.log.warn(
      { delivery: id, receiver, alerts: alertIds.length },
      `a message is not sent: ${lastError}`,
    );
  }

  /** Documents of groups that are over; those that stay are found at the next start. */
  #remove(ids: readonly string[]): void {
    if (ids.length === 0) return;
    const remove = ids.map((id) => ({ kind: 'notify-group' as const, id }));
    this.#options.store.change({ remove }).catch(() => undefined);
  }

  /** The delivery log of the last two weeks is kept. */
  #tidy(): void {
    const nowUnixMs = this.#options.nowUnixMs();
    const remove = this.#settled
      .takeOld(nowUnixMs)
      .map((id) => ({ kind: 'delivery' as const, id }));
    const beforeUnixNs = unixNanosFromMs(nowUnixMs - KEEP_MS);
    const forget = [{ topic: 'attempt' as const, beforeUnixNs }];
    // Those that a store refuses to remove are found at the next start.
    this.#options.store.change({ remove, forget }).catch(() => undefined);
  }

  #refreshOf(receiver: string, intervalMs: number): Refresh {
    const { log, nowUnixMs } = this.#options;
    return {
      intervalMs,
      message: () =>
        this.#refreshed.message(receiver, this.#book.groups.get(`${receiver}:*`), nowUnixMs()),
      onOutcome: (outcome) => {
        this.counts.refreshed(receiver, outcome.ok);
        if (outcome.ok) this.#failing.delete(receiver);
        else if (!this.#failing.has(receiver)) {
          this.#failing.add(receiver);
          log.warn(
            { receiver, error: outcome.error },
            'alerts that still fire could not be sent again',
          );
        }
      },
    };
  }

  #tell(delivery: Delivery, outcome: SendOutcome): void {
    this.counts.count(delivery, outcome.ok);
    if (delivery.state !== 'waiting') this.#settled.add([delivery]);
    const { id, receiver, kind, attempts, status, alertIds, state } = delivery;
    const facts = { delivery: id, receiver, kind, attempts, status, alerts: alertIds.length };
    if (outcome.ok) this.#options.log.info(facts, 'a message was sent');
    else if (state === 'failed') {
      this.#options.log.warn(
        { ...facts, error: outcome.error },
        'a message could not be sent; it is given up',
      );
    } else if (attempts === 1) {
      this.#options.log.warn(
        { ...facts, error: outcome.error },
        'a message could not be sent; it is tried again',
      );
    }
  }
}
