/**
 * One alert's next state from what its rule sees now.
 *
 *     none ──true──▶ pending ──true for `for`──▶ firing ──recovered, and kept for long enough──▶ resolved
 *                       └──not true any more──▶ dropped
 */

import { alertId } from './alert-id.ts';
import type { ActiveAlert, AlertChange } from './alert-state.ts';
import type { CompiledRule } from './compiled-rule.ts';
import type { Judgement } from './judge.ts';
import { unitOf } from './metric-kinds.ts';
import { renderTemplate } from './template.ts';
import { valueText } from './value-text.ts';

export interface Advanced {
  /** null: there is none, and none that should be remembered. */
  readonly alert: ActiveAlert | null;
  readonly change: AlertChange['change'] | null;
  readonly detail: string;
}

/** `before`: the alert as it was, if there was one. */
export function advanceAlert(
  compiled: CompiledRule,
  judgement: Judgement,
  before: ActiveAlert | undefined,
  nowUnixMs: number,
): Advanced {
  const active = before === undefined || before.state === 'resolved' ? null : before;
  const kept: Advanced = { alert: before ?? null, change: null, detail: '' };
  if (judgement.isMissing) return withoutData(compiled, judgement, active, kept, nowUnixMs);
  const isUnknown = judgement.isStale && (active?.state !== 'firing' || judgement.value === null);
  if (isUnknown) return kept;
  const { trueSinceUnixMs, atUnixMs } = judgement;
  if (active?.state === 'firing') return whileFiring(compiled, judgement, active);
  if (trueSinceUnixMs === null) {
    return active === null ? kept : dropped(active, atUnixMs, whyOver(compiled, judgement));
  }
  return begun(compiled, judgement, active, trueSinceUnixMs, atUnixMs, nowUnixMs);
}

function begun(
  compiled: CompiledRule,
  judgement: Judgement,
  active: ActiveAlert | null,
  sinceUnixMs: number,
  atUnixMs: number,
  nowUnixMs: number,
): Advanced {
  // What is older than `for` is not looked at any more; what was seen begin then keeps its beginning.
  const startsAtUnixMs =
    active === null ? sinceUnixMs : Math.min(sinceUnixMs, active.startsAtUnixMs);
  const isPendingStill = atUnixMs - sinceUnixMs < compiled.forMs;
  const from = isPendingStill ? sinceUnixMs : startsAtUnixMs;
  const made = madeAlert(compiled, judgement, from, nowUnixMs);
  if (isPendingStill) {
    const change = active === null ? 'pending' : null;
    return { alert: made, change, detail: whyTrue(compiled, judgement) };
  }
  return {
    alert: { ...made, state: 'firing', firedAtUnixMs: atUnixMs },
    change: 'firing',
    detail: whyTrue(compiled, judgement),
  };
}

function whileFiring(compiled: CompiledRule, judgement: Judgement, active: ActiveAlert): Advanced {
  const { atUnixMs } = judgement;
  const isTrue = judgement.isHeld || judgement.trueSinceUnixMs !== null;
  const lastTrueAtUnixMs = isTrue ? atUnixMs : active.lastTrueAtUnixMs;
  const alert: ActiveAlert = {
    ...active,
    ...figuresOf(compiled, judgement, active.startsAtUnixMs),
    lastTrueAtUnixMs,
    noData: false,
  };
  const isKept =
    isTrue || (lastTrueAtUnixMs !== null && atUnixMs - lastTrueAtUnixMs < compiled.keepFiringMs);
  if (isKept) return { alert, change: null, detail: '' };
  return resolved(alert, atUnixMs, whyOver(compiled, judgement));
}

function withoutData(
  compiled: CompiledRule,
  judgement: Judgement,
  active: ActiveAlert | null,
  kept: Advanced,
  nowUnixMs: number,
): Advanced {
  const { rule } = compiled;
  const detail = `no data of ${rule.metric} any more`;
  if (rule.no_data === 'alert') {
    if (active?.state === 'firing') {
      return { alert: { ...active, noData: true }, change: null, detail: '' };
    }
    const next = begun(compiled, judgement, active, judgement.atUnixMs, nowUnixMs, nowUnixMs);
    const alert = next.alert && { ...next.alert, noData: true, lastTrueAtUnixMs: null };
    return { ...next, alert, detail: next.change === null ? '' : detail };
  }
  if (rule.no_data === 'keep' || active === null) return kept;
  return active.state === 'pending'
    ? dropped(active, nowUnixMs, detail)
    : resolved(active, nowUnixMs, detail);
}

