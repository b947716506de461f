/** Generic webhooks: Alertmanager's payload, version 4. */
import { isFiring, type NotifyMessage } from '#lib/alert/notify-state.ts';
import type { AlertJson } from '#lib/api/alerts.ts';
import type { WebhookAlert, WebhookMessage } from '#lib/api/webhook-message.ts';
import type { ReceiverOf } from '#lib/config/receiver-schema.ts';
import {
  common,
  heldText,
  rfc3339,
  shownAnnotations,
  shownLabels,
  statusOf,
} from './alert-texts.ts';
import { type Channel, failed, type Sending, type SendOutcome } from './channel.ts';
import type { ChannelContext } from './channel-context.ts';
import { loginHeaders } from './http-login.ts';
import { postJson } from './http-post.ts';
import { linksOf } from './message-links.ts';
import { readText } from './secrets.ts';

/** Go's zero time: how Alertmanager writes the end of what has not ended. */
export const NOT_ENDED = '0001-01-01T00:00:00Z';

export class WebhookChannel implements Channel {
  readonly #receiver: ReceiverOf<'webhook'>;
  readonly #context: ChannelContext;

  constructor(receiver: ReceiverOf<'webhook'>, context: ChannelContext) {
    this.#receiver = receiver;
    this.#context = context;
  }

  async send(message: NotifyMessage, sending: Sending): Promise<SendOutcome> {
    const { name, max_alerts } = this.#receiver;
    const url = await readText(this.#receiver.url, this.#context);
    if (!url.ok) return failed(url.error);
    const login = await loginHeaders(this.#receiver, this.#context);
    if (!login.ok) return failed(login.error);
    return postJson({
      url: url.value,
      headers: { ...login.value.headers, 'idempotency-key': sending.dedupKey },
      secrets: login.value.secrets,
      body: webhookMessage(message, name, this.#context.externalUrl, max_alerts),
      signal: sending.signal,
      nowUnixMs: sending.nowUnixMs,
      env: this.#context.env,
    });
  }
}

/** `maxAlerts` 0: all. */
export function webhookMessage(
  message: NotifyMessage,
  receiver: string,
  externalUrl: string,
  maxAlerts: number,
): WebhookMessage {
  const shown = maxAlerts === 0 ? message.alerts : message.alerts.slice(0, maxAlerts);
  const held = heldText(message);
  const alerts = shown.map((alert) => webhookAlert(alert, externalUrl, held));
  return {
    version: '4',
    groupKey: message.groupKey,
    truncatedAlerts: message.truncatedAlerts + message.alerts.length - shown.length,
    status: message.alerts.some(isFiring) ? 'firing' : 'resolved',
    receiver,
    groupLabels: message.groupLabels,
    commonLabels: common(alerts.map(({ labels }) => labels)),
    commonAnnotations: common(alerts.map(({ annotations }) => annotations)),
    externalURL: externalUrl,
    alerts,
  };
}

function webhookAlert(alert: AlertJson, externalUrl: string, held: string): WebhookAlert {
  const { resolvedAtUnixMs, updatedAtUnixMs } = alert;
  return {
    status: statusOf(alert),
    labels: shownLabels(alert),
    annotations: {
      ...shownAnnotations(alert, externalUrl),
      ...(held === '' ? {} : { rate_limit: held }),
    },
    startsAt: rfc3339(alert.startsAtUnixMs),
    endsAt: isFiring(alert) ? NOT_ENDED : rfc3339(resolvedAtUnixMs ?? updatedAtUnixMs),
    generatorURL: linksOf(alert, externalUrl).alert,
    fingerprint: alert.id,
  };
}
