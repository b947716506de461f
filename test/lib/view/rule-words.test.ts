import { describe, expect, test } from 'vitest';
import { type AlertRuleInput, alertRuleSchema } from '#lib/api/alert-rules.ts';
import { conditionText } from '#lib/view/rule-words.ts';

const textOf = (rule: AlertRuleInput): string => conditionText(alertRuleSchema.parse(rule));

describe('a rule in words', () => {
  test('threshold, window, duration, recovery', () => {
    const rule = { name: 'a', metric: 'bubble_ratio', threshold: 0.25, recover: 0.2, for: '1m' };
    expect(textOf({ ...rule, where: { group: 'ffn' } })).toBe(
      'Bubble (group ffn) > 25.0 % (mean of 30s) for 1m, until back at 20.0 %',
    );
  });

  test('a flag holds or does not, lists have room', () => {
    const rule = { name: 'a', metric: 'condition', threshold: 0, window: '5s' };
    expect(textOf({ ...rule, where: { condition: 'clock,locked' } })).toMatch(
      /\(condition clock, locked\) holds \(mean of 5s\)$/,
    );
    expect(textOf({ ...rule, compare: '<', threshold: 1 })).toContain('does not hold');
  });

  test('a baseline, and so many windows', () => {
    const rule = {
      name: 'a',
      metric: 'tokens_per_second',
      compare: '<' as const,
      baseline: { over: '1h' },
      of_windows: { hits: 3, of: 5 },
    };
    expect(textOf(rule)).toMatch(
      /5 deviations below its last 1h \(mean of 30s\) in 3 of 5 windows/,
    );
  });
});
