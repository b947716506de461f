import { expect, test } from 'vitest';
import { alertRuleSchema, type RulePreview } from '#lib/api/alert-rules.ts';
import { SURFACES } from '#lib/view/palette.ts';
import {
  checkRule,
  compactRule,
  copyName,
  isSameRule,
  NEW_RULE,
  problemAt,
  problemsBeside,
  textAt,
  typedNumber,
  withValue,
} from '#lib/view/rule-draft.ts';
import {
  chartFromMs,
  previewOption,
  previewRows,
  previewSentence,
} from '#lib/view/rule-preview.ts';
import { conditionText } from '#lib/view/rule-words.ts';
import { parseRuleYaml, ruleFileYaml, ruleYaml } from '#lib/view/rule-yaml.ts';
import { NOON } from './sample-alerts.ts';

const RULE = alertRuleSchema.parse({
  name: 'slow-layers',
  metric: 'layer_period_seconds',
  where: { layer: '3-60' },
  threshold: 0.001,
  recover: 0.0009,
  for: '1m',
  baseline: { over: '1h' },
  explains: ['bubble'],
  annotations: { summary: 'Layer {{ labels.layer }} is slow' },
});

test('a rule comes back from its YAML, which leaves defaults out', () => {
  const text = ruleYaml(RULE);
  expect(text).not.toContain('no_data');
  expect(text.split('\n')[0]).toBe('name: slow-layers');
  const { draft, problems } = parseRuleYaml(text);
  expect(problems).toEqual([]);
  expect(isSameRule(draft!, RULE)).toBe(true);
  expect(isSameRule(parseRuleYaml(ruleFileYaml([RULE])).draft!, RULE)).toBe(true);
  expect(Object.keys(compactRule(RULE))).not.toContain('window');
});

test('what is wrong in the text has its line and its key', () => {
  const lines = (text: string) =>
    parseRuleYaml(text).problems.map(({ line, key, message }) => `${line} ${key}: ${message}`);
  expect(lines('name: x\nmetric: bubble_ratio\nthreshold: lots\n')).toEqual([
    '3 threshold: write a number',
  ]);
  expect(lines('name: x\nmetric: bubble_ratio\nthreshold: 1\nbaseline:\n  over: soon\n')).toEqual([
    '5 baseline.over: write a duration such as 30s, 5m or 1m30s',
  ]);
  expect(lines('name: x\nmetric: bubble_ratio\nthreshold: 1\nforr: 1m\n')).toEqual([
    '4 forr: there is no such key',
  ]);
  expect(lines('name: x\nmetric: bubbles\nthreshold: 1\n')[0]).toMatch(/^2 metric: .*"bubbles"/);
  expect(lines('rules:\n  - name: x\n    metric: bubble_ratio\n    threshold: no\n')).toEqual([
    '4 threshold: write a number',
  ]);
  expect(lines('name: [x\n')[0]).toMatch(/^\d /);
  expect(lines('just words')[0]).toMatch(/write one rule/);
  expect(lines('rules: []')[0]).toMatch(/write one rule/);
});

test('a missing key is said of the rule', () => {
  expect(parseRuleYaml('metric: bubble_ratio\nthreshold: 1\n').problems).toEqual([
    { line: null, key: 'name', message: 'is missing' },
  ]);
});

test('fields write into the draft, and what is no number yet is complained about there', () => {
  let draft = withValue({ ...NEW_RULE, name: 'x' }, ['threshold'], typedNumber('0.'));
  expect(textAt(draft, ['threshold'])).toBe('0.');
  expect(problemAt(checkRule(draft).problems, ['threshold'])).toBe('write a number');
  draft = withValue(draft, ['threshold'], typedNumber('0.05'));
  expect(checkRule(draft).rule?.threshold).toBe(0.05);
  draft = withValue(draft, ['recover'], typedNumber('0.5'));
  expect(problemAt(checkRule(draft).problems, ['recover'])).toMatch(/healthy side/);
  draft = withValue(withValue(draft, ['recover'], undefined), ['of_windows', 'hits'], 5);
  const { problems } = checkRule(draft);
  expect(problemAt(problems, ['of_windows', 'of'])).toBe('is missing');
  expect(problemsBeside(problems, [['of_windows']])).toEqual([]);
  // The last key of a record takes the record away.
  draft = withValue(draft, ['of_windows', 'hits'], undefined);
  expect(draft).not.toHaveProperty('of_windows');
  expect(typedNumber('1e-3')).toBe(0.001);
  expect(typedNumber(' ')).toBeUndefined();
});

