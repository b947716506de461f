import { expect, test } from 'vitest';
import { matcherSchema } from '#lib/api/alerts.ts';
import { matcherText, matchesLabels } from '#lib/api/matchers.ts';

const labels = { alertname: 'straggler', deployment: 'demo', worker: 'ffn/2' };
const matcher = (name: string, value: string, more: object = {}) =>
  matcherSchema.parse({ name, value, ...more });

test('all matchers must hold; a label that is not there is empty', () => {
  expect(matchesLabels([matcher('worker', 'ffn/2'), matcher('deployment', 'demo')], labels)).toBe(
    true,
  );
  expect(matchesLabels([matcher('worker', 'ffn/2'), matcher('deployment', 'x')], labels)).toBe(
    false,
  );
  expect(matchesLabels([matcher('layer', '')], labels)).toBe(true);
  expect(matchesLabels([matcher('layer', '', { isEqual: false })], labels)).toBe(false);
});

test('regular expressions match the whole value', () => {
  expect(matchesLabels([matcher('worker', 'ffn', { isRegex: true })], labels)).toBe(false);
  expect(matchesLabels([matcher('worker', 'ffn/.*', { isRegex: true })], labels)).toBe(true);
  expect(matchesLabels([matcher('worker', 'a|ffn/2', { isRegex: true })], labels)).toBe(true);
  expect(
    matchesLabels([matcher('worker', 'ffn/.*', { isRegex: true, isEqual: false })], labels),
  ).toBe(false);
});

test('a pattern that cannot be read covers nothing', () => {
  for (const isEqual of [true, false]) {
    expect(matchesLabels([matcher('worker', '(', { isRegex: true, isEqual })], labels)).toBe(false);
  }
});

test('written as in Alertmanager', () => {
  expect(matcherText(matcher('worker', 'ffn/2'))).toBe('worker="ffn/2"');
  expect(matcherText(matcher('group', 'a.*', { isRegex: true, isEqual: false }))).toBe(
    'group!~"a.*"',
  );
});
