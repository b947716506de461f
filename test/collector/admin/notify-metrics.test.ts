import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { addNotifyMetrics } from '#collector/admin/notify-metrics.ts';

test('figures of each receiver, waiting time from the oldest message', async () => {
  const registry = new Registry();
  const counts = [
    {
      receiver: 'team',
      kind: 'slack',
      sent: 7,
      failedAttempts: 3,
      givenUp: 1,
      waiting: 2,
      oldestUnixMs: 4000,
    },
    {
      receiver: 'idle',
      kind: 'email',
      sent: 0,
      failedAttempts: 0,
      givenUp: 0,
      waiting: 0,
      oldestUnixMs: null,
    },
  ];
  addNotifyMetrics(
    registry,
    () => counts,
    () => 10_500,
  );
  const text = await registry.metrics();
  const lines = text.split('\n').filter((line) => line.includes('receiver='));
  expect(lines).toEqual([
    'afdscope_notifications_sent_total{receiver="team",kind="slack"} 7',
    'afdscope_notifications_sent_total{receiver="idle",kind="email"} 0',
    'afdscope_notification_failed_attempts_total{receiver="team",kind="slack"} 3',
    'afdscope_notification_failed_attempts_total{receiver="idle",kind="email"} 0',
    'afdscope_notifications_given_up_total{receiver="team",kind="slack"} 1',
    'afdscope_notifications_given_up_total{receiver="idle",kind="email"} 0',
    'afdscope_notifications_waiting{receiver="team",kind="slack"} 2',
    'afdscope_notifications_waiting{receiver="idle",kind="email"} 0',
    'afdscope_notification_oldest_wait_seconds{receiver="team",kind="slack"} 6.5',
    'afdscope_notification_oldest_wait_seconds{receiver="idle",kind="email"} 0',
  ]);
});
