/**
 * Whom to tell what, now. Pure: alerts, groups, waiting messages and the time come in, messages and
 * changed groups come out. Called at every evaluation; most of the time nothing is due.
 *
 * What is told: an alert that fires and is neither inhibited nor silenced nor acknowledged; and the end
 * of every alert that was told, muted or not, since whoever was called must hear that it is over. An alert
 * that ends before its group's wait is over is told to nobody. One whose message was due but could not be
 * sent yet is told, in one message that gives both its times (`each`: in two). The same holds for one that
 * the receiver's rate limit held back.
 */

import { SEVERITIES } from '#lib/api/alert-rules.ts';
import type { AlertJson } from '#lib/api/alerts.ts';
import { type GroupMembers, groupsOf, NO_ROUTE } from './notify-groups.ts';
import { addNews, agreeing, type Due, merged, placed, single } from './notify-messages.ts';
import {
  isFiring,
  type NotifyGroup,
  type NotifyPlan,
  type NotifyRate,
  type NotifyRoute,
  type NotifyTarget,
  type PlannedMessage,
  type WaitingMessage,
} from './notify-state.ts';

export interface NotifyInput {
  /** All there are: one that was told and is not among them has ended. */
  readonly alerts: readonly AlertJson[];
  readonly routes: readonly NotifyRoute[];
  readonly targets: ReadonlyMap<string, NotifyTarget>;
  readonly groups: ReadonlyMap<string, NotifyGroup>;
  readonly rates: ReadonlyMap<string, NotifyRate>;
  /** By group key, oldest first. */
  readonly waiting: ReadonlyMap<string, readonly WaitingMessage[]>;
  readonly nowUnixMs: number;
}

export function planNotifications(input: NotifyInput): NotifyPlan {
  const { alerts, routes, targets, nowUnixMs } = input;
  const byId = new Map(alerts.map((alert) => [alert.id, alert]));
  const members = groupsOf(alerts, routes, targets);
  const changed = new Map<string, NotifyGroup>();
  const ended: string[] = [];
  const dueByTarget = new Map<NotifyTarget, Due[]>();
  for (const key of new Set([...members.keys(), ...input.groups.keys()])) {
    const known = input.groups.get(key);
    const found = members.get(key) ?? withoutMembers(known, routes, targets);
    if (found === null) continue;
    const group = known ?? newGroup(found, nowUnixMs);
    const look = lookAt(group, found, byId, input);
    if (look === 'over') {
      if (known !== undefined) ended.push(key);
      continue;
    }
    if (look.due !== null) {
      dueByTarget.set(found.target, [...(dueByTarget.get(found.target) ?? []), look.due]);
    }
    if (known === undefined || look.group !== known) changed.set(key, look.group);
  }
  const messages: PlannedMessage[] = [];
  const rates: NotifyRate[] = [];
  const news = new Map<string, Map<string, AlertJson>>();
  for (const [target, due] of dueByTarget) {
    const shared = share(target, due, input.rates.get(target.name), nowUnixMs);
    if (shared.rate !== null) rates.push(shared.rate);
    for (const one of shared.held) {
      const group = changed.get(one.group.key) ?? one.group;
      const owed = {
        ...group.owed,
        ...byIds(one.firing.filter(({ id }) => !Object.hasOwn(group.told, id))),
      };
      const held = { ...group, owed, heldSinceUnixMs: group.heldSinceUnixMs ?? nowUnixMs };
      if (!isSame(group, held)) changed.set(group.key, held);
    }
    for (const together of shared.now) {
      const message =
        together.length === 1 ? single(together[0]!, nowUnixMs) : merged(together, nowUnixMs);
      messages.push(placed(target, message, input.waiting.get(message.groupKey) ?? []));
      if (target.mode !== 'each') addNews(news, target.name, together);
      for (const { group, told } of together) {
        if (Object.keys(told).length === 0) {
          changed.delete(group.key);
          ended.push(group.key);
          continue;
        }
        changed.set(group.key, {
          ...group,
          lastUnixMs: nowUnixMs,
          messages: group.messages + 1,
          heldSinceUnixMs: null,
          told,
          owed: {},
        });
      }
    }
  }
  const told = agreeing(messages, news, input.waiting);
  return { groups: [...changed.values()], ended, rates, messages: told };
}

