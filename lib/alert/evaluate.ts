/**
 * All rules on all samples: what fires now, what changed. A pure function of rules, the alerts that there
 * were, samples and time; the same question has the same answer, after a restart too.
 */
import type { AlertRule } from '#lib/api/alert-rules.ts';
import { type Advanced, advanceAlert, endAlert } from './advance.ts';
import { alertId } from './alert-id.ts';
import type { ActiveAlert, AlertBook, AlertChange } from './alert-state.ts';
import { type CompiledRule, compileRule } from './compiled-rule.ts';
import { explainedBy } from './inhibit.ts';
import { type Judgement, type JudgeOptions, judgeRule, judgeSeries } from './judge.ts';
import type { SeriesLabels } from './sample.ts';
import type { SampleHistory } from './sample-history.ts';

/** Alerts that are over stay in the book for so long. */
export const RESOLVED_KEPT_MS = 3_600_000;
const MAX_RESOLVED = 1000;

/** One rule must not fill the book: a threshold that everybody misses says nothing more by 3,000 alerts. */
export const MAX_ALERTS_OF_RULE = 500;

export interface EvaluateInput {
  readonly rules: readonly AlertRule[];
  readonly book: AlertBook;
  readonly history: SampleHistory;
  /** By the collector's clock. */
  readonly nowUnixMs: number;
  /** When the collector began to look: what did not come before is not missing. Default: always. */
  readonly watchingSinceUnixMs?: number;
  /**
   * Is the rule of this name one that could not be read? Its alerts stay as they are: nobody knows that they
   * are over. Default: none is.
   */
  readonly isUnread?: (rule: string) => boolean;
}

export interface Evaluation {
  readonly book: AlertBook;
  /** In the order of the rules; what a cause does to its consequences comes last. */
  readonly changes: readonly AlertChange[];
  /** Alerts that there was no room for. */
  readonly leftOut: number;
}

