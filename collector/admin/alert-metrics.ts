/** Alerts, their evaluation, and what became of messages: bounded by rules and receivers. */
import type { Registry } from 'prom-client';
import type { RunningAlerts } from '#collector/alert/start-alerts.ts';
import { counter, gauge } from './scraped-metrics.ts';

export type AlertSource = Pick<
  RunningAlerts,
  'activeRules' | 'alerts' | 'counts' | 'deliveryCounts'
>;

const MAX_RULES = 200;
const STATES = ['pending', 'firing'] as const;

export function addAlertMetrics(registry: Registry, source: AlertSource): void {
  gauge(
    registry,
    'afdscope_alerts',
    'Alerts by rule and state; those that are silenced or explained are counted, too.',
    ['rule', 'severity', 'state'],
    (g) => {
      const { alerts } = source.alerts();
      for (const { name, severity } of source.activeRules().slice(0, MAX_RULES)) {
        for (const state of STATES) {
          const of = alerts.filter((alert) => alert.rule === name && alert.state === state);
          g.set({ rule: name, severity, state }, of.length);
        }
      }
    },
  );
  const totals: [string, string, (counts: AlertSource['counts']) => number][] = [
    ['evaluations', 'Evaluations of all rules.', (c) => c.evaluations],
    ['evaluation_failures', 'Evaluations that failed.', (c) => c.failures],
    ['evaluation_seconds', 'Time that evaluations took.', (c) => c.totalMs / 1000],
    ['left_out', 'Alerts of rules that had too many.', (c) => c.alertsLeftOut],
    ['refused_writes', 'Times that the store refused to take alerts.', (c) => c.refusals],
  ];
  for (const [name, help, read] of totals) {
    counter(registry, `afdscope_alert_${name}_total`, help, [], (c) => c.inc(read(source.counts)));
  }
  gauge(
    registry,
    'afdscope_alert_evaluation_timestamp_seconds',
    'When rules were evaluated last; it stands still where nobody watches.',
    [],
    (g) => {
      const { evaluatedUnixMs } = source.alerts();
      if (evaluatedUnixMs !== null) g.set(evaluatedUnixMs / 1000);
    },
  );
  counter(
    registry,
    'afdscope_alert_deliveries_total',
    'Messages by receiver: sent, tries that failed, messages given up.',
    ['receiver', 'outcome'],
    (c) => {
      for (const { receiver, sent, failedAttempts, givenUp } of source.deliveryCounts()) {
        c.inc({ receiver, outcome: 'sent' }, sent);
        c.inc({ receiver, outcome: 'failed_attempt' }, failedAttempts);
        c.inc({ receiver, outcome: 'given_up' }, givenUp);
      }
    },
  );
  gauge(
    registry,
    'afdscope_alert_deliveries_waiting',
    'Messages that wait to be sent.',
    ['receiver'],
    (g) => {
      for (const { receiver, waiting } of source.deliveryCounts()) g.set({ receiver }, waiting);
    },
  );
}
