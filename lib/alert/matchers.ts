/**
 * Alertmanager's matchers, over the labels of an alert: all of a list must hold, a label that is not
 * there counts as empty, patterns match the whole value.
 */
import type { Matcher } from '#lib/api/alerts.ts';
import { err, ok, type Result } from '#lib/base/result.ts';
import { linearRegex } from './linear-regex.ts';

export type LabelTest = (labels: Readonly<Record<string, string>>) => boolean;

/** The error names the matcher. */
export function labelTest(matchers: readonly Matcher[]): Result<LabelTest, string> {
  const tests: LabelTest[] = [];
  for (const { name, value, isRegex, isEqual } of matchers) {
    if (isRegex) {
      const pattern = linearRegex(value);
      if (!pattern.ok) return err(`${name}: ${pattern.error}`);
      tests.push((labels) => pattern.value(labels[name] ?? '') === isEqual);
    } else {
      tests.push((labels) => ((labels[name] ?? '') === value) === isEqual);
    }
  }
  return ok((labels) => tests.every((test) => test(labels)));
}

/** As Alertmanager writes it: `group=~"ffn|attention"`. */
export function matcherText({ name, value, isRegex, isEqual }: Matcher): string {
  const sign = isEqual ? (isRegex ? '=~' : '=') : isRegex ? '!~' : '!=';
  return `${name}${sign}${JSON.stringify(value)}`;
}
