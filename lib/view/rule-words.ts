/** A rule in one line, as somebody would say it. */
import type { AlertRule, RULE_SOURCES } from '#lib/api/alert-rules.ts';
import { metricFigure, metricName, unitOfMetric } from './alert-words.ts';
import { figureText } from './format.ts';

export const SOURCE_WORDS: Readonly<Record<(typeof RULE_SOURCES)[number], string>> = {
  builtin: 'built in',
  file: 'from the file',
  page: 'made here',
};

/** `Bubble of ffn > 25 % (mean of 30s) for 1m, until ≤ 20 %`. */
export function conditionText(rule: AlertRule): string {
  const { metric, compare, threshold, recover, baseline, of_windows: windows } = rule;
  const value = (of: number): string => figureText(metricFigure(metric, unitOfMetric(metric), of));
  const isFlag = unitOfMetric(metric) === 'flag';
  const where = Object.entries(rule.where).map(
    ([name, text]) => `${name} ${text.split(/,\s*/).join(', ')}`,
  );
  const parts: string[] = [
    where.length === 0 ? metricName(metric) : `${metricName(metric)} (${where.join(', ')})`,
  ];
  if (threshold !== undefined) {
    const flag = compare.startsWith('>') ? 'holds' : 'does not hold';
    parts.push(isFlag ? flag : `${compare} ${value(threshold)}`);
  }
  if (baseline !== undefined) {
    const side = compare.startsWith('>') ? 'above' : 'below';
    const deviations = `${baseline.deviations} deviations ${side} its last ${baseline.over}`;
    parts.push(threshold === undefined ? deviations : `and ${deviations}`);
  }
  parts.push(`(${rule.aggregate} of ${rule.window})`);
  if (windows !== undefined) parts.push(`in ${windows.hits} of ${windows.of} windows`);
  else if (rule.for !== '0s') parts.push(`for ${rule.for}`);
  const text = parts.join(' ');
  return recover === undefined || isFlag ? text : `${text}, until back at ${value(recover)}`;
}
