/**
 * The messages of a plan: what one says, where it goes among those that wait, and that all which wait agree.
 */
import type { AlertJson } from '#lib/api/alerts.ts';
import {
  isFiring,
  type NotifyGroup,
  type NotifyMessage,
  type NotifyTarget,
  type PlannedMessage,
  type WaitingMessage,
} from './notify-state.ts';

/** Alerts in one message; what is over is counted. */
const MAX_ALERTS = 500;

/** A group that has something to say. */
export interface Due {
  readonly group: NotifyGroup;
  readonly target: NotifyTarget;
  readonly action: NotifyMessage['action'];
  readonly isRepeat: boolean;
  readonly firing: readonly AlertJson[];
  readonly ended: readonly AlertJson[];
  /** What the receiver knows of after the message. */
  readonly told: Readonly<Record<string, AlertJson>>;
}

export function single(due: Due, nowUnixMs: number): NotifyMessage {
  const { group, action, isRepeat, firing, ended } = due;
  const { heldSinceUnixMs } = group;
  return {
    groupKey: group.key,
    groupLabels: group.labels,
    action,
    isRepeat,
    ...listed([...firing, ...ended]),
    held: heldSinceUnixMs === null ? null : { forMs: nowUnixMs - heldSinceUnixMs, groups: 1 },
  };
}

export function merged(all: readonly Due[], nowUnixMs: number): NotifyMessage {
  const heldSince = all.map(({ group }) => group.heldSinceUnixMs ?? nowUnixMs);
  return {
    groupKey: `${all[0]!.target.name}:merged`,
    groupLabels: {},
    action: 'alerts',
    isRepeat: all.every(({ isRepeat }) => isRepeat),
    ...listed(all.flatMap(({ firing, ended }) => [...firing, ...ended])),
    held: { forMs: nowUnixMs - Math.min(...heldSince), groups: all.length },
  };
}

/**
 * Where the message goes: it takes the place of one of its group that was not sent, and says what that
 * one said. Of `each`, the first keeps its place, so that what began and ended is told as both.
 */
export function placed(
  target: NotifyTarget,
  message: NotifyMessage,
  waiting: readonly WaitingMessage[],
): PlannedMessage {
  const last = waiting.at(-1);
  const receiver = target.name;
  if (last === undefined || (target.mode === 'each' && waiting.length < 2)) {
    return { receiver, message, replaces: null };
  }
  if (target.mode === 'each') return { receiver, message, replaces: last.id };
  const ids = new Set(message.alerts.map(({ id }) => id));
  // What fires is in the new message unless it is muted by now; what has ended is not.
  const others = last.message.alerts.filter((alert) => !ids.has(alert.id));
  const { alerts, truncatedAlerts } = listed([...message.alerts, ...others]);
  return {
    receiver,
    message: {
      ...message,
      isRepeat: message.isRepeat && last.message.isRepeat,
      alerts,
      // What did not fit before is in the new message, or is counted here.
      truncatedAlerts: Math.max(truncatedAlerts, last.message.truncatedAlerts),
      held: heldTogether(message.held, last.message.held),
    },
    replaces: last.id,
  };
}

function heldTogether(a: NotifyMessage['held'], b: NotifyMessage['held']): NotifyMessage['held'] {
  if (a === null || b === null) return a ?? b;
  return { forMs: Math.max(a.forMs, b.forMs), groups: a.groups + b.groups };
}

/** Firing first, each by its start, no more than fit; an alert that is there twice counts once. */
function listed(alerts: readonly AlertJson[]): Pick<NotifyMessage, 'alerts' | 'truncatedAlerts'> {
  const all = [...new Map(alerts.map((alert) => [alert.id, alert])).values()].sort(
    (a, b) =>
      Number(isFiring(b)) - Number(isFiring(a)) ||
      a.startsAtUnixMs - b.startsAtUnixMs ||
      (a.id < b.id ? -1 : 1),
  );
  return {
    alerts: all.slice(0, MAX_ALERTS),
    truncatedAlerts: Math.max(0, all.length - MAX_ALERTS),
  };
}

export function addNews(
  news: Map<string, Map<string, AlertJson>>,
  receiver: string,
  together: readonly Due[],
): void {
  const known = news.get(receiver) ?? new Map<string, AlertJson>();
  news.set(receiver, known);
  for (const alert of together.flatMap(({ firing, ended }) => [...firing, ...ended])) {
    known.set(alert.id, alert);
  }
}

/**
 * An alert may be in a message of its group and in one of several groups, and these two have no order:
 * all that wait say the newest of it, so that the receiver believes what is, whichever comes last.
 */
export function agreeing(
  messages: readonly PlannedMessage[],
  news: ReadonlyMap<string, ReadonlyMap<string, AlertJson>>,
  waiting: ReadonlyMap<string, readonly WaitingMessage[]>,
): PlannedMessage[] {
  const replaced = new Set(messages.map(({ replaces }) => replaces));
  const others = [...waiting.values()]
    .flat()
    .filter(
      ({ id, receiver, message }) =>
        !replaced.has(id) && message.alerts.some((alert) => news.get(receiver)?.has(alert.id)),
    );
  return [...messages, ...others.map(({ id, ...rest }) => ({ ...rest, replaces: id }))].map(
    ({ receiver, message, replaces }) => {
      const now = message.alerts.map((alert) => news.get(receiver)?.get(alert.id) ?? alert);
      return { receiver, message: { ...message, alerts: listed(now).alerts }, replaces };
    },
  );
}
