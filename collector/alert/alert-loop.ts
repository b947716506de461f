/**
 * The clock of alerting: once a second it looks at every deployment's live figures, evaluates the rules,
 * and writes what changed in one transaction, after which receivers are told and windows are pinned.
 *
 *     overviews ─▶ samples ─▶ evaluate, a deployment at a time ─▶ changes ─▶ one transaction ─▶ committed
 *
 * While the store refuses, alerts go on in memory and nobody is told; all of it is tried again.
 */
import { setImmediate } from 'node:timers/promises';
import type { ActiveAlert, AlertChange } from '#lib/alert/alert-state.ts';
import { evaluationSteps } from '#lib/alert/evaluate.ts';
import type { SampleSet } from '#lib/alert/sample.ts';
import { type HistoryNeeds, needsOf, SampleHistory } from '#lib/alert/sample-history.ts';
import type { AlertRule } from '#lib/api/alert-rules.ts';
import type { Condition } from '#lib/api/condition.ts';
import type { Overview } from '#lib/api/live-event.ts';
import { errorText } from '#lib/base/error-text.ts';
import { unixNanosFromMs } from '#lib/base/units.ts';
import { alertSamples, conditionSamples, reportPathsOf } from '#lib/query/alert-samples.ts';
import type { StateChanges, StateDocument } from '#lib/store/state-store.ts';
import { type AlertMemory, alertEvent } from './alert-memory.ts';
import type { AlertNotifier, AlertStore, IncidentRecorder } from './alert-parts.ts';
import type { LoopCounts } from './loop-counts.ts';
import { PendingWrites } from './pending-writes.ts';
import { SampleRecorder } from './sample-recorder.ts';
import type { SilenceBook } from './silence-book.ts';

export interface AlertLoopOptions {
  readonly memory: AlertMemory;
  readonly silences: SilenceBook;
  /** Those that are on and can be evaluated; the same array as long as they are the same. */
  readonly rules: () => readonly AlertRule[];
  /** May it stand in a file that could not be read, or be one that cannot be evaluated? */
  readonly isUnread: (rule: string) => boolean;
  /** Newest figures by deployment. */
  readonly overviews: () => ReadonlyMap<string, Overview>;
  readonly conditions: () => readonly Condition[];
  readonly store: AlertStore;
  readonly notifier: Pick<AlertNotifier, 'plan' | 'committed'>;
  readonly recorder: Pick<IncidentRecorder, 'fired' | 'follow'>;
  /** Runs after the changes that people asked for before, and before those of later. */
  readonly inTurn: (work: () => Promise<void>) => Promise<void>;
  readonly counts: LoopCounts;
  readonly nowUnixMs: () => number;
  readonly onWarning: (message: string) => void;
}

/** The collector itself has conditions, and no deployment. */
const COLLECTOR = '';
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const SAMPLES_KEPT_MS = 7 * DAY_MS;
const EVENTS_KEPT_MS = 90 * DAY_MS;
/** The main thread answers senders; it is not kept from that for longer. */
const SLICE_MS = 8;

interface Watched {
  readonly history: SampleHistory;
  last: Overview | null;
}

export class AlertLoop {
  readonly #options: AlertLoopOptions;
  readonly #watched = new Map<string, Watched>();
  readonly #samples: SampleRecorder;
  readonly #watchingSinceUnixMs: number;
  #rules: readonly AlertRule[] = [];
  #paths: ReturnType<typeof reportPathsOf> = new Map();
  #needs: HistoryNeeds = new Map();
  #pending = new PendingWrites();
  #writing: Promise<void> | null = null;
  #isRefused = false;
  #minute: number;
  #evaluatedUnixMs: number | null = null;

  constructor(options: AlertLoopOptions) {
    this.#options = options;
    this.#watchingSinceUnixMs = options.nowUnixMs();
    this.#samples = new SampleRecorder(String(this.#watchingSinceUnixMs));
    this.#minute = Math.floor(this.#watchingSinceUnixMs / MINUTE_MS);
    this.#takeRules();
  }

  get evaluatedUnixMs(): number | null {
    return this.#evaluatedUnixMs;
  }

