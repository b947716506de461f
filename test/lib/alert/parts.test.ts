/** The small parts of alert rules: labels, ids, templates, paths, counts, memory. */
import { describe, expect, it } from 'vitest';
import { alertId } from '#lib/alert/alert-id.ts';
import { firingCounts } from '#lib/alert/flapping.ts';
import { labelTest } from '#lib/alert/matchers.ts';
import { parseReportPath, readReportPath } from '#lib/alert/report-path.ts';
import { listRules } from '#lib/alert/rule-list.ts';
import { needsOf, SampleHistory } from '#lib/alert/sample-history.ts';
import { valueText } from '#lib/alert/value-text.ts';
import { matcherOf } from '#lib/alert/where.ts';
import { reportOf } from '#lib/analysis/build-report.ts';
import type { AlertRule } from '#lib/api/alert-rules.ts';
import { matchesLabels } from '#lib/api/matchers.ts';
import { assemble } from '#lib/model/assemble.ts';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import { reportJson } from '#lib/query/report-json.ts';
import { look, rule, START_MS, sample } from '#test/support/alert-samples.ts';

describe('where', () => {
  it.each([
    [{ worker: 'ffn/*' }, { worker: 'ffn/12' }, true],
    [{ worker: 'ffn/*' }, { worker: 'attention/1' }, false],
    [{ worker: 'ffn/1' }, { worker: 'ffn/12' }, false],
    [{ condition: 'clock, disk-*' }, { condition: 'disk-full' }, true],
    [{ layer: '3-5,9' }, { layer: '4' }, true],
    [{ layer: '3-5,9' }, { layer: '9' }, true],
    [{ layer: '3-5,9' }, { layer: '6' }, false],
    [{ group: 'a.b' }, { group: 'axb' }, false],
    [{ group: '*' }, {}, false],
    [{}, {}, true],
  ])('%j watches %j: %s', (where, labels, expected) => {
    expect(matcherOf(where)(labels)).toBe(expected);
  });
});

describe('ids of alerts', () => {
  it('are those of rule and labels, in any order', () => {
    const id = alertId('r', { a: '1', b: '2' });
    expect(id).toMatch(/^[0-9a-f]{16}$/);
    expect(alertId('r', { b: '2', a: '1' })).toBe(id);
    const others = [
      alertId('s', { a: '1', b: '2' }),
      alertId('r', { a: '12' }),
      alertId('r', { a: '1', b: '3' }),
    ];
    expect(new Set([id, ...others]).size).toBe(4);
  });

  it('of many workers differ', () => {
    const ids = Array.from({ length: 20_000 }, (_, i) => alertId('r', { worker: `ffn/${i}` }));
    expect(new Set(ids).size).toBe(20_000);
  });
});

describe('values in words', () => {
  it.each([
    ['bubble_ratio', 0.3821, '38.2 %'],
    ['period_over_ideal', 1.264, '1.26×'],
    ['step_latency_seconds', 0.0515, '51.5 ms'],
    ['clock_error_seconds', 0.00025, '250 µs'],
    ['hang_seconds', 0, '0 s'],
    ['tokens_per_second', 59_600, '59600/s'],
    ['report:balance.taNs', 270_123, '270 µs'],
    ['report:groups.causes.peerQueueNs/activeNs', 0.051, '5.1 %'],
    ['clock_conflicts', 3, '3'],
    ['bubble_ratio', null, 'no data'],
  ])('%s %d: %s', (metric, value, expected) => {
    expect(valueText(metric, value)).toBe(expected);
  });
});

describe('paths into the report', () => {
  const spec = scenarioSpec('healthy', { layers: 4, denseLayers: 1 });
  const assembled = assemble([simulateSteps(spec, { steps: 4 })], 'demo');
  const report = reportJson(
    reportOf(
      assembled,
      {
        fromUnixNs: assembled.events.baseUnixNs,
        toUnixNs: (assembled.events.baseUnixNs +
          1_000_000_000n) as typeof assembled.events.baseUnixNs,
      },
      {},
    ),
  );
  const read = (metric: string) => {
    const path = parseReportPath(metric);
    if (!path.ok) throw new Error(path.error);
    return readReportPath(path.value, report);
  };

  it('one figure is one series', () => {
    expect(read('report:balance.taNs')).toEqual([
      { labels: {}, value: report.balance!.taNs, weight: 1 },
    ]);
  });

  it('rows of a list are series; a ratio weighs by what it divides by', () => {
    expect(read('report:groups.causes.peerQueueNs/activeNs')).toEqual(
      report.groups.map(({ group, causes, activeNs }) => ({
        labels: { group },
        value: causes.peerQueueNs / activeNs,
        weight: activeNs,
      })),
    );
    const layers = read('report:layers.ffnNs.p99');
    expect(layers.map(({ labels }) => labels.layer)).toEqual(['1', '2', '3']);
    expect(read('report:workers.busyRatio')).toHaveLength(12);
  });

  it('what the report does not have in this window has no sample', () => {
    expect(read('report:quality.rejected.no_role')).toEqual([]);
  });

  it('a path that divides twice, or by nothing known, is refused', () => {
    expect(parseReportPath('report:a/b/c')).toMatchObject({ ok: false });
    expect(parseReportPath('report:groups.computeNs/balance.taNs')).toMatchObject({ ok: false });
  });
});