/** Ends an alert for another reason than its value: its rule is gone, say. */
export function endAlert(alert: ActiveAlert, atUnixMs: number, detail: string): Advanced {
  return alert.state === 'pending'
    ? dropped(alert, atUnixMs, detail)
    : resolved(alert, atUnixMs, detail);
}

function dropped(alert: ActiveAlert, atUnixMs: number, detail: string): Advanced {
  return {
    alert: { ...alert, state: 'resolved', resolvedAtUnixMs: atUnixMs, updatedAtUnixMs: atUnixMs },
    change: 'dropped',
    detail,
  };
}

function resolved(alert: ActiveAlert, atUnixMs: number, detail: string): Advanced {
  const ended: ActiveAlert = {
    ...alert,
    state: 'resolved',
    resolvedAtUnixMs: atUnixMs,
    updatedAtUnixMs: atUnixMs,
    inhibitedBy: null,
  };
  return { alert: ended, change: 'resolved', detail };
}

function madeAlert(
  compiled: CompiledRule,
  judgement: Judgement,
  startsAtUnixMs: number,
  nowUnixMs: number,
): ActiveAlert {
  const { rule } = compiled;
  const deployment = judgement.labels.deployment ?? '';
  return {
    id: alertId(rule.name, judgement.labels),
    rule: rule.name,
    state: 'pending',
    deployment,
    startsAtUnixMs,
    firedAtUnixMs: null,
    resolvedAtUnixMs: null,
    noData: false,
    inhibitedBy: null,
    lastTrueAtUnixMs: judgement.isMissing ? null : judgement.atUnixMs,
    ...figuresOf(compiled, judgement, startsAtUnixMs),
    updatedAtUnixMs: judgement.isMissing ? nowUnixMs : judgement.atUnixMs,
  };
}

/** What an alert says of its rule and value: anew at each look, since rules and values change. */
function figuresOf(compiled: CompiledRule, judgement: Judgement, startsAtUnixMs: number) {
  const { rule } = compiled;
  const { value, bound } = judgement;
  const labels: Record<string, string> = {
    ...rule.labels,
    ...judgement.labels,
    alertname: rule.name,
    severity: rule.severity,
  };
  const names = {
    value: valueText(rule.metric, value),
    raw_value: value === null ? '' : String(value),
    threshold: bound === null ? '' : valueText(rule.metric, bound),
    raw_threshold: bound === null ? '' : String(bound),
    compare: rule.compare,
    deployment: judgement.labels.deployment ?? '',
    rule: rule.name,
    metric: rule.metric,
    severity: rule.severity,
    window: rule.window,
    for: rule.for,
    since: new Date(startsAtUnixMs).toISOString(),
  };
  const known = { names, labels: { ...judgement.facts, ...labels } };
  const annotations: Record<string, string> = {};
  for (const [name, text] of Object.entries(rule.annotations)) {
    annotations[name] = renderTemplate(text, known);
  }
  return {
    severity: rule.severity,
    labels,
    annotations,
    runbook: rule.runbook,
    value,
    bound,
    compare: rule.compare,
    metric: rule.metric,
    unit: unitOf(rule.metric),
    updatedAtUnixMs: judgement.atUnixMs,
  };
}

function whyTrue({ rule }: CompiledRule, { value, bound }: Judgement): string {
  const { metric } = rule;
  const compared = `${valueText(metric, value)} ${rule.compare} ${valueText(metric, bound)}`;
  const of = rule.of_windows;
  if (of !== undefined) return `${compared} in ${of.hits} of ${of.of} windows of ${rule.window}`;
  return rule.for === '0s' ? compared : `${compared}, for ${rule.for}`;
}

function whyOver({ rule }: CompiledRule, { value, bound }: Judgement): string {
  if (bound === null) return `${valueText(rule.metric, value)} is what is usual by now`;
  return `back at ${valueText(rule.metric, value)}`;
}
