import { describe, expect, test } from 'vitest';
import { CONDITION_NAMES, type Condition } from '#lib/api/condition.ts';
import {
  conditionEffect,
  conditionTitle,
  refusedText,
  sinceText,
} from '#lib/view/condition-text.ts';

const SINCE = Date.UTC(2026, 10, 23, 14, 2, 11);
const condition = (change: Partial<Condition>): Condition => ({
  name: 'disk-full',
  severity: 'critical',
  notReady: true,
  sinceUnixMs: SINCE,
  detail: 'the disk is full',
  remedy: 'Free space.',
  ...change,
});

describe('conditions in words', () => {
  test('every name has a title of its own; an unknown one stands for itself', () => {
    const titles = CONDITION_NAMES.map(conditionTitle);
    expect(new Set(titles).size).toBe(CONDITION_NAMES.length);
    for (const title of titles) expect(title).toMatch(/^[A-Z]/);
    expect(conditionTitle('comet')).toBe('comet');
    expect(conditionTitle('constructor')).toBe('constructor');
  });

  test('since when, and for how long; a clock behind the collector shows no negative age', () => {
    expect(sinceText(condition({}), SINCE + 35_400)).toBe('since 14:02:11 (35 s)');
    expect(sinceText(condition({}), SINCE + 3 * 3600_000)).toBe('since 14:02:11 (3 h)');
    expect(sinceText(condition({}), SINCE - 60_000)).toBe('since 14:02:11 (0 s)');
  });

  test('what it means: nothing is stored, or the facts', () => {
    expect(conditionEffect(condition({}), SINCE)).toBe(
      'No telemetry is stored since 14:02:11 (0 s); senders are told to send again.',
    );
    const clock = condition({ name: 'clock', notReady: false, detail: 'the clock jumped.' });
    expect(conditionEffect(clock, SINCE)).toBe('Since 14:02:11 (0 s): the clock jumped.');
  });

  test('refusals, most first, none of zero', () => {
    expect(refusedText({ over_budget: 3, unavailable: 1200, overloaded: 0 })).toBe(
      '1,200 unavailable, 3 over budget',
    );
    expect(refusedText({ overloaded: 0 })).toBe('');
  });
});
