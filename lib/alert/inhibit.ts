/**
 * Which alerts are consequences of which: while an alert fires whose rule explains another's, and for a
 * while after, that one is kept, shown and marked, but nobody is told of it.
 */
import type { AlertRule } from '#lib/api/alert-rules.ts';
import type { ActiveAlert } from './alert-state.ts';
import { compileRule } from './compiled-rule.ts';

/** When the cause is gone its consequences still stand in their windows; and so much longer. */
export const INHIBIT_AFTER_MS = 60_000;

/** By the id of an alert that is explained: the id of what explains it, and nothing explains. */
export function explainedBy(
  alerts: Iterable<ActiveAlert>,
  rules: ReadonlyMap<string, AlertRule>,
  nowUnixMs: number,
): Map<string, string> {
  const ordered = [...alerts].filter(({ firedAtUnixMs }) => firedAtUnixMs !== null).sort(byFiring);
  const causesOf = new Map<string, readonly ActiveAlert[]>();
  const causes = new Map<string, string>();
  for (const alert of ordered) {
    if (alert.state !== 'firing') continue;
    const key = `${alert.rule} ${alert.deployment}`;
    const possible = causesOf.get(key) ?? possibleCauses(ordered, alert, rules, nowUnixMs);
    causesOf.set(key, possible);
    const cause = possible.find((other) => isFirst(other, alert, rules));
    if (cause !== undefined) causes.set(alert.id, cause.id);
  }
  const roots = new Map<string, string>();
  const order = new Map(ordered.map(({ id }, i) => [id, i]));
  for (const id of causes.keys()) {
    const root = rootOf(id, causes, order);
    if (root !== id) roots.set(id, root);
  }
  return roots;
}

function byFiring(a: ActiveAlert, b: ActiveAlert): number {
  return a.firedAtUnixMs! - b.firedAtUnixMs! || (a.id < b.id ? -1 : 1);
}

/** Of every alert of the same rule and deployment. */
function possibleCauses(
  ordered: readonly ActiveAlert[],
  { rule, deployment }: ActiveAlert,
  rules: ReadonlyMap<string, AlertRule>,
  nowUnixMs: number,
): ActiveAlert[] {
  const own = rules.get(rule);
  const windowMs = own === undefined ? 0 : compileRule(own).windowMs;
  const overAfterMs = nowUnixMs - INHIBIT_AFTER_MS - windowMs;
  return ordered.filter(
    (cause) =>
      cause.rule !== rule &&
      cause.deployment === deployment &&
      rules.get(cause.rule)?.explains.includes(rule) === true &&
      (cause.state === 'firing' || cause.resolvedAtUnixMs! > overAfterMs),
  );
}

/** Two that explain each other: the first to fire is the cause. */
function isFirst(
  cause: ActiveAlert,
  alert: ActiveAlert,
  rules: ReadonlyMap<string, AlertRule>,
): boolean {
  const isMutual = rules.get(alert.rule)?.explains.includes(cause.rule) === true;
  return !isMutual || byFiring(alert, cause) > 0;
}

/** Follows causes to the one that nothing explains; of a circle, the one that fired first. */
function rootOf(
  id: string,
  causes: ReadonlyMap<string, string>,
  order: ReadonlyMap<string, number>,
): string {
  const path: string[] = [];
  for (let at: string | undefined = id; at !== undefined; at = causes.get(at)) {
    const before = path.indexOf(at);
    if (before >= 0) {
      return path.slice(before).reduce((a, b) => (order.get(a)! <= order.get(b)! ? a : b));
    }
    path.push(at);
  }
  return path.at(-1)!;
}
