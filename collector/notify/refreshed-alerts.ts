/**
 * What receivers that must be told again and again are told: all that they know to fire, as it is now,
 * and for a while what has ended, in case they were not there to hear it.
 */
import { isFiring, type NotifyGroup, type NotifyMessage } from '#lib/alert/notify-state.ts';
import type { AlertJson } from '#lib/api/alerts.ts';

/** As long as Prometheus does. */
const ENDED_FOR_MS = 15 * 60_000;

export class RefreshedAlerts {
  #latest: ReadonlyMap<string, AlertJson> = new Map();
  /** By receiver and alert. */
  readonly #ended = new Map<string, Map<string, { alert: AlertJson; untilUnixMs: number }>>();

  /** All alerts, as they are at this look. */
  look(alerts: readonly AlertJson[]): void {
    this.#latest = new Map(alerts.map((alert) => [alert.id, alert]));
  }

  /** A message to the receiver was decided on. */
  told(receiver: string, message: NotifyMessage, nowUnixMs: number): void {
    const ended = this.#ended.get(receiver) ?? new Map();
    this.#ended.set(receiver, ended);
    for (const alert of message.alerts) {
      if (isFiring(alert)) ended.delete(alert.id);
      else ended.set(alert.id, { alert, untilUnixMs: nowUnixMs + ENDED_FOR_MS });
    }
  }

  /** `group`: what the receiver was told. null: there is nothing to say again. */
  message(
    receiver: string,
    group: NotifyGroup | undefined,
    nowUnixMs: number,
  ): NotifyMessage | null {
    const ended = this.#ended.get(receiver) ?? new Map();
    for (const [id, { untilUnixMs }] of ended) if (untilUnixMs <= nowUnixMs) ended.delete(id);
    const firing = Object.keys(group?.told ?? {})
      .map((id) => this.#latest.get(id))
      .filter((alert) => alert !== undefined && isFiring(alert));
    const alerts = [...firing.filter((alert) => alert !== undefined)];
    for (const { alert } of ended.values()) alerts.push(alert);
    if (alerts.length === 0) return null;
    return {
      groupKey: `${receiver}:*`,
      groupLabels: {},
      action: 'alerts',
      isRepeat: true,
      alerts,
      truncatedAlerts: 0,
      held: null,
    };
  }
}