/** A group of which nothing fires now is told about with the terms of its old route. */
function withoutMembers(
  group: NotifyGroup | undefined,
  routes: readonly NotifyRoute[],
  targets: ReadonlyMap<string, NotifyTarget>,
): GroupMembers | null {
  const target = group === undefined ? undefined : targets.get(group.receiver);
  if (group === undefined || target === undefined) return null;
  const { key, labels, told, receiver } = group;
  const first = Object.values(told)[0];
  const places =
    first === undefined
      ? []
      : [...groupsOf([{ ...first, state: 'firing' }], routes, targets).values()];
  const route = places.find((place) => place.key === key)?.route ?? { ...NO_ROUTE, receiver };
  return { key, target, route, labels, firing: new Map() };
}

function newGroup({ key, target, labels }: GroupMembers, nowUnixMs: number): NotifyGroup {
  return {
    key,
    receiver: target.name,
    labels,
    sinceUnixMs: nowUnixMs,
    lastUnixMs: null,
    messages: 0,
    heldSinceUnixMs: null,
    told: {},
    owed: {},
  };
}

/** `group`: as it is now; `due`: what it has to say, null: nothing yet. */
function lookAt(
  group: NotifyGroup,
  { target, route, firing }: GroupMembers,
  byId: ReadonlyMap<string, AlertJson>,
  { waiting, nowUnixMs }: NotifyInput,
): 'over' | { readonly group: NotifyGroup; readonly due: Due | null } {
  const isOver = ({ id }: AlertJson) => !isFiring(byId.get(id) ?? { state: 'resolved' });
  const told = Object.values(group.told);
  const audible = [...firing.values()].filter((alert) => isAudible(alert, group));
  const news = audible.filter(({ id }) => !Object.hasOwn(group.told, id));
  const waits = waiting.get(group.key) ?? [];
  const unsent = new Set(
    waits.flatMap(({ message }) => message.alerts.filter(isFiring).map(({ id }) => id)),
  );
  // An end that nobody wants to hear is told all the same where its beginning is still to be sent.
  const ended = told.filter(
    (alert) =>
      isOver(alert) && (route.sendResolved || (target.mode === 'group' && unsent.has(alert.id))),
  );
  const left = told.filter((alert) => !isOver(alert));
  const owed = Object.values(group.owed).filter(
    (alert) => isOver(alert) || news.some(({ id }) => id === alert.id),
  );
  const missed = owed.filter(isOver);
  if (audible.length + left.length + ended.length + missed.length === 0) return 'over';

  const acknowledged =
    target.mode === 'each' &&
    left.some(
      ({ id, acknowledged }) => acknowledged === null && byId.get(id)!.acknowledged !== null,
    );
  const isRepeat = news.length + ended.length + missed.length === 0 && !acknowledged;
  let waitMs = group.lastUnixMs === null ? route.groupWaitMs : route.groupIntervalMs;
  if (acknowledged || missed.length > 0) waitMs = 0;
  if (isRepeat) {
    const isQuiet = waits.length > 0 || audible.every((alert) => alert.acknowledged !== null);
    waitMs = isQuiet ? Number.POSITIVE_INFINITY : route.repeatIntervalMs;
  }
  const isDue = elapsedMs(group.lastUnixMs ?? group.sinceUnixMs, nowUnixMs) >= waitMs;
  const kept = {
    ...group,
    told: byIds([...left, ...ended]),
    owed: byIds(owed),
    heldSinceUnixMs: isDue ? group.heldSinceUnixMs : null,
  };
  const now = isSame(group, kept) ? group : kept;
  if (!isDue) return { group: now, due: null };

  const newest = (alert: AlertJson) => byId.get(alert.id) ?? endedUnseen(alert, nowUnixMs);
  const isHandOver = acknowledged && ended.length === 0;
  const begun = isHandOver ? left.map(newest) : audible;
  // Where each alert is told apart, one that was missed is first told as it was, then as ended.
  const late = target.mode === 'group' ? [] : missed;
  const over = [...ended, ...(target.mode === 'group' ? missed : [])].map(newest);
  return {
    group: now,
    due: {
      group: now,
      target,
      action: isHandOver ? 'acknowledge' : 'alerts',
      isRepeat,
      firing: [...begun, ...late],
      ended: over,
      told: byIds([...left.map(newest), ...audible, ...late]),
    },
  };
}

