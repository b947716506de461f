/** `/metrics` of telling people: so that somebody hears of messages that do not arrive. */
import type { Registry } from 'prom-client';
import type { ReceiverCounts } from '#collector/notify/notify-counts.ts';
import { counter, gauge } from './scraped-metrics.ts';

const LABELS = ['receiver', 'kind'];

/** Labels are the names of the receivers file: fixed, and few. */
export function addNotifyMetrics(
  registry: Registry,
  counts: () => readonly ReceiverCounts[],
  nowUnixMs: () => number,
): void {
  const all = (
    set: (labels: { receiver: string; kind: string }, counts: ReceiverCounts) => void,
  ) => {
    for (const one of counts()) set({ receiver: one.receiver, kind: one.kind }, one);
  };
  counter(
    registry,
    'afdscope_notifications_sent_total',
    'Messages that receivers took.',
    LABELS,
    (m) => all((labels, { sent }) => m.inc(labels, sent)),
  );
  counter(
    registry,
    'afdscope_notification_failed_attempts_total',
    'Tries that failed, of messages that were sent later included.',
    LABELS,
    (m) => all((labels, { failedAttempts }) => m.inc(labels, failedAttempts)),
  );
  counter(
    registry,
    'afdscope_notifications_given_up_total',
    'Messages that were not sent and will not be.',
    LABELS,
    (m) => all((labels, { givenUp }) => m.inc(labels, givenUp)),
  );
  gauge(registry, 'afdscope_notifications_waiting', 'Messages that wait to be sent.', LABELS, (m) =>
    all((labels, { waiting }) => m.set(labels, waiting)),
  );
  gauge(
    registry,
    'afdscope_notification_oldest_wait_seconds',
    'How long the oldest message has waited; 0 where none does.',
    LABELS,
    (m) =>
      all((labels, { oldestUnixMs }) =>
        m.set(labels, oldestUnixMs === null ? 0 : Math.max(0, nowUnixMs() - oldestUnixMs) / 1000),
      ),
  );
}