test('copies get names that are free', () => {
  expect(copyName('a', ['a', 'a-copy'])).toBe('a-copy-2');
  const long = copyName('x'.repeat(64), []);
  expect(alertRuleSchema.shape.name.safeParse(long).success).toBe(true);
});

test('a rule in one line', () => {
  expect(conditionText(RULE)).toBe(
    'Layer period (layer 3-60) > 1.00 ms and 5 deviations above its last 1h (mean of 30s) for 1m, until back at 900 µs',
  );
});

const preview: RulePreview = {
  rule: 'x',
  fromUnixMs: NOON,
  toUnixMs: NOON + 600_000,
  missing: null,
  hiddenSeries: 2,
  series: [
    {
      deployment: 'demo',
      labels: { worker: 'ffn/0' },
      atUnixMs: [0, 10, 20].map((s) => NOON + s * 1000),
      value: [0.01, null, 0.02],
      bound: [0.08, 0.08, 0.08],
      spans: [],
    },
    {
      deployment: 'demo',
      labels: { worker: 'ffn/2' },
      atUnixMs: [0, 10, 20, 200, 210].map((s) => NOON + s * 1000),
      value: [0.1, 0.2, 0.3, 0.2, 0.1],
      bound: [0.08, 0.08, 0.08, 0.08, 0.08],
      spans: [
        { state: 'pending', fromUnixMs: NOON, toUnixMs: NOON + 10_000 },
        { state: 'firing', fromUnixMs: NOON + 10_000, toUnixMs: NOON + 70_000 },
        { state: 'firing', fromUnixMs: NOON + 480_000, toUnixMs: null },
      ],
    },
  ],
};

test('the preview says how often, where, how long; what fires most comes first', () => {
  const rows = previewRows(preview, true);
  expect(rows.map(({ name, fired }) => [name, fired])).toEqual([
    ['demo · ffn/2', 2],
    ['demo · ffn/0', 0],
  ]);
  expect(rows[0]).toMatchObject({ firingMs: 180_000, firesNow: true, worst: 0.3 });
  expect(previewSentence(preview, rows)).toBe(
    'Would have fired 2 times on 1 of 4 series, 3 min in all; it would fire now.',
  );
  const calm = { ...preview, hiddenSeries: 0, series: preview.series.slice(0, 1) };
  expect(previewSentence(calm, previewRows(calm, true))).toBe(
    'Would not have fired, on any of 1 series.',
  );
  expect(previewSentence({ ...preview, missing: 'no samples' }, [])).toBe('no samples');
});

test('the chart has value and bound, and a gap where nothing was sampled', () => {
  const option = previewOption(
    preview.series[1]!,
    'straggler_excess_ratio',
    { fromMs: NOON, toMs: NOON + 600_000 },
    SURFACES.dark,
  );
  const [value, bound] = option.series;
  expect(value!.data.filter(([, of]) => of === null)).toHaveLength(1);
  expect(bound!.lineStyle.type).toBe('dashed');
  expect(option.yAxis.axisLabel.formatter(0.25)).toBe('25.0 %');
});

test('the chart begins shortly before the first sample, and never before what was asked for', () => {
  const window = { fromMs: 0, toMs: 6 * 3_600_000 };
  const from = (atUnixMs: number[]): number =>
    chartFromMs({ deployment: 'a', labels: {}, atUnixMs, value: [], bound: [], spans: [] }, window);
  expect(from([30_000, 60_000])).toBe(0);
  expect(from([])).toBe(0);
  expect(from([window.toMs - 600_000])).toBe(window.toMs - 660_000);
});
