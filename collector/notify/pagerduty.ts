/** PagerDuty's Events API, version 2: one event for each alert and step, told apart by the alert's id. */
import { isFiring, type NotifyMessage } from '#lib/alert/notify-state.ts';
import type { Severity } from '#lib/api/alert-rules.ts';
import type { AlertJson } from '#lib/api/alerts.ts';
import type { ReceiverOf } from '#lib/config/receiver-schema.ts';
import { heldText, rfc3339, shownAnnotations, shownLabels, summaryOf } from './alert-texts.ts';
import { type Channel, failed, type Sending, type SendOutcome } from './channel.ts';
import type { ChannelContext } from './channel-context.ts';
import { postJson } from './http-post.ts';
import { linksOf } from './message-links.ts';
import { readSecret } from './secrets.ts';

const MAX_SUMMARY = 1024;
const SEVERITY: Readonly<Record<Severity, 'critical' | 'warning' | 'info'>> = {
  critical: 'critical',
  warning: 'warning',
  info: 'info',
};

export class PagerDutyChannel implements Channel {
  readonly #receiver: ReceiverOf<'pagerduty'>;
  readonly #context: ChannelContext;

  constructor(receiver: ReceiverOf<'pagerduty'>, context: ChannelContext) {
    this.#receiver = receiver;
    this.#context = context;
  }

  async send(message: NotifyMessage, sending: Sending): Promise<SendOutcome> {
    const routingKey = await readSecret(this.#receiver.routing_key, this.#context);
    if (!routingKey.ok) return failed(routingKey.error);
    const event = pagerDutyEvent(message, sending.dedupKey, this.#context.externalUrl);
    const { signal, nowUnixMs } = sending;
    const { env } = this.#context;
    const body = { routing_key: routingKey.value, ...event };
    return postJson({
      url: this.#receiver.url,
      headers: {},
      secrets: [routingKey.value],
      body,
      signal,
      nowUnixMs,
      env,
    });
  }
}

export interface PagerDutyEvent {
  readonly event_action: 'trigger' | 'acknowledge' | 'resolve';
  readonly dedup_key: string;
  readonly client: string;
  readonly client_url: string;
  readonly links: readonly { readonly href: string; readonly text: string }[];
  readonly payload: {
    readonly summary: string;
    readonly source: string;
    readonly severity: 'critical' | 'warning' | 'info';
    readonly timestamp: string;
    readonly component: string;
    readonly group: string;
    readonly class: string;
    readonly custom_details: Readonly<Record<string, unknown>>;
  };
}

/** `message` is about one alert. */
export function pagerDutyEvent(
  message: NotifyMessage,
  dedupKey: string,
  externalUrl: string,
): PagerDutyEvent {
  const alert = message.alerts[0]!;
  const links = linksOf(alert, externalUrl);
  const held = heldText(message);
  return {
    event_action: actionOf(message, alert),
    dedup_key: dedupKey,
    client: 'afdscope',
    client_url: links.alert,
    links: [
      ...(links.incident === null ? [] : [{ href: links.incident, text: 'Incident' }]),
      { href: links.timeline, text: 'Timeline' },
      { href: links.silence, text: 'Silence' },
      ...(links.runbook === null ? [] : [{ href: links.runbook, text: 'Runbook' }]),
    ],
    payload: {
      summary: summaryOf(alert).slice(0, MAX_SUMMARY),
      source: alert.labels.worker || alert.deployment || 'afdscope',
      severity: SEVERITY[alert.severity],
      timestamp: rfc3339(alert.startsAtUnixMs),
      component: alert.labels.group ?? '',
      group: alert.deployment,
      class: alert.rule,
      custom_details: {
        labels: shownLabels(alert),
        annotations: shownAnnotations(alert, externalUrl),
        ...(held === '' ? {} : { rate_limit: held }),
      },
    },
  };
}

function actionOf({ action }: NotifyMessage, alert: AlertJson): PagerDutyEvent['event_action'] {
  if (!isFiring(alert)) return 'resolve';
  return action === 'acknowledge' ? 'acknowledge' : 'trigger';
}
