/**
 * The derived figures of deployments and GPU groups as gauges, from the newest live look: what alerts in
 * Prometheus use (docs/prometheus). Definitions: README, "Definitions". One series per deployment or
 * (deployment, group), and never one per worker, layer or expert; bounded, and what is left out is counted.
 *
 * A deployment that sends nothing any more has no figures of its last seconds, which Prometheus would
 * take for those of now; what stands still or is silent is told until it leaves the memory.
 */
import type { Registry } from 'prom-client';
import type { HangJson } from '#lib/api/hangs.ts';
import type { Overview } from '#lib/api/live-event.ts';
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
    'exposed_transfer_ratio',
    'Part of the time with a step in flight in which GPUs had only transfers in flight.',
    (g) => (g.activeNs > 0 ? g.exposedTransferNs / g.activeNs : null),
  ],
  [
    'overlap_ratio',
    'Part of the transfer time during which the GPU computed.',
    (g) => g.overlapRatio,
  ],
];

type DeploymentGauge = readonly [
  name: string,
  help: string,
  read: (overview: Overview, report: ReportJson) => number | null,
];

const DEPLOYMENT_GAUGES: readonly DeploymentGauge[] = [
  [
    'layer_period_seconds',
    'Mean time from a stage to the same stage of the next layer.',
    (_, r) => inSeconds(r.balance?.measuredPeriodNs),
  ],
  [
    'ideal_layer_period_seconds',
    'Shortest mean layer period that the measured stage times allow.',
    (_, r) => inSeconds(r.balance?.idealPeriodNs),
  ],
  [
    'attention_effective_seconds',
    'Effective attention time of a micro-batch in a layer (Ea).',
    (_, r) => inSeconds(r.balance?.taEffectiveNs),
  ],
  [
    'ffn_effective_seconds',
    'Effective FFN time of a micro-batch in a layer (Ef).',
    (_, r) => inSeconds(r.balance?.tfEffectiveNs),
  ],
  ['step_latency_seconds', 'Mean step latency.', (_, r) => inSeconds(r.steps.latencyNs?.mean)],
  ['tokens_per_second', 'Tokens decoded each second.', (_, r) => r.steps.tokensPerSecond],
  [
    'time_per_output_token_seconds',
    "Mean time per output token, from the engine's own metrics.",
    (o) => (o.tpotMs === null ? null : o.tpotMs.mean / 1000),
  ],
  [
    'stragglers',
    'Workers that are slow beside their group after normalising for load.',
    (o) => new Set((o.stragglers ?? []).map(({ worker }) => worker)).size,
  ],
  [
    'straggler_excess_ratio',
    'How much longer than the median of its group the slowest worker takes.',
    (o) => Math.max(0, ...(o.stragglers ?? []).map(({ excessRatio }) => excessRatio)),
  ],
  [
    'expert_max_over_mean_ratio',
    'Tokens of the fullest expert rank over the mean of the ranks.',
    (_, r) => r.experts?.maxOverMean ?? null,
  ],
  [
    'forced_routing',
    '1 while tokens are spread over experts so evenly that routing looks forced.',
    (_, r) => (r.experts === null ? null : Number(r.experts.forcedRouting)),
  ],
  [
    'clock_error_seconds',
    'Half the interval that the clock offset of a host may lie in; the largest over the hosts.',
    (_, r) => {
      const errors = r.clock.domains.flatMap(({ errorNs }) => errorNs ?? []);
      return errors.length === 0 ? null : inSeconds(Math.max(...errors));
    },
  ],
  [
    'clock_conflicts',
    'Contradictions between clocks that no offset resolves, in the live window.',
    (_, r) => r.clock.conflicts,
  ],
];

export function addGroupMetrics(
  registry: Registry,
  live: LiveSource,
  nowUnixMs: () => number,
): void {
  for (const [name, help, read] of GROUP_GAUGES) {
    gauge(registry, `afdscope_group_${name}`, help, ['deployment', 'group', 'role'], (g) => {
      for (const { overview, report } of reporting(live)) {
        for (const group of report.groups.slice(0, MAX_GROUPS_PER_DEPLOYMENT)) {
          const value = read(group);
          const { deployment } = overview;
          if (value !== null) g.set({ deployment, group: group.group, role: group.role }, value);
        }
      }
    });
  }
  for (const [name, help, read] of DEPLOYMENT_GAUGES) {
    gauge(registry, `afdscope_${name}`, help, ['deployment'], (g) => {
      for (const { overview, report } of reporting(live)) {
        const value = read(overview, report);
        if (value !== null) g.set({ deployment: overview.deployment }, value);
      }
    });
  }
  addStandstills(registry, live, nowUnixMs);
  gauge(
    registry,
    'afdscope_hidden_groups',
    'GPU groups that have no gauges because there are too many.',
    [],
    (g) => {
      const hidden = [...live.latestOverviews().values()].map(({ report }, index) => {
        const groups = report?.groups.length ?? 0;
        return index < MAX_DEPLOYMENTS ? Math.max(0, groups - MAX_GROUPS_PER_DEPLOYMENT) : groups;
      });
      g.set(hidden.reduce((sum, count) => sum + count, 0));
    },
  );
}

function addStandstills(registry: Registry, live: LiveSource, nowUnixMs: () => number): void {
  gauge(
    registry,
    'afdscope_hang_seconds',
    'How long a step has stood still; 0: none does.',
    ['deployment'],
    (g) => {
      for (const overview of shown(live)) {
        const nowNs = BigInt(Math.round(nowUnixMs())) * 1_000_000n;
        const lengths = standing(overview, 'hang').map(({ sinceUnixNs }) =>
          Math.max(0, Number(nowNs - BigInt(sinceUnixNs)) / NS_PER_S),
        );
        g.set({ deployment: overview.deployment }, Math.max(0, ...lengths));
      }
    },
  );
  gauge(
    registry,
    'afdscope_silent_workers',
    'Workers without news while their peers go on.',
    ['deployment'],
    (g) => {
      for (const overview of shown(live)) {
        g.set({ deployment: overview.deployment }, standing(overview, 'silent').length);
      }
    },
  );
  gauge(
    registry,
    'afdscope_deployment_lag_seconds',
    'Wall clock minus the end of the newest event of the deployment, at its last look.',
    ['deployment'],
    (g) => {
      for (const { deployment, atUnixMs, ingest } of shown(live)) {
        if (ingest.lagMs === null) continue;
        const sinceLookMs = Math.max(0, nowUnixMs() - atUnixMs);
        g.set({ deployment }, (ingest.lagMs + sinceLookMs) / 1000);
      }
    },
  );
}

function standing({ hangs }: Overview, kind: HangJson['kind']): HangJson[] {
  return (hangs ?? []).filter((hang) => hang.kind === kind && hang.untilUnixNs === null);
}

function shown(live: LiveSource): Overview[] {
  return [...live.latestOverviews().values()].slice(0, MAX_DEPLOYMENTS);
}

function reporting(live: LiveSource): { overview: Overview; report: ReportJson }[] {
  return shown(live).flatMap((overview) =>
    overview.report === null || overview.state !== 'live'
      ? []
      : [{ overview, report: overview.report }],
  );
}

function inSeconds(ns: number | null | undefined): number | null {
  return ns === null || ns === undefined ? null : ns / NS_PER_S;
}
