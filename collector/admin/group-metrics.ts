/**
 * The derived figures of each GPU group as gauges, from the newest live report: what an alert in
 * Prometheus would use. Definitions: README, "Definitions". One series per (deployment, group),
 * and never one per worker, layer or expert; bounded, and what is left out is counted.
 */
import type { Registry } from 'prom-client';
import type { ReportJson } from '#lib/api/report-schema.ts';
import { NS_PER_S } from '#lib/base/units.ts';
import type { LiveSource } from './live-source.ts';
import { gauge } from './scraped-metrics.ts';

const MAX_DEPLOYMENTS = 64;
const MAX_GROUPS_PER_DEPLOYMENT = 16;

type Group = ReportJson['groups'][number];

const GROUP_GAUGES: readonly (readonly [string, string, (group: Group) => number | null])[] = [
  ['busy_ratio', 'Part of the live window in which GPUs computed.', (g) => g.busyRatio],
  ['bubble_ratio', 'Part of the live window in which GPUs did not compute.', (g) => g.bubbleRatio],
  [
    'active_bubble_ratio',
    'Part of the time with a step in flight in which GPUs did not compute.',
    (g) => g.activeBubbleRatio,
  ],
  [
    'overlap_ratio',
    'Part of the transfer time during which the GPU computed.',
    (g) => g.overlapRatio,
  ],
];

const DEPLOYMENT_GAUGES: readonly (readonly [
  string,
  string,
  (report: ReportJson) => number | null,
])[] = [
  [
    'layer_period_seconds',
    'Mean time from a stage to the same stage of the next layer.',
    (r) => inSeconds(r.balance?.measuredPeriodNs),
  ],
  [
    'ideal_layer_period_seconds',
    'Shortest mean layer period that the measured stage times allow.',
    (r) => inSeconds(r.balance?.idealPeriodNs),
  ],
  ['step_latency_seconds', 'Mean step latency.', (r) => inSeconds(r.steps.latencyNs?.mean)],
  ['tokens_per_second', 'Tokens decoded each second.', (r) => r.steps.tokensPerSecond],
];

export function addGroupMetrics(registry: Registry, live: LiveSource): void {
  for (const [name, help, read] of GROUP_GAUGES) {
    gauge(registry, `afdscope_group_${name}`, help, ['deployment', 'group', 'role'], (g) => {
      for (const [deployment, report] of shown(live.latestReports())) {
        for (const group of report.groups.slice(0, MAX_GROUPS_PER_DEPLOYMENT)) {
          const value = read(group);
          if (value !== null) g.set({ deployment, group: group.group, role: group.role }, value);
        }
      }
    });
  }
  for (const [name, help, read] of DEPLOYMENT_GAUGES) {
    gauge(registry, `afdscope_${name}`, help, ['deployment'], (g) => {
      for (const [deployment, report] of shown(live.latestReports())) {
        const value = read(report);
        if (value !== null) g.set({ deployment }, value);
      }
    });
  }
  gauge(
    registry,
    'afdscope_hidden_groups',
    'GPU groups that have no gauges because there are too many.',
    [],
    (g) => {
      const all = [...live.latestReports().values()];
      const hidden = all.map((report, index) =>
        index < MAX_DEPLOYMENTS
          ? Math.max(0, report.groups.length - MAX_GROUPS_PER_DEPLOYMENT)
          : report.groups.length,
      );
      g.set(hidden.reduce((sum, count) => sum + count, 0));
    },
  );
}

function shown(reports: ReadonlyMap<string, ReportJson>): [string, ReportJson][] {
  return [...reports].slice(0, MAX_DEPLOYMENTS);
}

function inSeconds(ns: number | null | undefined): number | null {
  return ns === null || ns === undefined ? null : ns / NS_PER_S;
}
