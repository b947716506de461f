/**
 * A rule while it is written. It is plain JSON, as YAML gives it: what a field cannot be yet (a
 * threshold of "0.") stays in it as text, and the schema says so beside the field.
 */
import { ALERT_METRIC_NAMES } from '#lib/api/alert-metrics.ts';
import { type AlertRule, alertRuleSchema } from '#lib/api/alert-rules.ts';

export type RuleDraft = Readonly<Record<string, unknown>>;
export type RulePath = readonly (string | number)[];

export interface RuleProblem {
  readonly path: RulePath;
  readonly message: string;
}

export interface CheckedRule {
  readonly rule: AlertRule | null;
  readonly problems: readonly RuleProblem[];
}

/** What a new rule begins as. */
export const NEW_RULE: RuleDraft = {
  name: '',
  metric: 'bubble_ratio',
  compare: '>',
  threshold: 0.25,
  window: '30s',
  for: '30s',
  severity: 'warning',
};

export function checkRule(draft: unknown): CheckedRule {
  const parsed = alertRuleSchema.safeParse(draft);
  if (!parsed.success) {
    return { rule: null, problems: parsed.error.issues.flatMap(problemOf) };
  }
  const rule = parsed.data;
  const isPath = rule.metric.startsWith('report:');
  const isKnown = ALERT_METRIC_NAMES.some((name) => name === rule.metric);
  if (isPath || isKnown) return { rule, problems: [] };
  return {
    rule: null,
    problems: [
      {
        path: ['metric'],
        message: `there is no figure "${rule.metric}"; choose one, or write report: and a path`,
      },
    ],
  };
}

function problemOf(issue: {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly code?: string | undefined;
  readonly keys?: unknown;
}): RuleProblem[] {
  const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
  if (issue.code === 'unrecognized_keys' && Array.isArray(issue.keys)) {
    return issue.keys.map((key) => ({
      path: [...path, String(key)],
      message: 'there is no such key',
    }));
  }
  return [{ path, message: plainMessage(issue.message) }];
}

/** The schema library's words for a wrong kind of value, in fewer. */
function plainMessage(message: string): string {
  const kind = /^Invalid input: expected (\w+), received (\w+)$/.exec(message);
  if (kind === null) return message;
  const [, expected, received] = kind;
  if (received === 'undefined') return 'is missing';
  return expected === 'number' ? 'write a number' : `must be ${article(expected!)}`;
}

function article(kind: string): string {
  return /^[aeiou]/.test(kind) ? `an ${kind}` : `a ${kind}`;
}

/** The first problem at a path or below it; null: none. */
export function problemAt(problems: readonly RuleProblem[], path: RulePath): string | null {
  const found = problems.find((problem) => path.every((part, at) => problem.path[at] === part));
  return found?.message ?? null;
}

/** Problems that no field of `paths` shows. */
export function problemsBeside(
  problems: readonly RuleProblem[],
  paths: readonly RulePath[],
): readonly RuleProblem[] {
  return problems.filter(
    (problem) => !paths.some((path) => path.every((part, at) => problem.path[at] === part)),
  );
}

export function valueAt(draft: RuleDraft, path: RulePath): unknown {
  let at: unknown = draft;
  for (const part of path) {
    if (!isRecord(at)) return undefined;
    at = at[String(part)];
  }
  return at;
}

export function textAt(draft: RuleDraft, path: RulePath): string {
  const value = valueAt(draft, path);
  return value === undefined || value === null ? '' : String(value);
}

/** `undefined` takes the key away, and the record around it once it is empty. */
export function withValue(draft: RuleDraft, path: RulePath, value: unknown): RuleDraft {
  const [first, ...rest] = path;
  if (first === undefined) return draft;
  const key = String(first);
  const next = { ...draft };
  if (rest.length === 0) {
    if (value === undefined) delete next[key];
    else next[key] = value;
    return next;
  }
  const inner = next[key];
  const changed = withValue(isRecord(inner) ? inner : {}, rest, value);
  if (value === undefined && Object.keys(changed).length === 0) delete next[key];
  else next[key] = changed;
  return next;
}

/** A typed number; text that is none stays text, so that the schema can complain about it. */
export function typedNumber(text: string): number | string | undefined {
  const trimmed = text.trim();
  if (trimmed === '') return undefined;
  // "0." and "1e" are on their way to a number.
  return /^[+-]?(\d+(\.\d+)?|\.\d+)(e[+-]?\d+)?$/i.test(trimmed) ? Number(trimmed) : text;
}

const ANY_RULE = { name: 'any', metric: 'bubble_ratio', threshold: 0 };
const DEFAULTS: RuleDraft = alertRuleSchema.parse(ANY_RULE);

/** Without what is the default anyway, in the order of the schema: as somebody would write it. */
export function compactRule(rule: RuleDraft): RuleDraft {
  const order = Object.keys(alertRuleSchema.shape);
  const known = order.filter((key) => key in rule && !isDefault(key, rule[key]));
  const unknown = Object.keys(rule).filter((key) => !order.includes(key));
  return Object.fromEntries([...known, ...unknown].map((key) => [key, rule[key]]));
}

function isDefault(key: string, value: unknown): boolean {
  if (value === undefined) return true;
  if (key === 'name' || key === 'metric' || key === 'threshold') return false;
  return JSON.stringify(value) === JSON.stringify(DEFAULTS[key]);
}

/** A name that no rule has yet: `bubble-copy`, `bubble-copy-2`. */
export function copyName(name: string, taken: readonly string[]): string {
  const base = `${name.slice(0, 56)}-copy`;
  let candidate = base;
  for (let n = 2; taken.includes(candidate); n++) candidate = `${base}-${n}`;
  return candidate;
}

export function isSameRule(a: RuleDraft, b: RuleDraft): boolean {
  const [one, other] = [alertRuleSchema.safeParse(a), alertRuleSchema.safeParse(b)];
  if (one.success && other.success) return sameJson(one.data, other.data);
  return sameJson(a, b);
}

function sameJson(a: unknown, b: unknown): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted(value[key])]),
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
