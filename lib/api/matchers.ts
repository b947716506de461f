/** Alertmanager's matchers: which labels a silence or a route is about. */
import { linearRegex } from '#lib/base/linear-regex.ts';
import type { Matcher } from './alerts.ts';

export type Labels = Readonly<Record<string, string>>;

/** '' where there is none; what every object has, such as `constructor`, is no label. */
export function labelOf(labels: Labels, name: string): string {
  return Object.hasOwn(labels, name) ? (labels[name] ?? '') : '';
}

export type LabelTest = (labels: Labels) => boolean;

/**
 * A label that is not there is ''. Regular expressions must match the whole value; one that cannot be read
 * matches nothing, with `!~` too.
 */
export function matcherTest({ name, value, isRegex, isEqual }: Matcher): LabelTest {
  if (!isRegex) return (labels) => (labelOf(labels, name) === value) === isEqual;
  const pattern = wholePattern(value);
  return (labels) => pattern !== null && pattern.test(labelOf(labels, name)) === isEqual;
}

/** All of `matchers` hold. */
export function matchesLabels(matchers: readonly Matcher[], labels: Labels): boolean {
  return matchers.every((matcher) => matcherTest(matcher)(labels));
}

/** As people write it: `worker="ffn/2"`, `group=~"a.*"`. */
export function matcherText({ name, value, isRegex, isEqual }: Matcher): string {
  const operator = isRegex ? (isEqual ? '=~' : '!~') : isEqual ? '=' : '!=';
  return `${name}${operator}${JSON.stringify(value)}`;
}

/** Takes the whole text, in time that is linear in it; null: it cannot be read. */
export function wholePattern(source: string): { test(text: string): boolean } | null {
  const compiled = linearRegex(source);
  return compiled.ok ? { test: compiled.value } : null;
}

/** Why matchers cannot be used, naming the label; null: they can. */
export function matcherProblem(matchers: readonly Matcher[]): string | null {
  for (const { name, value, isRegex } of matchers) {
    if (!isRegex) continue;
    const compiled = linearRegex(value);
    if (!compiled.ok) return `${name}: ${compiled.error}`;
  }
  return null;
}
