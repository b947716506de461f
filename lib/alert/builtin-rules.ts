/** The rules that come with the product, and rule files of users. The one place of this room that reads. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AlertRule } from '#lib/api/alert-rules.ts';
import { assert } from '#lib/base/assert.ts';
import { type ParsedRules, parseRules, problemText } from './parse-rules.ts';

const BUILT_IN = join(import.meta.dirname, 'builtin-rules.yaml');

/** TPOT fires a tenth over its target and ends half of that below: a mean flickers by some percent. */
const TPOT_FIRES_AT = 1.1;
const TPOT_ENDS_AT = 1.05;

let parsed: readonly AlertRule[] | undefined;

/** `tpotTargetNs`: the time per output token that the cluster is held to (`alerts.tpotTarget`). */
export function builtinRules({ tpotTargetNs }: { readonly tpotTargetNs: number }): AlertRule[] {
  parsed ??= readBuiltIn();
  const targetS = tpotTargetNs / 1e9;
  return parsed.map((rule) =>
    rule.name === 'tpot-over-target'
      ? { ...rule, threshold: targetS * TPOT_FIRES_AT, recover: targetS * TPOT_ENDS_AT }
      : rule,
  );
}

function readBuiltIn(): readonly AlertRule[] {
  const { rules, problems } = parseRules(readFileSync(BUILT_IN, 'utf8'), BUILT_IN);
  assert(problems.length === 0, problems.map(problemText).join('\n'));
  return rules;
}

/** A user's file; one that cannot be read is a problem of line 1. */
export function loadRuleFile(path: string): ParsedRules {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'error';
    const what = code === 'ENOENT' ? 'there is no such file' : `cannot be read (${code})`;
    const message = `${what}; it should be a file of alert rules (YAML)`;
    return { rules: [], problems: [{ file: path, line: 1, rule: null, key: '', message }] };
  }
  parsed ??= readBuiltIn();
  return parseRules(text, path, parsed);
}

/** The rules that hold: later lists win over earlier ones, by name. */
export function mergeRules(...lists: readonly (readonly AlertRule[])[]): AlertRule[] {
  const byName = new Map<string, AlertRule>();
  for (const rule of lists.flat()) byName.set(rule.name, rule);
  return [...byName.values()];
}
