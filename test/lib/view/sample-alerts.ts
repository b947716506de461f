/** Alerts and their history, as small as tests need them. */
import type { AlertEvent, AlertJson } from '#lib/api/alerts.ts';

/** 2026-11-27 12:00:00 UTC. */
export const NOON = Date.UTC(2026, 10, 27, 12);

export function sampleAlert(change: Partial<AlertJson> = {}): AlertJson {
  return {
    id: 'a1',
    rule: 'straggler',
    severity: 'warning',
    state: 'firing',
    deployment: 'demo',
    labels: { alertname: 'straggler', deployment: 'demo', severity: 'warning', worker: 'ffn/2' },
    annotations: {},
    runbook: '',
    value: 0.203,
    bound: 0.08,
    compare: '>',
    metric: 'straggler_excess_ratio',
    unit: 'ratio',
    startsAtUnixMs: NOON,
    firedAtUnixMs: NOON + 10_000,
    resolvedAtUnixMs: null,
    updatedAtUnixMs: NOON + 60_000,
    noData: false,
    inhibitedBy: null,
    silencedBy: [],
    acknowledged: null,
    incidentId: null,
    flapping: false,
    firedCount: 1,
    ...change,
  };
}

export function sampleEvent(change: Partial<AlertEvent> = {}): AlertEvent {
  return {
    alertId: 'a1',
    rule: 'straggler',
    severity: 'warning',
    deployment: 'demo',
    labels: { worker: 'ffn/2' },
    atUnixMs: NOON,
    change: 'firing',
    value: 0.2,
    detail: '',
    ...change,
  };
}
