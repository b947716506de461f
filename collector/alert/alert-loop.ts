/**
 * The clock of alerting: once a second it looks at every deployment's live figures, evaluates the rules,
 * and has what changed written (alert-writer.ts).
 *
 *     overviews ─▶ samples ─▶ evaluate, a deployment at a time ─▶ changes ─▶ one transaction ─▶ committed
 */
import type { ActiveAlert, AlertChange } from '#lib/alert/alert-state.ts';
import { evaluationSteps } from '#lib/alert/evaluate.ts';
import type { SampleSet } from '#lib/alert/sample.ts';
import { type HistoryNeeds, needsOf, SampleHistory } from '#lib/alert/sample-history.ts';
import type { AlertRule } from '#lib/api/alert-rules.ts';
import type { Condition } from '#lib/api/condition.ts';
import type { Overview } from '#lib/api/live-event.ts';
import { alertSamples, conditionSamples, reportPathsOf } from '#lib/query/alert-samples.ts';
import { type AlertMemory, alertEvent } from './alert-memory.ts';
import type { IncidentRecorder } from './alert-parts.ts';
import { AlertWriter, type AlertWriterOptions } from './alert-writer.ts';
import type { LoopCounts } from './loop-counts.ts';
import { SampleRecorder } from './sample-recorder.ts';
import type { SilenceBook } from './silence-book.ts';
import { Slice } from './slice.ts';

export interface AlertLoopOptions extends AlertWriterOptions {
  readonly memory: AlertMemory;
  readonly silences: SilenceBook;
  /** Those that are on and can be evaluated; the same array as long as they are the same. */
  readonly rules: () => readonly AlertRule[];
  /** May it stand in a file that could not be read, or be one that cannot be evaluated? */
  readonly isUnread: (rule: string) => boolean;
  /** Newest figures by deployment. */
  readonly overviews: () => ReadonlyMap<string, Overview>;
  readonly conditions: () => readonly Condition[];
  readonly recorder: Pick<IncidentRecorder, 'fired' | 'follow'>;
  readonly counts: LoopCounts;
}

/** The collector itself has conditions, and no deployment. */
const COLLECTOR = '';
const MINUTE_MS = 60_000;

interface Watched {
  readonly history: SampleHistory;
  last: Overview | null;
}

export class AlertLoop {
  readonly #options: AlertLoopOptions;
  readonly #watched = new Map<string, Watched>();
  readonly #samples: SampleRecorder;
  readonly #writer: AlertWriter;
  readonly #watchingSinceUnixMs: number;
  #rules: readonly AlertRule[] = [];
  #paths: ReturnType<typeof reportPathsOf> = new Map();
  #needs: HistoryNeeds = new Map();
  #minute: number;
  #evaluatedUnixMs: number | null = null;

  constructor(options: AlertLoopOptions) {
    this.#options = options;
    this.#writer = new AlertWriter(options);
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
    const slice = new Slice();
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
    this.#writer.write();
  }

  /** Resolves when nothing is being written. */
  async idle(): Promise<void> {
    await this.#writer.idle();
  }

  /** What is known is on disk when this resolves, if the store takes it. */
  async stop(): Promise<void> {
    await this.#writer.idle();
    for (const row of this.#samples.takeAll()) this.#writer.pending.samples(row);
    for (const { id, state } of this.#options.memory.active()) {
      if (state !== 'resolved') this.#writer.pending.touch(id);
    }
    this.#writer.write();
    await this.#writer.idle();
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
      this.#writer.pending.samples(row);
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
    for (const id of memory.replace(deployment, book)) this.#writer.pending.gone(id);
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
      this.#writer.pending.event(alertEvent(alert, change.change, change.atUnixMs, change.detail));
      if (memory.book(alert.deployment).has(alert.id)) this.#writer.pending.touch(alert.id);
      await slice.end();
    }
    // What was seen is on disk with what it led to.
    for (const deployment of new Set(changes.map(({ alert }) => alert.deployment))) {
      const row = this.#samples.openRow(deployment);
      if (row !== null) this.#writer.pending.samples(row);
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
      for (const document of documents) this.#writer.pending.document(document);
      this.#writer.pending.pins.push(...pins);
      await slice.end();
    }
    if (changes.length === 0) return;
    for (const document of recorder.follow(changes, nowUnixMs))
      this.#writer.pending.document(document);
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
      this.#writer.pending.touch(alert.id);
      const isNews = now.length > 0 !== before.length > 0 && alert.state !== 'resolved';
      if (!isNews) continue;
      const change = now.length > 0 ? 'silenced' : 'unsilenced';
      const detail = now.map((id) => silences.text(id)).join('; ');
      this.#writer.pending.event(alertEvent(alert, change, nowUnixMs, detail));
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
      if (state !== 'resolved') this.#writer.pending.touch(id);
    }
  }
}
