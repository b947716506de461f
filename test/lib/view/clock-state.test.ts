import { expect, test } from 'vitest';
import { clockState } from '#lib/view/clock-state.ts';

const domain = (name: string, errorNs: number | null) => ({
  domain: name,
  offsetNs: 0,
  errorNs,
  driftPpm: null,
});

test('the largest error that is known, and how many are not', () => {
  const domains = [domain('a', 0), domain('b', 1200), domain('c', null), domain('d', 300)];
  const state = clockState({ referenceDomain: 'a', domains, conflicts: 0 });
  expect(state).toMatchObject({ errorNs: 1200, unknown: 1, conflicts: 0 });
  expect(state.warning).toMatch(/^One clock is not bound/);
});

test('nothing known, nothing to warn of, conflicts', () => {
  const of = (errors: (number | null)[], conflicts: number) =>
    clockState({
      referenceDomain: null,
      domains: errors.map((errorNs, i) => domain(`host-${i}`, errorNs)),
      conflicts,
      conflictSpans: [{ startUnixNs: '1', endUnixNs: '2', domains: ['x', 'y'], depthNs: 5 }],
    });
  expect(of([], 0)).toEqual({ errorNs: null, unknown: 0, conflicts: 0, warning: '' });
  expect(of([0, 4], 0).warning).toBe('');
  expect(of([null, null], 0).warning).toMatch(/^2 clocks are not bound/);
  expect(of([null, 4], 1).warning).toMatch(/contradict each other \(x, y\)/);
});
