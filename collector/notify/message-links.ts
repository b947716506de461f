/** Links into the dashboard, for people who read a message. */
import { isFiring } from '#lib/alert/notify-state.ts';
import type { AlertJson } from '#lib/api/alerts.ts';

export interface AlertLinks {
  readonly alert: string;
  /** null: nothing was recorded. */
  readonly incident: string | null;
  readonly timeline: string;
  /** The alert among all that are active, where a button silences it. */
  readonly silence: string;
  /** null: its rule names none. */
  readonly runbook: string | null;
}

/** So much of the time before an alert, and after it, is in view. */
const MARGIN_MS = 15_000;
const MAX_SPAN_MS = 300_000;

/** `externalUrl` has no slash at its end. */
export function linksOf(of: AlertJson, externalUrl: string): AlertLinks {
  const { id, deployment, incidentId, labels, runbook } = of;
  const page = (path: string, search: Readonly<Record<string, string>>) =>
    `${externalUrl}${path}?${new URLSearchParams({ d: deployment, ...search })}`;
  const { worker } = labels;
  // As lib/view/alert-choice.ts reads it.
  const alert = page('/alerts', { alert: id });
  return {
    alert,
    incident:
      incidentId === null ? null : `${externalUrl}/incidents/${encodeURIComponent(incidentId)}`,
    timeline: page('/timeline', {
      ...viewOf(of),
      ...(worker === undefined ? {} : { pin: worker }),
    }),
    silence: alert,
    runbook: runbook === '' ? null : runbook,
  };
}

/** As lib/view/timeline-url.ts reads it: left edge and length, in nanoseconds. */
function viewOf(alert: AlertJson): { readonly at: string; readonly span: string } {
  const fromMs = alert.startsAtUnixMs - MARGIN_MS;
  const endMs = isFiring(alert) ? alert.updatedAtUnixMs : (alert.resolvedAtUnixMs ?? fromMs);
  const spanMs = Math.min(Math.max(endMs, alert.startsAtUnixMs) + MARGIN_MS - fromMs, MAX_SPAN_MS);
  return {
    at: String(BigInt(Math.round(fromMs)) * 1_000_000n),
    span: String(Math.round(spanMs) * 1_000_000),
  };
}