  /** Samples of before this process, in their order. */
  remember(set: SampleSet): void {
    this.#watchedOf(set.deployment).history.add(set);
  }

  /** One evaluation; resolves when it is done, while what it changed is being written. */
  async look(): Promise<void> {
    const { conditions, counts, memory, nowUnixMs, overviews } = this.#options;
    const startedMs = performance.now();
    this.#takeRules();
    const now = nowUnixMs();
    const samples = conditionSamples(conditions(), now);
    this.#add({ deployment: COLLECTOR, atUnixMs: now, samples });
    const slice = new Slice(SLICE_MS);
    for (const overview of overviews().values()) {
      this.#takeOverview(overview);
      await slice.end();
    }
    await this.#packMinutes(slice);
    const changes: AlertChange[] = [];
    const deployments = new Set([...this.#watched.keys(), ...memory.deployments()]);
    for (const deployment of deployments) {
      changes.push(...(await this.#evaluate(deployment, nowUnixMs(), slice)));
      await slice.end();
    }
    await this.#apply(changes, nowUnixMs(), slice);
    await this.#coverBySilences(nowUnixMs(), slice);
    await this.#eachMinute(nowUnixMs(), slice);
    this.#evaluatedUnixMs = nowUnixMs();
    counts.evaluated(performance.now() - startedMs, slice.longestMs);
    this.#write();
  }

  /** Resolves when nothing is being written. */
  async idle(): Promise<void> {
    await this.#writing;
  }

  /** What is known is on disk when this resolves, if the store takes it. */
  async stop(): Promise<void> {
    await this.#writing;
    for (const row of this.#samples.takeAll()) this.#pending.samples(row);
    for (const { id, state } of this.#options.memory.active()) {
      if (state !== 'resolved') this.#pending.touch(id);
    }
    this.#write();
    await this.#writing;
  }

  #takeRules(): void {
    const rules = this.#options.rules();
    if (rules === this.#rules) return;
    this.#rules = rules;
    this.#paths = reportPathsOf(rules);
    this.#needs = needsOf(rules);
    for (const { history } of this.#watched.values()) history.setNeeds(this.#needs);
  }

  #takeOverview(overview: Overview): void {
    const watched = this.#watchedOf(overview.deployment);
    const { last } = watched;
    if (last !== null && last.atUnixMs === overview.atUnixMs) return;
    watched.last = overview;
    const { deployment, atUnixMs } = overview;
    this.#add({ deployment, atUnixMs, samples: alertSamples(overview, last, this.#paths) });
  }

  #add(set: SampleSet): void {
    this.#watchedOf(set.deployment).history.add(set);
    this.#samples.add(set);
  }

  async #packMinutes(slice: Slice): Promise<void> {
    for (const row of this.#samples.takeClosed()) {
      this.#pending.samples(row);
      await slice.end();
    }
  }

  #watchedOf(deployment: string): Watched {
    let watched = this.#watched.get(deployment);
    if (watched === undefined) {
      watched = { history: new SampleHistory(this.#needs), last: null };
      this.#watched.set(deployment, watched);
    }
    return watched;
  }

  async #evaluate(
    deployment: string,
    nowUnixMs: number,
    slice: Slice,
  ): Promise<readonly AlertChange[]> {
    const { counts, memory } = this.#options;
    const { history } = this.#watchedOf(deployment);
    const steps = evaluationSteps({
      rules: this.#rules,
      book: memory.book(deployment),
      history,
      nowUnixMs,
      watchingSinceUnixMs: this.#watchingSinceUnixMs,
      isUnread: this.#options.isUnread,
    });
    let step = steps.next();
    for (; step.done !== true; step = steps.next()) if (slice.isOver) await slice.end();
    const { book, changes, leftOut } = step.value;
    counts.leftOut(leftOut);
    for (const id of memory.replace(deployment, book)) this.#pending.gone(id);
    // Nobody sends and nothing fires: what is forgotten costs nothing.
    if (history.counts.series === 0 && book.size === 0 && deployment !== COLLECTOR) {
      if (!this.#options.overviews().has(deployment)) this.#watched.delete(deployment);
    }
    return changes;
  }

  async #apply(changes: readonly AlertChange[], nowUnixMs: number, slice: Slice): Promise<void> {
    const { memory, recorder } = this.#options;
    for (const change of changes) {
      const { alert } = change;
      memory.follow(change);
      this.#pending.event(alertEvent(alert, change.change, change.atUnixMs, change.detail));
      if (memory.book(alert.deployment).has(alert.id)) this.#pending.touch(alert.id);
      await slice.end();
    }
    // What was seen is on disk with what it led to.
    for (const deployment of new Set(changes.map(({ alert }) => alert.deployment))) {
      const row = this.#samples.openRow(deployment);
      if (row !== null) this.#pending.samples(row);
      await slice.end();
    }
    for (const { alert, change } of changes) {
      const current = memory.book(alert.deployment).get(alert.id);
      if (change !== 'firing' || current === undefined || !this.#isRecorded(current)) continue;
      const { incidentId, documents, pins } = recorder.fired(
        memory.json(current, nowUnixMs),
        nowUnixMs,
      );
      memory.belongsTo(alert.id, incidentId);
      for (const document of documents) this.#pending.document(document);
      this.#pending.pins.push(...pins);
      await slice.end();
    }
    if (changes.length === 0) return;
    for (const document of recorder.follow(changes, nowUnixMs)) this.#pending.document(document);
  }

  /** The collector itself has no events to keep. */
  #isRecorded({ rule: name, deployment }: ActiveAlert): boolean {
    const rule = this.#rules.find((one) => one.name === name);
    if (rule === undefined || deployment === COLLECTOR) return false;
    return rule.record ?? rule.severity !== 'info';
  }

  async #coverBySilences(nowUnixMs: number, slice: Slice): Promise<void> {
    const { memory, silences } = this.#options;
    for (const alert of memory.active()) {
      await slice.end();
      const before = memory.silencedBy(alert.id);
      const now = alert.state === 'resolved' ? [] : silences.covering(alert.labels, nowUnixMs);
      if (now.join() === before.join()) continue;
      memory.setSilences(alert.id, now);
      this.#pending.touch(alert.id);
      const isNews = now.length > 0 !== before.length > 0 && alert.state !== 'resolved';
      if (!isNews) continue;
      const change = now.length > 0 ? 'silenced' : 'unsilenced';
      const detail = now.map((id) => silences.text(id)).join('; ');
      this.#pending.event(alertEvent(alert, change, nowUnixMs, detail));
    }
  }

  /** Values of alerts that go on are written once a minute: the rest of the time they are news to nobody. */
  async #eachMinute(nowUnixMs: number, slice: Slice): Promise<void> {
    const minute = Math.floor(nowUnixMs / MINUTE_MS);
    if (minute === this.#minute) return;
    this.#minute = minute;
    this.#samples.closeOld(nowUnixMs);
    await this.#packMinutes(slice);
    for (const { id, state } of this.#options.memory.active()) {
      if (state !== 'resolved') this.#pending.touch(id);
    }
  }

  #write(): void {
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
    const slice = new Slice(SLICE_MS);
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

/** Gives the event loop back between pieces of work. */
class Slice {
  readonly #mostMs: number;
  #startedMs = performance.now();
  longestMs = 0;

  constructor(mostMs: number) {
    this.#mostMs = mostMs;
  }

  get isOver(): boolean {
    return performance.now() - this.#startedMs >= this.#mostMs;
  }

  /** After a piece; waits where pieces took long enough together. */
  async end(): Promise<void> {
    const tookMs = performance.now() - this.#startedMs;
    this.longestMs = Math.max(this.longestMs, tookMs);
    if (tookMs < this.#mostMs) return;
    await setImmediate();
    this.#startedMs = performance.now();
  }
}

function forgetAt(nowUnixMs: number): StateChanges['forget'] & object {
  return [
    { topic: 'sample', beforeUnixNs: unixNanosFromMs(nowUnixMs - SAMPLES_KEPT_MS) },
    { topic: 'alert', beforeUnixNs: unixNanosFromMs(nowUnixMs - EVENTS_KEPT_MS) },
  ];
}
