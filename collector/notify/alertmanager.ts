/**
 * Pushes alerts to Alertmanager by its API v2, as Prometheus does: each change at once, all that fires
 * again every resend interval, with an end four intervals ahead, so that what nobody speaks of any more
 * ends by itself.
 */
import { isFiring, type NotifyMessage } from '#lib/alert/notify-state.ts';
import type { AlertJson } from '#lib/api/alerts.ts';
import type { ReceiverOf } from '#lib/config/receiver-schema.ts';
import { rfc3339, shownAnnotations, shownLabels } from './alert-texts.ts';
import { type Channel, failed, type Sending, type SendOutcome } from './channel.ts';
import type { ChannelContext } from './channel-context.ts';
import { loginHeaders } from './http-login.ts';
import { postJson } from './http-post.ts';
import { linksOf } from './message-links.ts';
import { readText } from './secrets.ts';

/** Firing alerts end so many resend intervals after they were sent. */
const VALID_INTERVALS = 4;

export class AlertmanagerChannel implements Channel {
  readonly #receiver: ReceiverOf<'alertmanager'>;
  readonly #context: ChannelContext;

  constructor(receiver: ReceiverOf<'alertmanager'>, context: ChannelContext) {
    this.#receiver = receiver;
    this.#context = context;
  }

  async send(message: NotifyMessage, { signal, nowUnixMs }: Sending): Promise<SendOutcome> {
    const base = await readText(this.#receiver.url, this.#context);
    if (!base.ok) return failed(base.error);
    const login = await loginHeaders(this.#receiver, this.#context);
    if (!login.ok) return failed(login.error);
    const { env, externalUrl } = this.#context;
    const validMs = VALID_INTERVALS * this.#receiver.resend_interval;
    return postJson({
      url: `${base.value.replace(/\/+$/, '')}/api/v2/alerts`,
      ...login.value,
      body: message.alerts.map((alert) => pushedAlert(alert, externalUrl, nowUnixMs, validMs)),
      signal,
      nowUnixMs,
      env,
    });
  }
}

export interface PushedAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly generatorURL: string;
}

/**
 * Event time may be ahead of the wall clock that Alertmanager goes by: an end in its future would not
 * be one, and an end before the start is refused.
 */
export function pushedAlert(
  alert: AlertJson,
  externalUrl: string,
  nowUnixMs: number,
  validMs: number,
): PushedAlert {
  const overMs = alert.resolvedAtUnixMs ?? alert.updatedAtUnixMs;
  const endMs = isFiring(alert) ? nowUnixMs + validMs : Math.min(overMs, nowUnixMs);
  return {
    labels: shownLabels(alert),
    annotations: shownAnnotations(alert, externalUrl),
    startsAt: rfc3339(Math.min(alert.startsAtUnixMs, nowUnixMs, endMs)),
    endsAt: rfc3339(endMs),
    generatorURL: linksOf(alert, externalUrl).alert,
  };
}