export function evaluateRules(input: EvaluateInput): Evaluation {
  const steps = evaluationSteps(input);
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/**
 * The same with a pause after each series, for those who must give a thread back. Rules, book and history
 * must not change before the end.
 */
export function* evaluationSteps(input: EvaluateInput): Generator<void, Evaluation> {
  const { rules, nowUnixMs } = input;
  const book = new Map(input.book);
  const changes: AlertChange[] = [];
  let leftOut = 0;
  const note = (id: string, { alert, change, detail }: Advanced): void => {
    if (alert === null) return;
    const isRemembered = change !== 'dropped' || alert.firedAtUnixMs !== null;
    if (isRemembered) book.set(id, alert);
    else book.delete(id);
    if (change === null) return;
    const atUnixMs = alert.noData ? nowUnixMs : alert.updatedAtUnixMs;
    changes.push({ alert, change, atUnixMs, detail });
  };
  const seen = new Set<string>();
  for (const rule of rules) {
    if (!rule.enabled) continue;
    const compiled = compileRule(rule);
    const options = judgeOptions(input, book, rule);
    let active = activeOf(book, rule.name).length;
    for (const judgement of judgements(compiled, options, book)) {
      yield;
      const id = alertId(rule.name, judgement.labels);
      seen.add(id);
      const before = book.get(id);
      const next = advanceAlert(compiled, judgement, before, nowUnixMs);
      const isNew = isActive(next.alert) && !isActive(before);
      if (isNew && active >= MAX_ALERTS_OF_RULE) {
        leftOut++;
        continue;
      }
      if (isNew) active++;
      note(id, next);
    }
  }
  for (const [id, alert] of [...book]) {
    if (!isActive(alert) || seen.has(id) || input.isUnread?.(alert.rule) === true) continue;
    note(id, endAlert(alert, nowUnixMs, 'its rule is gone'));
  }
  inhibit(book, rules, nowUnixMs, changes);
  forgetResolved(book, nowUnixMs);
  return { book, changes, leftOut };
}

function judgeOptions(
  { history, nowUnixMs, watchingSinceUnixMs }: EvaluateInput,
  book: AlertBook,
  rule: AlertRule,
): JudgeOptions {
  return {
    history,
    nowUnixMs,
    watchingSinceUnixMs: watchingSinceUnixMs ?? Number.NEGATIVE_INFINITY,
    firingSince: (labels) => {
      const alert = book.get(alertId(rule.name, labels));
      return alert?.state === 'firing' ? alert.startsAtUnixMs : null;
    },
  };
}

/** Of the series that have samples, and of those that have none any more but an alert. */
function* judgements(
  compiled: CompiledRule,
  options: JudgeOptions,
  book: AlertBook,
): Generator<Judgement> {
  const { rule } = compiled;
  const judged = new Set<string>();
  for (const judgement of judgeRule(compiled, options)) {
    judged.add(alertId(rule.name, judgement.labels));
    yield judgement;
  }
  for (const alert of activeOf(book, rule.name)) {
    if (judged.has(alert.id)) continue;
    const labels = seriesLabels(alert, compiled);
    // Another `where` than when it began: the rule is not about it any more.
    if (alertId(rule.name, labels) !== alert.id || !stillWatches(compiled, labels)) continue;
    yield judgeSeries(compiled, labels, [], options);
  }
}

function stillWatches({ rule, watches }: CompiledRule, labels: SeriesLabels): boolean {
  // Labels that the alert is not told apart by are not known any more.
  const isKnown = Object.keys(rule.where).every((name) => labels[name] !== undefined);
  return !isKnown || watches(labels);
}

/** What the alert is told apart by, from its labels, which hold the rule's own, too. */
function seriesLabels(alert: ActiveAlert, compiled: CompiledRule): SeriesLabels {
  const labels: Record<string, string> = { deployment: alert.deployment };
  for (const name of compiled.seriesLabels) {
    const value = alert.labels[name];
    if (value !== undefined) labels[name] = value;
  }
  return labels;
}

function activeOf(book: AlertBook, rule: string): ActiveAlert[] {
  return [...book.values()].filter((alert) => alert.rule === rule && isActive(alert));
}

function isActive(alert: ActiveAlert | null | undefined): boolean {
  return alert != null && alert.state !== 'resolved';
}

function inhibit(
  book: Map<string, ActiveAlert>,
  rules: readonly AlertRule[],
  nowUnixMs: number,
  changes: AlertChange[],
): void {
  const byName = new Map(rules.map((rule) => [rule.name, rule]));
  const causes = explainedBy(book.values(), byName, nowUnixMs);
  for (const [id, alert] of book) {
    if (alert.state !== 'firing') continue;
    const inhibitedBy = causes.get(id) ?? null;
    if (inhibitedBy === alert.inhibitedBy) continue;
    const next = { ...alert, inhibitedBy };
    book.set(id, next);
    if (inhibitedBy !== null && alert.inhibitedBy !== null) continue;
    const cause = book.get(inhibitedBy ?? alert.inhibitedBy ?? '');
    const name = cause === undefined ? 'another alert' : nameOf(cause);
    changes.push({
      alert: next,
      change: inhibitedBy === null ? 'released' : 'inhibited',
      atUnixMs: alert.updatedAtUnixMs,
      detail: inhibitedBy === null ? `${name} is over, this is not` : `explained by ${name}`,
    });
  }
}

/** "straggler (attention/5)" */
function nameOf({ rule, labels }: ActiveAlert): string {
  const { worker, group, stage, layer, domain, condition } = labels;
  const about = worker ?? group ?? stage ?? layer ?? domain ?? condition;
  return about === undefined ? rule : `${rule} (${about})`;
}

function forgetResolved(book: Map<string, ActiveAlert>, nowUnixMs: number): void {
  const over = [...book.values()]
    .filter(({ state }) => state === 'resolved')
    .sort((a, b) => b.resolvedAtUnixMs! - a.resolvedAtUnixMs!);
  over.forEach(({ id, resolvedAtUnixMs }, i) => {
    if (i >= MAX_RESOLVED || nowUnixMs - resolvedAtUnixMs! > RESOLVED_KEPT_MS) book.delete(id);
  });
}
