/** All rules as they are listed: one of a later source stands in the place of an earlier one. */
import type { AlertRule, ListedRule, RULE_SOURCES } from '#lib/api/alert-rules.ts';

export interface StandingRule {
  readonly rule: AlertRule;
  readonly source: Exclude<(typeof RULE_SOURCES)[number], 'page'>;
}

export interface StoredRule {
  readonly rule: AlertRule;
  readonly changedUnixMs: number;
}

/** What is wrong with a rule that its schema cannot see; `names`: of every rule. null: nothing. */
export type RuleCheck = (rule: AlertRule, names: readonly string[]) => string | null;

/** A listed rule but for how many alerts it has. */
export type RuleEntry = Omit<ListedRule, 'firing' | 'pending'>;

/**
 * By name. `standing`: built-in rules, then those of the file; `stored` ones stand before both.
 */
export function listRules(
  standing: Iterable<StandingRule>,
  stored: Iterable<StoredRule>,
  check: RuleCheck,
): readonly RuleEntry[] {
  const behind = new Map<string, StandingRule[]>();
  for (const one of standing) {
    behind.set(one.rule.name, [...(behind.get(one.rule.name) ?? []), one]);
  }
  const ahead = new Map([...stored].map((one) => [one.rule.name, one]));
  const names = [...new Set([...behind.keys(), ...ahead.keys()])].sort();
  return names.map((name) => {
    const own = ahead.get(name);
    const others = behind.get(name) ?? [];
    const rule = own?.rule ?? others.at(-1)!.rule;
    return {
      rule,
      source: own === undefined ? others.at(-1)!.source : ('page' as const),
      overrides: others.length + (own === undefined ? 0 : 1) > 1,
      // A rule whose consequence was deleted still watches: only new ones must name rules that there are.
      error: check(rule, [...names, ...rule.explains]),
      changedUnixMs: own?.changedUnixMs ?? null,
    };
  });
}