function isSame(a: NotifyGroup, b: NotifyGroup): boolean {
  const size = ({ told, owed }: NotifyGroup) =>
    `${Object.keys(told).length} ${Object.keys(owed).length}`;
  return size(a) === size(b) && a.heldSinceUnixMs === b.heldSinceUnixMs;
}

/** A clock that was set back makes everything due, rather than nothing for hours. */
function elapsedMs(fromUnixMs: number, toUnixMs: number): number {
  return toUnixMs < fromUnixMs ? Number.POSITIVE_INFINITY : toUnixMs - fromUnixMs;
}

/** Is it spoken of? An acknowledged one only among those that were told of already. */
function isAudible(alert: AlertJson, group: NotifyGroup): boolean {
  if (alert.inhibitedBy !== null || alert.silencedBy.length > 0) return false;
  return alert.acknowledged === null || Object.hasOwn(group.told, alert.id);
}

/** Its rule was taken away, or it ended so long ago that it is no longer listed. */
function endedUnseen(alert: AlertJson, nowUnixMs: number): AlertJson {
  return { ...alert, state: 'resolved', resolvedAtUnixMs: nowUnixMs, updatedAtUnixMs: nowUnixMs };
}

interface Shared {
  /** Each is one message, of one group or of several. */
  readonly now: readonly (readonly Due[])[];
  readonly held: readonly Due[];
  readonly rate: NotifyRate | null;
}

/** What the receiver's rate limit lets through: the most severe first, and the rest in one message. */
function share(
  target: NotifyTarget,
  due: readonly Due[],
  rate: NotifyRate | undefined,
  nowUnixMs: number,
): Shared {
  const { rateLimit, name, mode } = target;
  if (rateLimit === null) return { now: due.map((one) => [one]), held: [], rate: null };
  const planned = (rate?.plannedUnixMs ?? []).filter(
    (at) => at > nowUnixMs - rateLimit.perMs && at <= nowUnixMs,
  );
  const room = rateLimit.messages - planned.length;
  const ordered = due.toSorted(
    (a, b) => rank(b) - rank(a) || a.group.sinceUnixMs - b.group.sinceUnixMs,
  );
  const fits = ordered.length <= room;
  // One alert a message is what some receivers understand: there, the rest waits.
  const alone = fits ? ordered.length : Math.max(0, mode === 'group' ? room - 1 : room);
  const now: (readonly Due[])[] = ordered.slice(0, alone).map((one) => [one]);
  const rest = ordered.slice(alone);
  const together = rest.length > 0 && room > 0 && mode === 'group';
  if (together) now.push(rest);
  if (now.length === 0) return { now, held: rest, rate: null };
  return {
    now,
    held: together ? [] : rest,
    rate: { receiver: name, plannedUnixMs: [...planned, ...now.map(() => nowUnixMs)] },
  };
}

function rank(due: Due): number {
  const alerts = due.firing.length > 0 ? due.firing : due.ended;
  const severity = Math.max(...alerts.map((alert) => SEVERITIES.indexOf(alert.severity)));
  return severity + (due.firing.length > 0 ? SEVERITIES.length : 0);
}

function byIds(alerts: readonly AlertJson[]): Record<string, AlertJson> {
  return Object.fromEntries(alerts.map((alert) => [alert.id, alert]));
}
