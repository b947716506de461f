/**
 * Test files of alert rules, in the spirit of `promtool test rules`: what comes in, which alerts must
 * fire, and that nothing else does but what those explain.
 */
import { parse } from 'yaml';
import { z } from 'zod';
import type { AlertChange } from '#lib/alert/alert-state.ts';
import { durationMs } from '#lib/api/alert-rules.ts';
import { err, ok, type Result } from '#lib/base/result.ts';
import { yamlProblem } from '#lib/base/yaml-problem.ts';
import { scenarioInputSchema } from './replay-input.ts';

const duration = z
  .string()
  .refine((text) => durationMs(text) !== null, 'write a duration such as 30s or 5m');

const expectationSchema = z.strictObject({
  rule: z.string().min(1),
  /** Those that are named must be as they are. */
  labels: z.record(z.string(), z.string()).default({}),
  /** After the fault began (of recorded events: after the first), it fires at the latest. */
  within: duration.optional(),
  /** It is over again at the end. */
  resolved: z.boolean().optional(),
});

const testSchema = z.strictObject({
  name: z.string().min(1),
  input: z.union([
    scenarioInputSchema,
    z.strictObject({ files: z.array(z.string()).min(1), deployment: z.string().optional() }),
  ]),
  expect: z.array(expectationSchema).default([]),
  /** May others fire than those expected, without being explained by one of them? */
  others: z.enum(['none', 'any']).default('none'),
});

export const alertTestFileSchema = z.strictObject({
  /** Rule files beside the built-in rules, relative to this file. */
  rules: z.array(z.string()).default([]),
  /** Are the built-in rules on? */
  builtin: z.boolean().default(true),
  tests: z.array(testSchema).min(1),
});
export type AlertTestFile = z.output<typeof alertTestFileSchema>;
export type AlertTest = AlertTestFile['tests'][number];

/** Is it a test file, not one of rules? */
export function isAlertTestFile(text: string): boolean {
  return /^tests\s*:/m.test(text);
}

/** The error has a line for every problem. */
export function parseAlertTests(text: string, file: string): Result<AlertTestFile, string[]> {
  let tree: unknown;
  try {
    tree = parse(text);
  } catch (error) {
    return err([`${file}: not valid YAML: ${yamlProblem(error)}`]);
  }
  const parsed = alertTestFileSchema.safeParse(tree);
  if (parsed.success) return ok(parsed.data);
  return err(
    parsed.error.issues.map((issue) => {
      const nested =
        issue.code === 'invalid_union' ? innerIssue(issue.errors, tree, issue.path) : null;
      const path = [...issue.path, ...(nested?.path ?? [])].join('.');
      return `${file}: ${path || 'the file'}: ${nested?.message ?? issue.message}`;
    }),
  );
}

/** Of the form that was meant: files where there are files, else a scenario. */
function innerIssue(
  errors: readonly (readonly z.core.$ZodIssue[])[],
  tree: unknown,
  path: readonly PropertyKey[],
): z.core.$ZodIssue | null {
  let at: unknown = tree;
  for (const key of path) {
    at = typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined;
  }
  const hasFiles = typeof at === 'object' && at !== null && 'files' in at;
  return errors[hasFiles ? 1 : 0]?.[0] ?? null;
}

/** What is not as expected, a sentence each; none: passed. `fromUnixMs`: `within` counts from here. */
export function checkExpectations(
  { expect, others }: AlertTest,
  changes: readonly AlertChange[],
  fromUnixMs: number,
): string[] {
  const failures: string[] = [];
  const fired = changes.filter(({ change }) => change === 'firing');
  const expected = new Set<string>();
  for (const { rule, labels, within, resolved } of expect) {
    const what = `${rule}${labelText(labels)}`;
    const found = fired.filter(
      ({ alert }) =>
        alert.rule === rule &&
        Object.entries(labels).every(([name, value]) => alert.labels[name] === value),
    );
    const [first] = found;
    if (first === undefined) {
      failures.push(`${what} did not fire`);
      continue;
    }
    for (const { alert } of found) expected.add(alert.id);
    const afterMs = first.atUnixMs - fromUnixMs;
    if (within !== undefined && afterMs > durationMs(within)!) {
      failures.push(`${what} fired after ${(afterMs / 1000).toFixed(1)} s, not within ${within}`);
    }
    const isOver = changes.some(
      ({ change, alert }) => change === 'resolved' && alert.id === first.alert.id,
    );
    if (resolved === true && !isOver) failures.push(`${what} is not over at the end`);
    if (resolved === false && isOver) failures.push(`${what} is over before the end`);
  }
  if (others === 'any') return failures;
  const explained = new Set(
    changes.flatMap(({ change, alert }) =>
      change === 'inhibited' && expected.has(alert.inhibitedBy ?? '') ? [alert.id] : [],
    ),
  );
  for (const { alert, atUnixMs } of fired) {
    if (expected.has(alert.id) || explained.has(alert.id)) continue;
    const after = ((atUnixMs - fromUnixMs) / 1000).toFixed(1);
    const {
      deployment: _deployment,
      alertname: _name,
      severity: _severity,
      ...labels
    } = alert.labels;
    failures.push(
      `${alert.rule}${labelText(labels)} fired after ${after} s, and nothing explains it`,
    );
  }
  return failures;
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  return pairs.length === 0 ? '' : ` {${pairs.join(', ')}}`;
}
