/** Rules as a file that `alerts.rules` takes: what has its default is left out. */
import { stringify } from 'yaml';
import { type AlertRule, alertRuleSchema } from '#lib/api/alert-rules.ts';

/** What a rule has that says nothing else. */
const DEFAULTS: Readonly<Record<string, unknown>> = alertRuleSchema.parse({
  name: 'x',
  metric: 'x',
  threshold: 0,
});
const ALWAYS = new Set(['name', 'metric', 'threshold']);

export function rulesYaml(rules: readonly AlertRule[]): string {
  const shown = rules.map((rule) =>
    Object.fromEntries(
      Object.entries(rule).filter(
        ([key, value]) =>
          ALWAYS.has(key) || JSON.stringify(value) !== JSON.stringify(DEFAULTS[key]),
      ),
    ),
  );
  return stringify({ rules: shown }, { lineWidth: 100 });
}
