/** Changes of alerts as a table, and as JSON. */
import type { AlertChange } from '#lib/alert/alert-state.ts';
import { type UnixNanos, unixMsFromNanos } from '#lib/base/units.ts';
import { formatTable } from './text-table.ts';

/** `isSimulated`: times count from the start, since simulated time has no date. */
export function formatAlertChanges(
  changes: readonly AlertChange[],
  fromUnixNs: UnixNanos,
  isSimulated: boolean,
): string[] {
  const fromUnixMs = unixMsFromNanos(fromUnixNs);
  return formatTable(
    [
      { title: 'time', align: 'right' },
      { title: 'change' },
      { title: 'severity' },
      { title: 'rule' },
      { title: 'of' },
      { title: 'why' },
    ],
    changes.map(({ alert, change, atUnixMs, detail }) => [
      isSimulated
        ? `+${((atUnixMs - fromUnixMs) / 1000).toFixed(1)} s`
        : new Date(atUnixMs).toISOString(),
      change,
      alert.severity,
      alert.rule,
      about(alert.labels),
      detail,
    ]),
  );
}

export function jsonAlertChanges(changes: readonly AlertChange[]) {
  return changes.map(({ alert, change, atUnixMs, detail }) => ({
    atUnixMs,
    change,
    rule: alert.rule,
    severity: alert.severity,
    deployment: alert.deployment,
    labels: alert.labels,
    value: alert.value,
    bound: alert.bound,
    alertId: alert.id,
    inhibitedBy: alert.inhibitedBy,
    detail,
    annotations: alert.annotations,
  }));
}

/** What tells this alert from others of its rule. */
function about(labels: Readonly<Record<string, string>>): string {
  const { deployment = '', worker, group, stage, layer, domain, condition } = labels;
  const parts = [worker ?? group, stage, layer && `layer ${layer}`, domain, condition];
  const known = parts.filter((part) => part !== undefined && part !== '');
  return known.length === 0 ? deployment : known.join(' ');
}
