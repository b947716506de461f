/** The rules as the database and the rule file have them, for when the collector is away. */
import { builtinRules, loadRuleFile } from '#lib/alert/builtin-rules.ts';
import { checkRule } from '#lib/alert/check-rule.ts';
import { storedAlert, storedRule } from '#lib/alert/documents.ts';
import { problemText } from '#lib/alert/parse-rules.ts';
import { listRules, type RuleCheck, type StandingRule } from '#lib/alert/rule-list.ts';
import { rulesYaml } from '#lib/alert/rules-yaml.ts';
import type { RulesAnswer } from '#lib/api/alert-rules.ts';
import { unixMsFromNanos } from '#lib/base/units.ts';
import type { StateStore } from '#lib/store/state-store.ts';
import { BadQuestionError } from './errors.ts';

export interface AlertRulesQuestion {
  /** Absolute path of the rule file; null: there is none. */
  readonly rulesFile: string | null;
  readonly tpotTargetNs: number;
}

export interface StandingRules {
  readonly standing: readonly StandingRule[];
  /** What is wrong with the file; its other rules are taken. */
  readonly problems: readonly string[];
}

/** Built-in rules, then those of the file. */
export function standingRules({ rulesFile, tpotTargetNs }: AlertRulesQuestion): StandingRules {
  const builtin = builtinRules({ tpotTargetNs }).map(
    (rule) => ({ rule, source: 'builtin' }) as const,
  );
  if (rulesFile === null) return { standing: builtin, problems: [] };
  const { rules, problems } = loadRuleFile(rulesFile);
  return {
    standing: [...builtin, ...rules.map((rule) => ({ rule, source: 'file' }) as const)],
    problems: problems.map(problemText),
  };
}

/** What is wrong with a rule beside others, "key: what"; null: nothing. */
export const ruleCheck: RuleCheck = (rule, names) => {
  const problem = checkRule(rule, names)[0];
  return problem === undefined ? null : `${problem.key}: ${problem.message}`;
};

export async function listAlertRules(
  state: StateStore,
  question: AlertRulesQuestion,
): Promise<RulesAnswer> {
  const { standing, problems } = standingRules(question);
  const documents = await state.documents({ kind: 'alert-rule' });
  const stored = documents.flatMap((document) => {
    const rule = storedRule(document);
    return rule === null
      ? []
      : { rule, changedUnixMs: Math.round(unixMsFromNanos(document.updatedUnixNs)) };
  });
  const alerts = await state.documents({ kind: 'alert', statuses: ['firing', 'pending'] });
  const counts = new Map<string, { firing: number; pending: number }>();
  for (const document of alerts) {
    const alert = storedAlert(document);
    if (alert === null) continue;
    const count = counts.get(alert.rule) ?? { firing: 0, pending: 0 };
    count[alert.state === 'firing' ? 'firing' : 'pending']++;
    counts.set(alert.rule, count);
  }
  return {
    rules: listRules(standing, stored, ruleCheck).map((entry) => ({
      ...entry,
      ...(counts.get(entry.rule.name) ?? { firing: 0, pending: 0 }),
    })),
    problems: [...problems],
  };
}

export interface RulesYamlQuestion extends AlertRulesQuestion {
  /** Stored ones alone. */
  readonly pageOnly: boolean;
  /** This rule alone; null: all. */
  readonly name: string | null;
}

/** @throws BadQuestionError where there is no rule of the name. */
export async function alertRulesYaml(
  state: StateStore,
  question: RulesYamlQuestion,
): Promise<string> {
  const { rules } = await listAlertRules(state, question);
  const { name, pageOnly } = question;
  const wanted = rules.filter(
    ({ rule, source }) => (name ?? rule.name) === rule.name && (!pageOnly || source === 'page'),
  );
  if (name !== null && wanted.length === 0) {
    throw new BadQuestionError('name', `name: there is no rule ${JSON.stringify(name)}.`);
  }
  return rulesYaml(wanted.map(({ rule }) => rule));
}