it('an alert flaps from three times within an hour on', () => {
  const fired = (minute: number) => ({
    alertId: 'a',
    change: 'firing',
    atUnixMs: START_MS + minute * 60_000,
  });
  const events = [fired(-1600), fired(-100), fired(-50), fired(-20), fired(-1), fired(5)];
  expect(firingCounts(events, START_MS).get('a')).toEqual({ firedCount: 4, flapping: true });
  expect(firingCounts(events.slice(0, 4), START_MS).get('a')!.flapping).toBe(false);
  expect(firingCounts([], START_MS).get('a')).toBeUndefined();
});

describe('the memory of samples', () => {
  it('is bounded in time and in series, and counts what it leaves out', () => {
    const history = new SampleHistory(needsOf([rule({ window: '10s' })]));
    for (let second = 0; second < 2000; second++) history.add(look(second, [sample(second, 1)]));
    const [series] = history.series('bubble_ratio');
    expect(series!.atUnixMs.length).toBeLessThan(200);
    history.add(look(2001, [sample(5, 1)]));
    expect(history.counts).toMatchObject({ series: 1, late: 1, leftOut: 0 });
    const many = Array.from({ length: 20_010 }, (_, i) =>
      sample(2002, 1, { labels: { group: `g${i}` } }),
    );
    history.add(look(2002, many));
    expect(history.counts).toMatchObject({ series: 20_000, leftOut: 11 });
  });

  it('keeps only what rules watch, and forgets series that are gone', () => {
    const history = new SampleHistory(needsOf([rule({})]));
    history.add(look(0, [sample(0, 1, { metric: 'busy_ratio' }), sample(0, 1)]));
    expect([...history.series('busy_ratio')]).toEqual([]);
    for (let second = 1; second < 2000; second++) history.add(look(second, []));
    expect(history.counts.series).toBe(0);
    history.setNeeds(new Map());
    expect([...history.series('bubble_ratio')]).toEqual([]);
  });
});

describe('what every object has', () => {
  it('is no label, in matchers and in texts', () => {
    const matcher = { name: 'constructor', value: '.+', isRegex: true, isEqual: true };
    expect(matchesLabels([matcher], { group: 'ffn' })).toBe(false);
    const test = labelTest([matcher]);
    expect(test.ok && test.value({ group: 'ffn' })).toBe(false);
    const own = labelTest([{ ...matcher, value: 'mine' }]);
    expect(own.ok && own.value({ constructor: 'mine' })).toBe(true);
  });
});

describe('patterns with many stars', () => {
  it('take time that is linear in the text', () => {
    const fits = (group: string, text: string): boolean =>
      matcherOf({ group })({ deployment: 'a', group: text });
    expect(fits('*a*b*', 'xxaxxbxx')).toBe(true);
    expect(fits('a*a', 'a')).toBe(false);
    expect(fits('a*a', 'aa')).toBe(true);
    expect(fits('*ab*ab', 'ab')).toBe(false);
    expect(fits('a.c', 'abc')).toBe(false);
    // With a way back this would never end.
    expect(fits(`${'*a'.repeat(2000)}x`, 'a'.repeat(4000))).toBe(false);
  });
});

it('rules that name a deleted consequence go on', () => {
  const own = rule({ name: 'cause', explains: ['gone'] });
  const check = (one: AlertRule, names: readonly string[]): string | null =>
    one.explains.every((name) => names.includes(name)) ? null : 'unknown';
  const listed = listRules([], [{ rule: own, changedUnixMs: 1 }], check);
  expect(listed.map(({ error }) => error)).toEqual([null]);
});
