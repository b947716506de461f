/** What the schema cannot see: names that mean nothing, spans that make no sense together. */
import { ALERT_METRIC_NAMES, type SeriesLabel } from '#lib/api/alert-metrics.ts';
import { type AlertRule, durationMs } from '#lib/api/alert-rules.ts';
import { closest } from '#lib/base/closest.ts';
import { isSparse, REPORT_PREFIX } from './metric-kinds.ts';
import { labelsOfMetric, parseReportPath } from './report-path.ts';
import { TEMPLATE_NAMES, unknownNames } from './template.ts';
import { wherePatternProblem } from './where.ts';

/** How far back single samples, and minutes, are kept at most. */
const MAX_RAW_MS = 6 * 3_600_000;
const MAX_BASELINE_MS = 7 * 24 * 3_600_000;
const MIN_WINDOW_MS = 1000;
/** Longer than any figure is kept, it would only say that something was so once. */
const MAX_KEEP_FIRING_MS = 7 * 24 * 3_600_000;
/** What every alert has, whatever its rule says. */
const LABELS_OF_ALL: readonly string[] = ['alertname', 'rule', 'severity', 'deployment'];

export interface KeyProblem {
  /** Path in the rule, such as `baseline.over`. */
  readonly key: string;
  readonly message: string;
}

/** `knownRules`: every rule that there is, for `explains`. */
export function checkRule(rule: AlertRule, knownRules: Iterable<string>): KeyProblem[] {
  const problems: KeyProblem[] = [];
  const add = (key: string, message: string | null): void => {
    if (message !== null) problems.push({ key, message });
  };
  const labels = labelsOf(rule.metric, add);
  if (labels !== null) checkLabels(rule, labels, add);
  checkSpans(rule, add);
  for (const [name, text] of Object.entries(rule.annotations)) {
    for (const unknown of unknownNames(text)) add(`annotations.${name}`, unknownName(unknown));
  }
  const rules = [...knownRules];
  for (const name of rule.explains) {
    if (rules.includes(name)) continue;
    add('explains', `there is no rule "${name}"${didYouMean(name, rules)}`);
  }
  if (rule.explains.includes(rule.name)) add('explains', 'a rule cannot explain itself');
  return problems;
}

type Add = (key: string, message: string | null) => void;

/** null: there is no such metric. */
function labelsOf(metric: string, add: Add): readonly string[] | null {
  const labels = labelsOfMetric(metric);
  if (labels !== null) return labels;
  if (!metric.startsWith(REPORT_PREFIX)) {
    const near = didYouMean(metric, ALERT_METRIC_NAMES);
    const all = near === '' ? `; there are ${ALERT_METRIC_NAMES.join(', ')}` : near;
    add('metric', `there is no metric "${metric}"${all}; paths into the report begin with report:`);
    return null;
  }
  const path = parseReportPath(metric);
  if (!path.ok) add('metric', path.error);
  return null;
}

function checkLabels(rule: AlertRule, labels: readonly string[], add: Add): void {
  const known = ['deployment', ...labels];
  const what = labels.length === 0 ? 'deployment alone' : known.join(', ');
  for (const [name, pattern] of Object.entries(rule.where)) {
    if (known.includes(name)) add(`where.${name}`, wherePatternProblem(name, pattern));
    else add(`where.${name}`, `${rule.metric} has no label "${name}"; it has ${what}`);
  }
  for (const name of Object.keys(rule.labels)) {
    if (!labels.includes(name) && !LABELS_OF_ALL.includes(name)) continue;
    const whose = labels.includes(name) ? `series of ${rule.metric} have` : 'every alert has';
    add(`labels.${name}`, `${whose} a label "${name}" already: give this one another name`);
  }
  const strange = (rule.by ?? []).filter((name: SeriesLabel) => !labels.includes(name));
  for (const name of strange) add('by', `${rule.metric} has no label "${name}"; it has ${what}`);
}

function checkSpans(rule: AlertRule, add: Add): void {
  const windowMs = durationMs(rule.window)!;
  const forMs = durationMs(rule.for)!;
  const windows = rule.of_windows?.of ?? 1;
  if (windowMs < MIN_WINDOW_MS) add('window', 'must be at least 1s: figures come once a second');
  if (windowMs * windows > MAX_RAW_MS) add('window', 'all windows together must be at most 6h');
  if (forMs > MAX_RAW_MS) add('for', 'must be at most 6h');
  if (durationMs(rule.keep_firing_for)! > MAX_KEEP_FIRING_MS) {
    add('keep_firing_for', 'must be at most 7d');
  }
  if (rule.of_windows !== undefined && forMs > 0) {
    add('for', 'of_windows stands in its place: leave one of them out');
  }
  if (rule.baseline === undefined) {
    if (rule.threshold === undefined) add('threshold', 'a rule needs a threshold or a baseline');
    return;
  }
  const overMs = durationMs(rule.baseline.over)!;
  const warmUpMs = durationMs(rule.baseline.warm_up)!;
  if (overMs < 120_000)
    add('baseline.over', 'must be at least 2m: the past is looked at by minutes');
  if (overMs > MAX_BASELINE_MS) add('baseline.over', 'must be at most 7d');
  if (warmUpMs > overMs) add('baseline.warm_up', 'must not be longer than baseline.over');
  const windowsMs = windowMs * windows + forMs;
  if (overMs < windowsMs + warmUpMs) {
    add(
      'baseline.over',
      'must hold warm_up, for and the windows: what is judged is not its own past',
    );
  }
  if (isSparse(rule.metric)) {
    add('baseline', `${rule.metric} is 0 as long as all is well: write a threshold`);
  }
  if (rule.by !== undefined) add('by', 'a baseline is the past of one series: leave by out');
}

function unknownName(name: string): string {
  const names = TEMPLATE_NAMES.map((known) => `{{ ${known} }}`).join(', ');
  return `{{ ${name} }} means nothing; there are ${names} and {{ labels.NAME }}`;
}

function didYouMean(text: string, known: readonly string[]): string {
  const near = closest(text, known);
  return near === null ? '' : `; did you mean "${near}"?`;
}
