/**
 * Alerting in the collector's main thread: the one place that knows rules, alerts and silences. What
 * people change is written first and counts then; one change after the other.
 */
import type { AlertDesk } from '#collector/admin/alert-routes.ts';
import type { RuleEntry } from '#lib/alert/rule-list.ts';
import type { SampleSet } from '#lib/alert/sample.ts';
import { longestNeedMs, needsOf } from '#lib/alert/sample-history.ts';
import type { AlertRule, ListedRule, RulesAnswer } from '#lib/api/alert-rules.ts';
import {
  type AlertJson,
  type Alerts,
  acknowledgeRequestSchema,
  type SilenceJson,
} from '#lib/api/alerts.ts';
import { problem } from '#lib/api/problem.ts';
import { errorText } from '#lib/base/error-text.ts';
import { err } from '#lib/base/result.ts';
import type { StateChanges } from '#lib/store/state-store.ts';
import type { StandingState } from './alert-files.ts';
import { AlertLoop, type AlertLoopOptions } from './alert-loop.ts';
import { AlertMemory, alertEvent } from './alert-memory.ts';
import type { AlertStore } from './alert-parts.ts';
import { LoopCounts } from './loop-counts.ts';
import { conflict, notFound, type Refusable, wrongBody } from './refusal.ts';
import { RuleBook, type RuleBookOptions } from './rule-book.ts';
import { SilenceBook } from './silence-book.ts';
import type { StoredAlertState } from './stored-state.ts';

export interface AlertServiceOptions extends RuleBookOptions {
  /** What is wrong with the rule file. */
  readonly ruleProblems: readonly string[];
  readonly store: AlertStore;
  readonly overviews: AlertLoopOptions['overviews'];
  readonly conditions: AlertLoopOptions['conditions'];
  readonly notifier: AlertLoopOptions['notifier'];
  readonly recorder: AlertLoopOptions['recorder'];
  /** By the collector's clock. */
  readonly nowUnixMs: () => number;
  readonly onWarning: (message: string) => void;
}

