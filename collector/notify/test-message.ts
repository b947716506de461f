/** A message that says that it is a test, so that people can try a receiver before they need it. */
import type { NotifyMessage } from '#lib/alert/notify-state.ts';
import type { AlertJson } from '#lib/api/alerts.ts';
import { type Channel, failed, type SendOutcome } from './channel.ts';
import { shortHash } from './delivery.ts';
import { sendWithin } from './lane.ts';

const RULE = 'afdscope-test';

/** Sent at once and once, beside whatever waits. Where the other side keeps state, it is ended again. */
export async function sendTest(
  channel: Channel,
  kind: string,
  receiver: string,
  timeoutMs: number,
  nowUnixMs: number,
): Promise<SendOutcome> {
  const id = shortHash(`${RULE} ${receiver} ${nowUnixMs}`);
  const send = async (alert: AlertJson) => {
    const outcome = await sendWithin(timeoutMs, new AbortController(), (signal) =>
      channel.send(messageOf(alert, receiver), { dedupKey: id, signal, nowUnixMs }),
    );
    return outcome ?? failed('broken off');
  };
  const alert = testAlert(id, receiver, nowUnixMs);
  const outcome = await send(alert);
  if (!outcome.ok || kind !== 'pagerduty') return outcome;
  return send({ ...alert, state: 'resolved', resolvedAtUnixMs: nowUnixMs });
}

function messageOf(alert: AlertJson, receiver: string): NotifyMessage {
  return {
    groupKey: `${receiver}:test`,
    groupLabels: { alertname: RULE },
    action: 'alerts',
    isRepeat: false,
    alerts: [alert],
    truncatedAlerts: 0,
    held: null,
  };
}

function testAlert(id: string, receiver: string, nowUnixMs: number): AlertJson {
  return {
    id,
    rule: RULE,
    severity: 'info',
    state: 'firing',
    deployment: '',
    labels: { alertname: RULE, severity: 'info', receiver },
    annotations: {
      summary: `Test message of afdscope to the receiver "${receiver}"`,
      description: 'Nothing is wrong: somebody tried whether messages arrive here.',
    },
    runbook: '',
    value: null,
    bound: null,
    compare: '>',
    metric: '',
    unit: '',
    startsAtUnixMs: nowUnixMs,
    firedAtUnixMs: nowUnixMs,
    resolvedAtUnixMs: null,
    updatedAtUnixMs: nowUnixMs,
    noData: false,
    inhibitedBy: null,
    silencedBy: [],
    acknowledged: null,
    incidentId: null,
    flapping: false,
    firedCount: 1,
  };
}
