/** What every message says of an alert, whatever form it has. */
import { alertLabels } from '#lib/alert/notify-groups.ts';
import { isFiring, type NotifyMessage } from '#lib/alert/notify-state.ts';
import type { AlertJson } from '#lib/api/alerts.ts';
import { linksOf } from './message-links.ts';

export function statusOf(alert: AlertJson): 'firing' | 'resolved' {
  return isFiring(alert) ? 'firing' : 'resolved';
}

/** "[FIRING 2] straggler in prod", "[RESOLVED] hang in prod". */
export function titleOf(message: NotifyMessage): string {
  const { alerts, isRepeat, truncatedAlerts } = message;
  const firing = alerts.filter(isFiring).length;
  const count = firing + (firing > 0 ? truncatedAlerts : 0);
  const status = firing === 0 ? 'RESOLVED' : count > 1 ? `FIRING ${count}` : 'FIRING';
  const rules = [...new Set(alerts.map(({ rule }) => rule))];
  const places = [...new Set(alerts.map(({ deployment }) => deployment || 'the collector'))];
  const again = isRepeat ? ' (still)' : '';
  return `[${status}]${again} ${few(rules, 'rules')} in ${few(places, 'deployments')}`;
}

function few(names: readonly string[], many: string): string {
  return names.length <= 3 ? names.join(', ') : `${names.length} ${many}`;
}

/** Its rule's summary, or what it compared. */
export function summaryOf(alert: AlertJson): string {
  const { annotations, rule, deployment } = alert;
  return (
    annotations.summary || annotations.description || `${rule} in ${deployment || 'the collector'}`
  );
}

/** "bubble_ratio 0.62 > 0.4"; '' without data. */
export function valueText({ metric, value, compare, bound, unit }: AlertJson): string {
  if (value === null) return '';
  const bounded = bound === null ? '' : ` ${compare} ${figure(bound)}`;
  return `${metric} ${figure(value)}${bounded}${unit === 'seconds' ? ' s' : ''}`;
}

/** Four significant digits: messages are read, not computed with. */
function figure(value: number): string {
  return String(Number(value.toPrecision(4)));
}

/** What the rate limit did to a message; '' where nothing. */
export function heldText({ held }: NotifyMessage): string {
  if (held === null) return '';
  const waited = held.forMs >= 1000 ? `held back for ${Math.round(held.forMs / 1000)} s` : '';
  const together = held.groups > 1 ? `${held.groups} messages merged into this one` : '';
  const what = [waited, together].filter((text) => text !== '').join(', ');
  return what === '' ? '' : `${what} by the receiver's rate limit`;
}

/** Empty ones are left out: for Prometheus an empty label is none. */
export function shownLabels(alert: AlertJson): Record<string, string> {
  return withoutEmpty(alertLabels(alert));
}

/** Those of its rule, and what Alertmanager's payload has no key for. */
export function shownAnnotations(alert: AlertJson, externalUrl: string): Record<string, string> {
  const links = linksOf(alert, externalUrl);
  const { acknowledged } = alert;
  return withoutEmpty({
    ...alert.annotations,
    summary: summaryOf(alert),
    value: valueText(alert),
    incident: links.incident ?? '',
    timeline: links.timeline,
    silence: links.silence,
    runbook_url: links.runbook ?? '',
    acknowledged_by: acknowledged?.by ?? '',
  });
}

function withoutEmpty(texts: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== ''));
}

/** What all have, with the same text. */
export function common(all: readonly Readonly<Record<string, string>>[]): Record<string, string> {
  const [first = {}, ...others] = all;
  return Object.fromEntries(
    Object.entries(first).filter(([name, text]) => others.every((other) => other[name] === text)),
  );
}

export function rfc3339(unixMs: number): string {
  return new Date(unixMs).toISOString();
}
