/** Alerts as marks on a time axis: charts and the timeline draw the same ones. */
import type { AlertEvent, AlertJson } from '#lib/api/alerts.ts';
import type { AlertChoice } from './alert-choice.ts';
import { alertEpisodes } from './alert-history.ts';
import { alertSentence, SEVERITY_ORDER, subjectText } from './alert-words.ts';
import { instantText } from './format.ts';

export interface AlertMark {
  readonly alertId: string;
  readonly rule: string;
  readonly severity: AlertJson['severity'];
  readonly fromUnixMs: number;
  /** null: it still fires. */
  readonly toUnixMs: number | null;
  /** One line, for the hover. */
  readonly text: string;
}

/** What the Alerts page shows of it: the alert itself while it fires, then the history of its rule. */
export function choiceOfMark(mark: AlertMark): Pick<AlertChoice, 'tab' | 'rule' | 'alert'> {
  return mark.toUnixMs === null
    ? { tab: 'active', rule: null, alert: mark.alertId }
    : { tab: 'history', rule: mark.rule, alert: null };
}

/** Of those that fired and touch the window, worst first; consequences of others are left out. */
export function alertMarks(
  events: readonly AlertEvent[],
  alerts: readonly AlertJson[],
  window: { readonly fromMs: number; readonly toMs: number },
): readonly AlertMark[] {
  const marks: AlertMark[] = [];
  const open = new Map(alerts.filter(isOpen).map((alert) => [alert.id, alert]));
  const known = new Set<string>();
  for (const episode of alertEpisodes(events)) {
    const { alertId, rule, severity, labels, firedUnixMs, toUnixMs, isInhibited } = episode;
    if (firedUnixMs === null || isInhibited) continue;
    const now = open.get(alertId);
    // An end that the history does not hold yet is not "still firing".
    if (toUnixMs === null && now === undefined && alerts.length > 0) continue;
    if (toUnixMs === null) known.add(alertId);
    const subject = subjectText(labels);
    const what =
      now === undefined ? `${rule}${subject === '' ? '' : ` · ${subject}`}` : alertSentence(now);
    marks.push({
      alertId,
      rule,
      severity,
      fromUnixMs: firedUnixMs,
      toUnixMs,
      text: `${what}. ${spanText(firedUnixMs, toUnixMs)}`,
    });
  }
  // Fired before the history's window.
  for (const alert of open.values()) {
    if (known.has(alert.id) || alert.inhibitedBy !== null || alert.firedAtUnixMs === null) continue;
    marks.push({
      alertId: alert.id,
      rule: alert.rule,
      severity: alert.severity,
      fromUnixMs: alert.firedAtUnixMs,
      toUnixMs: null,
      text: `${alertSentence(alert)}. ${spanText(alert.firedAtUnixMs, null)}`,
    });
  }
  return marks
    .filter(
      ({ fromUnixMs, toUnixMs }) =>
        fromUnixMs <= window.toMs && (toUnixMs ?? window.toMs) >= window.fromMs,
    )
    .sort(
      (a, b) =>
        SEVERITY_ORDER[a.severity] - SEVERITY_ORDER[b.severity] || a.fromUnixMs - b.fromUnixMs,
    );
}

function isOpen({ state }: AlertJson): boolean {
  return state === 'firing';
}

function spanText(fromUnixMs: number, toUnixMs: number | null): string {
  const from = instantText(fromUnixMs).local.slice(11);
  return toUnixMs === null
    ? `Firing since ${from}`
    : `${from} – ${instantText(toUnixMs).local.slice(11)}`;
}
