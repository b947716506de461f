/** The alerts that are there now, in the order in which somebody who was woken reads them. */

import type { ListedRule } from '#lib/api/alert-rules.ts';
import type { AlertJson } from '#lib/api/alerts.ts';
import { alertSentence, deploymentName, SEVERITY_ORDER, severityCounts } from './alert-words.ts';

/** An alert and those that it explains. */
export interface AlertTree {
  readonly alert: AlertJson;
  readonly consequences: readonly AlertJson[];
}

export interface AlertSections {
  /** Firing, and nobody said that they know: roots, worst and newest first. */
  readonly firing: readonly AlertTree[];
  readonly pending: readonly AlertJson[];
  /** Firing, but silenced or acknowledged, with what they explain. */
  readonly quiet: readonly AlertTree[];
  readonly resolved: readonly AlertJson[];
}

export function alertSections(alerts: readonly AlertJson[]): AlertSections {
  const firing = alerts.filter(({ state }) => state === 'firing');
  const byId = new Map(firing.map((alert) => [alert.id, alert]));
  const roots: AlertJson[] = [];
  const consequences = new Map<string, AlertJson[]>();
  for (const alert of firing) {
    const root = rootOf(alert, byId);
    if (root === alert) roots.push(alert);
    else consequences.set(root.id, [...(consequences.get(root.id) ?? []), alert]);
  }
  const trees = roots.sort(byUrgency).map((alert) => ({
    alert,
    consequences: (consequences.get(alert.id) ?? []).sort(byUrgency),
  }));
  return {
    firing: trees.filter(({ alert }) => !isQuiet(alert)),
    pending: alerts.filter(({ state }) => state === 'pending').sort(byUrgency),
    quiet: trees.filter(({ alert }) => isQuiet(alert)),
    resolved: alerts
      .filter(({ state }) => state === 'resolved')
      .sort((a, b) => (b.resolvedAtUnixMs ?? 0) - (a.resolvedAtUnixMs ?? 0)),
  };
}

/** The end of the chain of explanations; of a chain that leads round, one and the same for all of it. */
function rootOf(alert: AlertJson, byId: ReadonlyMap<string, AlertJson>): AlertJson {
  const chain: AlertJson[] = [];
  let at = alert;
  while (!chain.includes(at)) {
    chain.push(at);
    const next = at.inhibitedBy === null ? undefined : byId.get(at.inhibitedBy);
    if (next === undefined) return at;
    at = next;
  }
  const round = chain.slice(chain.indexOf(at));
  return round.reduce((first, one) => (one.id < first.id ? one : first));
}

export function isQuiet(alert: AlertJson): boolean {
  return alert.silencedBy.length > 0 || alert.acknowledged !== null;
}

function byUrgency(a: AlertJson, b: AlertJson): number {
  return (
    SEVERITY_ORDER[a.severity] - SEVERITY_ORDER[b.severity] ||
    (b.firedAtUnixMs ?? b.startsAtUnixMs) - (a.firedAtUnixMs ?? a.startsAtUnixMs) ||
    a.id.localeCompare(b.id)
  );
}

export interface FirstGlance {
  readonly severity: AlertJson['severity'] | null;
  /** `1 critical, 2 warnings firing` or `Nothing is wrong`. */
  readonly head: string;
  /** What the worst root alert says; '' where nothing fires. */
  readonly sentence: string;
  readonly root: AlertJson | null;
  readonly hidden: number;
}

/** The page in one line. */
export function firstGlance(sections: AlertSections): FirstGlance {
  const [first] = sections.firing;
  const folded = sections.firing.reduce((sum, { consequences }) => sum + consequences.length, 0);
  if (first === undefined) {
    const quiet = sections.quiet.length;
    return {
      severity: null,
      head:
        quiet === 0
          ? 'Nothing is wrong'
          : `Nothing new is wrong; ${quiet} ${quiet === 1 ? 'alert is' : 'alerts are'} silenced or acknowledged`,
      sentence: '',
      root: null,
      hidden: 0,
    };
  }
  const { alert } = first;
  return {
    severity: alert.severity,
    head: `${severityCounts(sections.firing.map((tree) => tree.alert))} firing`,
    sentence: withDeployment(alert),
    root: alert,
    hidden: folded,
  };
}

/** Summaries often name their deployment. */
function withDeployment(alert: AlertJson): string {
  const sentence = alertSentence(alert);
  const name = deploymentName(alert.deployment);
  return sentence.includes(name) ? `${sentence}.` : `${sentence} (${name}).`;
}

/** What the rail's badge counts: firing root alerts that nobody has dealt with. */
export function badgeOf(alerts: readonly AlertJson[]): {
  readonly count: number;
  readonly severity: AlertJson['severity'] | null;
} {
  const { firing } = alertSections(alerts);
  return { count: firing.length, severity: firing[0]?.alert.severity ?? null };
}

/** `12 rules watch 2 deployments`: what stands behind silence. */
export function watchText(rules: readonly ListedRule[], deployments: number): string {
  const on = rules.filter(({ rule, error }) => rule.enabled && error === null).length;
  const broken = rules.filter(({ rule, error }) => rule.enabled && error !== null).length;
  const watched = `${on} ${on === 1 ? 'rule watches' : 'rules watch'} ${deployments} ${deployments === 1 ? 'deployment' : 'deployments'}`;
  return broken === 0 ? watched : `${watched}; ${broken} cannot be evaluated`;
}
