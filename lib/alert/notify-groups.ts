/** Which alerts belong together, by the routes: the groups that there are at one look. */
import type { AlertJson } from '#lib/api/alerts.ts';
import { labelOf } from '#lib/api/matchers.ts';
import { isFiring, type NotifyRoute, type NotifyTarget } from './notify-state.ts';

/** The alerts of one group that fire, muted ones too. */
export interface GroupMembers {
  readonly key: string;
  readonly target: NotifyTarget;
  readonly route: NotifyRoute;
  readonly labels: Readonly<Record<string, string>>;
  readonly firing: Map<string, AlertJson>;
}

/** Of a group whose alerts no longer fire, and of one that no route makes any more. */
export const NO_ROUTE: Omit<NotifyRoute, 'receiver'> = {
  takes: () => true,
  continue: false,
  groupBy: [],
  groupWaitMs: 0,
  groupIntervalMs: 0,
  repeatIntervalMs: Number.POSITIVE_INFINITY,
  sendResolved: true,
};

/** The labels that routes and silences see. */
export function alertLabels(alert: AlertJson): Readonly<Record<string, string>> {
  const { labels, rule, deployment, severity } = alert;
  return { ...labels, alertname: rule, deployment, severity };
}

/** Groups by key, of all that fires. */
export function groupsOf(
  alerts: readonly AlertJson[],
  routes: readonly NotifyRoute[],
  targets: ReadonlyMap<string, NotifyTarget>,
): Map<string, GroupMembers> {
  const groups = new Map<string, GroupMembers>();
  for (const alert of alerts) {
    if (!isFiring(alert)) continue;
    for (const { route, target, key, labels } of placesOf(alert, routes, targets)) {
      const group = groups.get(key);
      if (group !== undefined) group.firing.set(alert.id, alert);
      else groups.set(key, { key, target, route, labels, firing: new Map([[alert.id, alert]]) });
    }
  }
  return groups;
}

/** The groups that an alert belongs to, through the routes that take it. */
export function placesOf(
  alert: AlertJson,
  routes: readonly NotifyRoute[],
  targets: ReadonlyMap<string, NotifyTarget>,
): Omit<GroupMembers, 'firing'>[] {
  const all = alertLabels(alert);
  const places: Omit<GroupMembers, 'firing'>[] = [];
  for (const route of routes) {
    if (!route.takes(all)) continue;
    const target = targets.get(route.receiver);
    if (target !== undefined) places.push(placeOf(alert, all, route, target));
    if (!route.continue) break;
  }
  return places;
}

function placeOf(
  alert: AlertJson,
  all: Readonly<Record<string, string>>,
  route: NotifyRoute,
  target: NotifyTarget,
): Omit<GroupMembers, 'firing'> {
  if (target.mode === 'all') {
    const now = { ...route, groupWaitMs: 0, groupIntervalMs: 0, sendResolved: true };
    const quiet = { ...now, repeatIntervalMs: Number.POSITIVE_INFINITY };
    return { key: `${target.name}:*`, target, route: quiet, labels: {} };
  }
  if (target.mode === 'each') {
    return { key: `${target.name}:${alert.id}`, target, route, labels: all };
  }
  const names = route.groupBy[0] === '...' ? Object.keys(all) : route.groupBy;
  const labels: Record<string, string> = {};
  for (const name of [...names].sort()) {
    const value = labelOf(all, name);
    if (value !== '') labels[name] = value;
  }
  return { key: groupKey(target.name, labels), target, route, labels };
}

/** `night:{alertname="straggler", deployment="prod"}`. */
export function groupKey(receiver: string, labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return `${receiver}:{${pairs.join(', ')}}`;
}