export class AlertService implements Omit<AlertDesk, 'receivers' | 'testReceiver'> {
  readonly #options: AlertServiceOptions;
  readonly #rules: RuleBook;
  readonly #silences = new SilenceBook();
  readonly #memory = new AlertMemory();
  readonly #loop: AlertLoop;
  #ruleProblems: readonly string[];
  readonly counts = new LoopCounts();
  #active: { readonly of: readonly RuleEntry[]; readonly rules: readonly AlertRule[] } | null =
    null;
  /** The end of the changes that were asked for so far. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: AlertServiceOptions) {
    this.#options = options;
    this.#rules = new RuleBook(options);
    this.#ruleProblems = options.ruleProblems;
    this.#loop = new AlertLoop({
      ...options,
      memory: this.#memory,
      silences: this.#silences,
      rules: () => this.activeRules(),
      isUnread: (name) =>
        this.#rules.isBroken(name) ||
        (this.#ruleProblems.length > 0 && this.#rules.entry(name) === null),
      inTurn: (work) => this.#inTurn(work),
      counts: this.counts,
    });
  }

  /** What there was when the collector ended, however it did. */
  load(stored: StoredAlertState): void {
    const unread =
      this.#rules.load(stored.rules) +
      this.#silences.load(stored.silences) +
      this.#memory.load(stored.alerts, stored.events);
    if (unread === 0) return;
    this.#options.onWarning(
      `${unread} stored alert documents are of another version and are left as they are`,
    );
  }

  /** The rule file was read again; holds from the next look on. */
  setStanding({ standing, problems }: StandingState): void {
    this.#rules.setStanding(standing);
    this.#ruleProblems = problems;
  }

  /** Samples of before, in their order; what came in between is missing, and that is no recovery. */
  remember(set: SampleSet): void {
    this.#loop.remember(set);
  }

  /** How much of the past the rules look back on. */
  get lookBackMs(): number {
    return longestNeedMs(needsOf(this.activeRules()));
  }

  /** One evaluation. */
  look(): Promise<void> {
    return this.#loop.look();
  }

  /** Resolves when what the last look changed is written, or refused. */
  idle(): Promise<void> {
    return this.#loop.idle();
  }

  /** Resolves when what is known is on disk, if the store takes it. */
  async stop(): Promise<void> {
    await this.#loop.stop();
    await this.#queue;
  }

  alerts(): Alerts {
    const nowUnixMs = this.#options.nowUnixMs();
    return { evaluatedUnixMs: this.#loop.evaluatedUnixMs, alerts: this.#memory.list(nowUnixMs) };
  }

  /** Rules that are on and can be evaluated; the same array while nobody changes them. */
  activeRules(): readonly AlertRule[] {
    const list = this.#rules.list();
    if (this.#active?.of !== list) this.#active = { of: list, rules: this.#rules.active() };
    return this.#active.rules;
  }

  rules(): RulesAnswer {
    return {
      rules: this.#rules.list().map((entry) => this.#listed(entry)),
      problems: [...this.#ruleProblems],
    };
  }

  acknowledge(body: unknown): Promise<Refusable<AlertJson>> {
    return this.#inTurn(async () => {
      const parsed = acknowledgeRequestSchema.safeParse(body);
      if (!parsed.success) return wrongBody(parsed.error);
      const { alertId, by, comment } = parsed.data;
      const alert = this.#memory.find(alertId);
      if (alert === null) return notFound(`There is no alert ${alertId}.`, 'alertId');
      if (alert.state === 'resolved') return conflict('The alert is over: nothing to acknowledge.');
      const nowUnixMs = this.#options.nowUnixMs();
      const acknowledged = { by, comment, atUnixMs: nowUnixMs };
      const detail = comment === '' ? `by ${by}` : `by ${by}: ${comment}`;
      const told = { ...this.#memory.document(alert, nowUnixMs) };
      const json = { ...this.#memory.json(alert, nowUnixMs), acknowledged };
      const { lastTrueAtUnixMs } = alert;
      return this.#written(
        {
          put: [{ ...told, detail: JSON.stringify({ ...json, lastTrueAtUnixMs }) }],
          log: [alertEvent(alert, 'acknowledged', nowUnixMs, detail)],
        },
        () => {
          this.#memory.acknowledge(alertId, acknowledged);
          return json;
        },
      );
    });
  }

  putRule(body: unknown, basedOn: number | null | undefined): Promise<Refusable<ListedRule>> {
    return this.#inTurn(async () => {
      const planned = this.#rules.plan(body, basedOn, this.#options.nowUnixMs());
      if (!planned.ok) return planned;
      return this.#written({ put: [planned.value] }, () => {
        this.#rules.commit(planned.value);
        return this.#listed(this.#rules.entry(planned.value.id)!);
      });
    });
  }

  deleteRule(name: string): Promise<Refusable<null>> {
    return this.#inTurn(async () => {
      const planned = this.#rules.planRemoval(name);
      if (!planned.ok) return planned;
      return this.#written({ remove: [{ kind: 'alert-rule', id: name }] }, () => {
        this.#rules.remove(name);
        return null;
      });
    });
  }

  putSilence(body: unknown): Promise<Refusable<SilenceJson>> {
    return this.#inTurn(async () => {
      const planned = this.#silences.plan(body, this.#options.nowUnixMs());
      if (!planned.ok) return planned;
      return this.#written({ put: [planned.value.document] }, () => {
        this.#silences.commit(planned.value);
        return planned.value.silence;
      });
    });
  }

  expireSilence(id: string): Promise<Refusable<null>> {
    return this.#inTurn(async () => {
      const planned = this.#silences.planEnd(id, this.#options.nowUnixMs());
      if (!planned.ok) return planned;
      return this.#written({ put: [planned.value.document] }, () => {
        this.#silences.commit(planned.value);
        return null;
      });
    });
  }

  #listed(entry: ReturnType<RuleBook['list']>[number]): ListedRule {
    let firing = 0;
    let pending = 0;
    for (const alert of this.#memory.active()) {
      if (alert.rule !== entry.rule.name) continue;
      if (alert.state === 'firing') firing++;
      if (alert.state === 'pending') pending++;
    }
    return { ...entry, firing, pending };
  }

  /** Changes look at what the one before left. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(work);
    this.#queue = done.catch(() => undefined);
    return done;
  }

  /** `commit` is called once the changes are on disk. */
  async #written<T>(changes: StateChanges, commit: () => T): Promise<Refusable<T>> {
    try {
      await this.#options.store.change(changes);
    } catch (error) {
      const why = errorText(error);
      return err(problem('not-stored', `Nothing was changed: ${why}. Try again later.`));
    }
    return { ok: true, value: commit() };
  }
}
