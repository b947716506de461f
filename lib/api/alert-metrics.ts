/**
 * Figures that alert rules can watch, under names that stay. Each is sampled every few seconds of event
 * time from the live report (lib/query/alert-samples.ts) and kept for a week, so that a rule can be
 * tried on what was. Any other figure of the report is written as a path: `report:` and, for instance,
 * `balance.taNs`, `groups.causes.peerQueueNs/activeNs` or `layers.ffnNs.p99` (lib/alert/report-path.ts).
 */

/** What tells the series of a metric apart, beside the deployment. */
export const SERIES_LABELS = ['group', 'worker', 'stage', 'layer', 'domain', 'condition'] as const;
export type SeriesLabel = (typeof SERIES_LABELS)[number];

export type AlertUnit = 'ratio' | 'seconds' | 'count' | 'score' | 'flag' | 'per-second';

export interface AlertMetric {
  readonly unit: AlertUnit;
  readonly labels: readonly SeriesLabel[];
  /** One sentence; the definition is that of the report where the report has it. */
  readonly about: string;
}

export const ALERT_METRICS = {
  bubble_ratio: {
    unit: 'ratio',
    labels: ['group'],
    about: 'Part of the time with a step in flight in which GPUs of the group do not compute.',
  },
  exposed_transfer_ratio: {
    unit: 'ratio',
    labels: ['group'],
    about: 'Part of the time with a step in flight in which GPUs only wait for bytes in flight.',
  },
  network_wait_ratio: {
    unit: 'ratio',
    labels: ['group'],
    about:
      'Part of the active time lost to the network: waiting for bytes when nothing else was waited for.',
  },
  overlap_ratio: {
    unit: 'ratio',
    labels: ['group'],
    about: 'Part of the transfer time that is hidden behind compute.',
  },
  busy_ratio: {
    unit: 'ratio',
    labels: ['group'],
    about: 'Part of the window in which GPUs of the group compute.',
  },
  cause_ratio: {
    unit: 'ratio',
    labels: ['group', 'stage'],
    about: 'Part of the active time lost to one cause of waiting; the stage label names the cause.',
  },
  attention_ffn_ratio: {
    unit: 'ratio',
    labels: [],
    about: 'Effective attention time over effective FFN time (Ea/Ef).',
  },
  attention_ffn_imbalance: {
    unit: 'ratio',
    labels: [],
    about: 'How much longer the slower side takes: max(Ea, Ef) / min(Ea, Ef) - 1.',
  },
  period_over_ideal: {
    unit: 'ratio',
    labels: [],
    about: 'Measured layer period over the ideal one.',
  },
  step_latency_seconds: {
    unit: 'seconds',
    labels: [],
    about: 'Mean time from the first start to the last end of a step.',
  },
  tpot_seconds: {
    unit: 'seconds',
    labels: [],
    about: 'Mean time per output token, from the engine’s own metrics; without them, step cadence.',
  },
  tokens_per_second: {
    unit: 'per-second',
    labels: [],
    about: 'Tokens decoded each observed second.',
  },
  stage_seconds: {
    unit: 'seconds',
    labels: ['group', 'stage'],
    about: 'Mean duration of a stage over the workers of a group.',
  },
  layer_period_seconds: {
    unit: 'seconds',
    labels: ['layer'],
    about: 'Mean time from a stage to the same stage of the next layer.',
  },
  straggler_score: {
    unit: 'score',
    labels: ['group', 'worker', 'stage'],
    about: 'Robust score of a slow worker after normalising for load; 0 where it is not slow.',
  },
  straggler_excess_ratio: {
    unit: 'ratio',
    labels: ['group', 'worker', 'stage'],
    about: 'How much longer than its group’s median a worker takes, that load does not explain.',
  },
  hang_seconds: {
    unit: 'seconds',
    labels: ['worker'],
    about: 'How long a step has stood still; the worker is the first fault of the chain.',
  },
  silent_seconds: {
    unit: 'seconds',
    labels: ['worker'],
    about: 'How long a worker has been silent while its peers go on.',
  },
  expert_max_over_mean: {
    unit: 'ratio',
    labels: [],
    about: 'Tokens of the fullest expert rank over the mean of the ranks.',
  },
  expert_layer_max_over_mean: {
    unit: 'ratio',
    labels: ['layer'],
    about: 'The same in one MoE layer.',
  },
  forced_routing: {
    unit: 'flag',
    labels: [],
    about: '1 while tokens are spread over experts so evenly that routing looks forced.',
  },
  clock_error_seconds: {
    unit: 'seconds',
    labels: ['domain'],
    about: 'Half the interval that the clock offset of a domain may lie in.',
  },
  clock_conflicts: {
    unit: 'count',
    labels: [],
    about: 'Contradictions between clocks that no offset resolves.',
  },
  ingest_dropped_ratio: {
    unit: 'ratio',
    labels: [],
    about: 'Events refused or dropped, of those that came.',
  },
  ingest_late_ratio: {
    unit: 'ratio',
    labels: [],
    about: 'Events that came after their bucket was closed, of those that came.',
  },
  ingest_lag_seconds: {
    unit: 'seconds',
    labels: [],
    about: 'Wall clock minus the end of the newest event.',
  },
  condition: {
    unit: 'flag',
    labels: ['condition'],
    about: '1 while a condition of the collector holds (disk full, overload, clock, …).',
  },
} as const satisfies Readonly<Record<string, AlertMetric>>;

export type AlertMetricName = keyof typeof ALERT_METRICS;
export const ALERT_METRIC_NAMES = Object.keys(ALERT_METRICS) as readonly AlertMetricName[];
