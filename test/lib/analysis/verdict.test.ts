import { describe, expect, it } from 'vitest';
import { buildReport } from '#lib/analysis/build-report.ts';
import { CLEAR_EXCESS_RATIO, verdictOf } from '#lib/analysis/verdict.ts';
import { type ScenarioName, scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import { drawTable } from '#test/support/step-diagram.ts';

const simulated = (name: ScenarioName) =>
  verdictOf(
    buildReport({
      events: [simulateSteps(scenarioSpec(name, { layers: 12 }), { steps: 4 })],
      deployment: 'demo',
    }),
  );

const drawn = (drawing: string) =>
  verdictOf(buildReport({ events: [drawTable(drawing)], deployment: 'prod' }));

describe('verdict', () => {
  it.each([
    ['healthy', 'healthy', 'ffn', 0.06],
    ['ffn-bound', 'ffn-bound', 'attention', 0.38],
    ['latency-bound', 'latency-bound', 'ffn', 0.4],
    ['strict', 'attention-bound', 'ffn', 0.13],
  ] as const)('of the scenario %s', (name, state, waitingSide, waitRatio) => {
    const verdict = simulated(name);
    expect(verdict).toMatchObject({ state, waitingSide, worst: null, n: 4 });
    expect(Math.abs(verdict.waitRatio! - waitRatio)).toBeLessThan(0.02);
    const { imbalance, latency, network } = verdict.parts!;
    expect(imbalance + latency + network).toBeCloseTo(verdict.waitRatio!, 9);
    expect(verdict.margin).toBeGreaterThanOrEqual(0);
  });

  it('tells no data, no traffic and one side only apart', () => {
    expect(verdictOf(buildReport({ events: [], deployment: 'prod' })).state).toBe('no-data');
    expect(drawn('attention/0 host step=-1 |xx|').state).toBe('no-traffic');
    expect(drawn('attention/0 attention layer=0 |00|').state).toBe('unpaired');
  });

  it('names the worker that computes clearly longer than its group', () => {
    const step = (slow: string) => `
      attention/0 attention layer=0 |${'0'.repeat(50)}${'·'.repeat(14)}|
      attention/1 attention layer=0 |${'0'.repeat(50)}${'·'.repeat(14)}|
      attention/2 attention layer=0 |${slow.padEnd(64, '·')}|`;
    expect(drawn(step('0'.repeat(52))).worst).toBeNull();
    expect(drawn(step('0'.repeat(60))).worst).toEqual({
      worker: 'attention/2',
      excessRatio: expect.closeTo(0.2, 9),
    });
    expect(CLEAR_EXCESS_RATIO).toBe(0.08);
  });
});
