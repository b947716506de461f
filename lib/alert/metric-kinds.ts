/** What evaluation knows of metrics beside their units and labels. */
import {
  ALERT_METRICS,
  type AlertMetric,
  type AlertMetricName,
  type AlertUnit,
} from '#lib/api/alert-metrics.ts';

export const REPORT_PREFIX = 'report:';

/**
 * Samples of these are there only while there is something to tell: a look at the deployment without
 * one says 0. Their time is that of the look, since what stands still has no events to take time from.
 */
const SPARSE: ReadonlySet<string> = new Set<AlertMetricName>([
  'straggler_score',
  'straggler_excess_ratio',
  'hang_seconds',
  'silent_seconds',
  'condition',
]);

export function isSparse(metric: string): boolean {
  return SPARSE.has(metric);
}

/** Ratios that are read as "so many times", not as parts of a whole. */
const FACTORS: ReadonlySet<string> = new Set<AlertMetricName>([
  'attention_ffn_ratio',
  'period_over_ideal',
  'expert_max_over_mean',
  'expert_layer_max_over_mean',
]);

export function isFactor(metric: string): boolean {
  return FACTORS.has(metric);
}

export function isMetricName(metric: string): metric is AlertMetricName {
  return Object.hasOwn(ALERT_METRICS, metric);
}

/** null: a path into the report, or no metric at all. */
export function namedMetric(metric: string): AlertMetric | null {
  return isMetricName(metric) ? ALERT_METRICS[metric] : null;
}

/** The unit of a metric's values: that of its name in the report where it is a path. */
export function unitOf(metric: string): AlertUnit | 'nanoseconds' | 'bytes' | '' {
  const named = namedMetric(metric);
  if (named !== null) return named.unit;
  if (metric.includes('/') || /(?:Ratio|OverMean|Balancedness)$/.test(metric)) return 'ratio';
  if (/Ns$|Ns\.(?:min|p50|p90|p99|max|mean)$/.test(metric)) return 'nanoseconds';
  return /PerSecond$/.test(metric) ? 'per-second' : '';
}
