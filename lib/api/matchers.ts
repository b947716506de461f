/** Alertmanager's matchers: which labels a silence or a route is about. */
import { linearRegex } from '#lib/base/linear-regex.ts';
import type { Matcher } from './alerts.ts';

export type Labels = Readonly<Record<string, string>>;

/** '' where there is none; what every object has, such as `constructor`, is no label. */
export function labelOf(labels: Labels, name: string): string {
  return Object.hasOwn(labels, name) ? (labels[name] ?? '') : '';
}

/**
 * All of `matchers` hold; a label that is not there is ''. Regular expressions must match the whole
 * value; one that cannot be read matches nothing, with `!~` too.
 */
export function matchesLabels(matchers: readonly Matcher[], labels: Labels): boolean {
  return matchers.every((matcher) => {
    const value = labelOf(labels, matcher.name);
    if (!matcher.isRegex) return (value === matcher.value) === matcher.isEqual;
    const pattern = wholePattern(matcher.value);
    return pattern !== null && pattern.test(value) === matcher.isEqual;
  });
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
