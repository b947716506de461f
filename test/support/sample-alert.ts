import type { AlertJson } from '#lib/api/alerts.ts';

/** 2026-11-27T12:00:00Z. */
export const ALERT_START_MS = Date.UTC(2026, 10, 27, 12);

/** A firing alert of a straggler; `id` tells alerts apart. */
export function sampleAlert(id: string, changes: Partial<AlertJson> = {}): AlertJson {
  const deployment = changes.deployment ?? 'prod';
  const rule = changes.rule ?? 'straggler';
  const severity = changes.severity ?? 'warning';
  return {
    id,
    rule,
    severity,
    state: 'firing',
    deployment,
    annotations: { summary: `${id} is slow` },
    runbook: '',
    value: 6.25,
    bound: 4,
    compare: '>',
    metric: 'straggler_score',
    unit: 'score',
    startsAtUnixMs: ALERT_START_MS,
    firedAtUnixMs: ALERT_START_MS + 5000,
    resolvedAtUnixMs: null,
    updatedAtUnixMs: ALERT_START_MS + 6000,
    noData: false,
    inhibitedBy: null,
    silencedBy: [],
    acknowledged: null,
    incidentId: null,
    flapping: false,
    firedCount: 1,
    ...changes,
    labels: { alertname: rule, deployment, severity, worker: `ffn/${id}`, ...changes.labels },
  };
}

export function ended(alert: AlertJson, resolvedAtUnixMs = ALERT_START_MS + 60_000): AlertJson {
  return { ...alert, state: 'resolved', resolvedAtUnixMs, updatedAtUnixMs: resolvedAtUnixMs };
}
