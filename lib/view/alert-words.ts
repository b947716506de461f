/** Alerts in words: what is wrong, how much, against what, since when. */
import { ALERT_METRICS, type AlertMetricName, type AlertUnit } from '#lib/api/alert-metrics.ts';
import type { Severity } from '#lib/api/alert-rules.ts';
import type { AlertJson } from '#lib/api/alerts.ts';
import {
  countFigure,
  durationFigure,
  type Figure,
  figureText,
  NO_FIGURE,
  ratioFigure,
  significant,
} from './format.ts';

/** Ratios of these are shares of a whole and read as percentages; the others as factors. */
const SHARES: ReadonlySet<string> = new Set<AlertMetricName>([
  'bubble_ratio',
  'exposed_transfer_ratio',
  'network_wait_ratio',
  'overlap_ratio',
  'busy_ratio',
  'cause_ratio',
  'attention_ffn_imbalance',
  'straggler_excess_ratio',
  'ingest_dropped_ratio',
  'ingest_late_ratio',
]);

export const METRIC_NAMES: Readonly<Record<AlertMetricName, string>> = {
  bubble_ratio: 'Bubble',
  exposed_transfer_ratio: 'Exposed transfer',
  network_wait_ratio: 'Waiting for the network',
  overlap_ratio: 'Overlap',
  busy_ratio: 'Busy',
  cause_ratio: 'Waiting by cause',
  attention_ffn_ratio: 'Attention over FFN',
  attention_ffn_imbalance: 'Attention/FFN imbalance',
  period_over_ideal: 'Period over ideal',
  step_latency_seconds: 'Step latency',
  tpot_seconds: 'TPOT',
  tokens_per_second: 'Throughput',
  stage_seconds: 'Stage duration',
  layer_period_seconds: 'Layer period',
  straggler_score: 'Straggler score',
  straggler_excess_ratio: 'Slower than its group',
  hang_seconds: 'Step stands still',
  silent_seconds: 'Worker is silent',
  expert_max_over_mean: 'Fullest expert rank over mean',
  expert_layer_max_over_mean: 'Fullest expert rank of a layer over mean',
  forced_routing: 'Forced routing',
  clock_error_seconds: 'Clock uncertainty',
  clock_conflicts: 'Clock conflicts',
  ingest_dropped_ratio: 'Events dropped',
  ingest_late_ratio: 'Events late',
  ingest_lag_seconds: 'Ingest lag',
  condition: 'Condition of the collector',
};

export function isMetricName(name: string): name is AlertMetricName {
  return Object.hasOwn(ALERT_METRICS, name);
}

/** A figure's name for people; a path of the report is its own name. */
export function metricName(metric: string): string {
  return isMetricName(metric) ? METRIC_NAMES[metric] : metric.replace(/^report:/, '');
}

/** One sentence on what a figure is; '' where nobody knows. */
export function metricAbout(metric: string): string {
  if (isMetricName(metric)) return ALERT_METRICS[metric].about;
  return metric.startsWith('report:') ? `The figure of the report at ${metric.slice(7)}.` : '';
}

/** A value in its metric's base unit, as people read it. */
export function metricFigure(metric: string, unit: string, value: number | null): Figure {
  if (value === null || !Number.isFinite(value)) return NO_FIGURE;
  switch (unit as AlertUnit) {
    case 'ratio':
      return SHARES.has(metric) ? ratioFigure(value) : factor(value);
    case 'seconds':
      return durationFigure(value * 1e9);
    case 'per-second':
      return countFigure(value, '/s');
    case 'flag':
      return { value: value > 0 ? 'yes' : 'no', unit: '', exact: String(value) };
    default:
      return { value: significant(value), unit: '', exact: String(value) };
  }
}

function factor(value: number): Figure {
  return { value: `${significant(value)} ×`, unit: '', exact: String(value) };
}

/** Of a rule's metric; '' where it is a path of the report, whose paths end in their unit. */
export function unitOfMetric(metric: string): string {
  if (isMetricName(metric)) return ALERT_METRICS[metric].unit;
  if (/Ratio(\.\w+)?$/.test(metric)) return 'ratio';
  return '';
}

const OWN_LABELS: ReadonlySet<string> = new Set(['alertname', 'severity', 'deployment']);

/** What it is about, from the labels that tell series apart: `ffn/2`, `attention, layer 30`. */
export function subjectText(labels: Readonly<Record<string, string>>): string {
  const { worker, group, layer, stage, domain, condition } = labels;
  const parts: string[] = [];
  if (worker !== undefined) parts.push(worker);
  else if (group !== undefined) parts.push(group);
  if (stage !== undefined) parts.push(stage.replaceAll('_', ' '));
  if (layer !== undefined) parts.push(`layer ${layer}`);
  if (domain !== undefined) parts.push(`clock of ${domain}`);
  if (condition !== undefined) parts.push(condition);
  return parts.filter((part) => part !== '').join(', ');
}

/** Labels that neither subject nor head say already, as `name=value`. */
export function otherLabels(labels: Readonly<Record<string, string>>): readonly string[] {
  const said = new Set(['worker', 'group', 'stage', 'layer', 'domain', 'condition']);
  return Object.entries(labels)
    .filter(([name, value]) => !OWN_LABELS.has(name) && !said.has(name) && value !== '')
    .map(([name, value]) => `${name}=${value}`);
}

/** The alert's own summary; else made of metric, subject, value and bound. */
export function alertSentence(alert: AlertJson): string {
  const { summary } = alert.annotations;
  if (summary !== undefined && summary !== '') return summary;
  const subject = subjectText(alert.labels);
  const name = metricName(alert.metric);
  const head = subject === '' ? name : `${name} of ${subject}`;
  return alert.noData ? `${head}: no data` : `${head}: ${valueAgainstBound(alert)}`;
}

/** `38.2 % > 25.0 %`. */
export function valueAgainstBound(
  alert: Pick<AlertJson, 'metric' | 'unit' | 'value' | 'bound' | 'compare'>,
): string {
  const { metric, unit, value, bound, compare } = alert;
  const shown = figureText(metricFigure(metric, unit, value));
  if (bound === null) return shown;
  return `${shown} ${compare} ${figureText(metricFigure(metric, unit, bound))}`;
}

/** Worst first. */
export const SEVERITY_ORDER: Readonly<Record<Severity, number>> = {
  critical: 0,
  warning: 1,
  info: 2,
};

/** `1 critical, 2 warnings`; '' for none. */
export function severityCounts(alerts: readonly Pick<AlertJson, 'severity'>[]): string {
  const count = (severity: Severity): number =>
    alerts.filter((alert) => alert.severity === severity).length;
  const [critical, warning, info] = [count('critical'), count('warning'), count('info')];
  return [
    critical > 0 ? `${critical} critical` : '',
    warning > 0 ? `${warning} ${warning === 1 ? 'warning' : 'warnings'}` : '',
    info > 0 ? `${info} for information` : '',
  ]
    .filter((part) => part !== '')
    .join(', ');
}

/** A name of a deployment; the collector's own alerts have none. */
export function deploymentName(deployment: string): string {
  return deployment === '' ? 'the collector' : deployment;
}
