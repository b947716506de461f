import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildReport } from '#lib/analysis/build-report.ts';
import { reportSchema } from '#lib/api/report-schema.ts';
import { SCENARIO_NAMES, type ScenarioName, scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import {
  BAND,
  type BalanceJson,
  gapRatio,
  gaugeOf,
  gaugePlace,
  nextTerm,
  sidesOf,
  termRows,
} from '#lib/view/balance-view.ts';
import { SAMPLE_BALANCE } from './sample-report.ts';

function balanceOf(scenario: ScenarioName, seed: number): BalanceJson {
  const events = [simulateSteps(scenarioSpec(scenario), { steps: 4, seed })];
  const report = reportSchema.parse(buildReport({ events, deployment: 'demo' }));
  if (report.balance === null) throw new Error('no balance');
  return report.balance;
}

describe.each(SCENARIO_NAMES)('%s', (scenario) => {
  const balance = balanceOf(scenario, 3);

  test('the largest term is the bound, and none is over the ideal period', () => {
    const rows = termRows(balance);
    expect(rows).toHaveLength(5);
    const largest = rows.find(({ isLargest }) => isLargest);
    expect(largest?.bound).toBe(balance.bound);
    for (const { ns } of rows) expect(ns).toBeLessThanOrEqual(balance.idealPeriodNs * (1 + 1e-9));
  });

  test('the parts of a term add up to it', () => {
    for (const { ns, parts } of termRows(balance)) {
      expect(parts.reduce((sum, part) => sum + part.ns, 0)).toBeCloseTo(ns, 3);
    }
  });

  test('the parts of a side fill the layer', () => {
    for (const { parts } of sidesOf(balance)) {
      expect(parts.reduce((sum, part) => sum + part.ratio, 0)).toBeCloseTo(1, 2);
    }
  });

  test('what comes next is below the bound', () => {
    const next = nextTerm(termRows(balance));
    expect(next?.row.isLargest).toBe(false);
    expect(next?.belowRatio).toBeGreaterThanOrEqual(0);
    expect(next?.belowRatio).toBeLessThan(1);
  });
});

test('the gauge tells the slower side of each scenario', () => {
  expect(gaugeOf(balanceOf('healthy', 1))).toMatchObject({ slower: 'attention', isInBand: true });
  expect(gaugeOf(balanceOf('ffn-bound', 1))).toMatchObject({ slower: 'ffn', isInBand: false });
});

test('the gauge is symmetric: twice is as far from even as half', () => {
  expect(gaugePlace(1)).toBeCloseTo(0.5, 12);
  fc.assert(
    fc.property(fc.double({ min: 0.01, max: 100, noNaN: true }), (ratio) => {
      expect(gaugePlace(ratio) + gaugePlace(1 / ratio)).toBeCloseTo(1, 9);
    }),
    { seed: 11 },
  );
  expect(BAND[0] * BAND[1]).toBeCloseTo(1, 12);
});

test('marks beyond the gauge say so', () => {
  const gauge = gaugeOf({ ...SAMPLE_BALANCE, taEffectiveNs: 900_000 });
  expect(gauge?.effective).toMatchObject({ at: 1, isBeyond: true });
  expect(gauge?.median.isBeyond).toBe(false);
  expect(gaugeOf({ ...SAMPLE_BALANCE, tfEffectiveNs: 0 })).toBeNull();
});

test('a steady bubble is shown by its parts where they are known', () => {
  const split = { imbalance: 0.2, network: 0.1, latency: 0.07 };
  const [attention] = sidesOf({ ...SAMPLE_BALANCE, attentionSteadyBubble: split });
  expect(attention?.parts.map(({ term }) => term)).toEqual([
    'compute',
    'imbalanceBubble',
    'networkBubble',
    'latencyBubble',
  ]);
  const [whole, none] = sidesOf({
    ...SAMPLE_BALANCE,
    attentionSteadyBubble: undefined,
    ffnSteadyBubble: undefined,
  });
  expect(whole?.parts.map(({ term }) => term)).toEqual(['compute', 'steadyBubble']);
  expect(none?.parts.map(({ term }) => term)).toEqual(['compute']);
});

test('transfers that are longer than the latency term share it', () => {
  const latency = 100_000;
  const termsNs = { attention: 1, ffn: 1, a2fLink: 1, f2aLink: 1, latency };
  const row = termRows({ ...SAMPLE_BALANCE, termsNs }).find(({ id }) => id === 'latency');
  expect(row?.parts.map(({ label }) => label)).toEqual(['A2F transfer', 'F2A transfer']);
  expect(row?.parts.reduce((sum, { ns }) => sum + ns, 0)).toBeCloseTo(latency, 6);
});

test('reports without terms or without a measurement', () => {
  expect(termRows({ ...SAMPLE_BALANCE, termsNs: undefined })).toEqual([]);
  expect(nextTerm([])).toBeNull();
  expect(gapRatio({ ...SAMPLE_BALANCE, measuredPeriodNs: null })).toBeNull();
  expect(gapRatio(SAMPLE_BALANCE)).toBeCloseTo(741_300 / 738_000 - 1, 12);
});
