import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SCENARIO_NAMES, scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import { checkSpec, NO_NOISE, PipelineSpecError } from '#lib/pipeline/spec.ts';
import { eventsOf, meanPeriodNs, steadyBubbleRatio } from './events-of.ts';

/** C = max(m·Ta, m·Tf, Ta + Tf + A2F + F2A), and the steady bubbles 1 - m·T/C, by hand. */
const TABLE = {
  healthy: { periodUs: 810, attentionBubble: 0, ffnBubble: 0.06, stepMs: 50 },
  'ffn-bound': { periodUs: 720, attentionBubble: 0.38, ffnBubble: 0, stepMs: 44 },
  'latency-bound': { periodUs: 840, attentionBubble: 0.36, ffnBubble: 0.4, stepMs: 51 },
  strict: { periodUs: 240, attentionBubble: 0, ffnBubble: 0.13, stepMs: 15 },
} as const;

describe.each(SCENARIO_NAMES)('scenario %s', (name) => {
  const expected = TABLE[name];

  it('has the period and the bubbles of the closed form when nothing varies', () => {
    const spec = scenarioSpec(name, { noise: NO_NOISE });
    const events = eventsOf(simulateSteps(spec, { steps: 2 }));
    expect(meanPeriodNs(events, 10, 55) / (expected.periodUs * 1000)).toBeCloseTo(1, 3);
    const attention = steadyBubbleRatio(events, 'attention', 10, 55);
    const ffn = steadyBubbleRatio(events, 'ffn', 10, 55);
    expect(Math.abs(attention - expected.attentionBubble)).toBeLessThan(0.01);
    expect(Math.abs(ffn - expected.ffnBubble)).toBeLessThan(0.01);
    const endNs = Math.max(...events.map((event) => event.endNs));
    expect(Math.abs(endNs / 2e6 / expected.stepMs - 1)).toBeLessThan(0.05);
  });

  it('stays within 3 % and a few points of them with the default noise', () => {
    const events = eventsOf(simulateSteps(scenarioSpec(name), { steps: 6, seed: 3 }));
    const period = meanPeriodNs(events, 10, 55) / (expected.periodUs * 1000);
    expect(Math.abs(period - 1)).toBeLessThan(0.03);
    const attention = steadyBubbleRatio(events, 'attention', 10, 55);
    const ffn = steadyBubbleRatio(events, 'ffn', 10, 55);
    expect(Math.abs(attention - expected.attentionBubble)).toBeLessThan(0.03);
    expect(Math.abs(ffn - expected.ffnBubble)).toBeLessThan(0.03);
  });
});

it('has the period of the closed form for any stage times', () => {
  const us = (min: number, max: number) => fc.integer({ min, max }).map((value) => value * 1000);
  const shape = fc.record({
    attentionWorkers: fc.integer({ min: 1, max: 3 }),
    ffnWorkers: fc.integer({ min: 1, max: 2 }),
    microbatches: fc.integer({ min: 1, max: 6 }),
    attentionNs: us(20, 400),
    gateNs: us(0, 20),
    combineNs: us(0, 20),
    expertNs: us(20, 400),
    sharedExpertNs: us(0, 50),
    a2fNs: us(5, 500),
    f2aNs: us(5, 500),
    sends: fc.constantFrom('all' as const, 'per-peer' as const),
  });
  fc.assert(
    fc.property(shape, (changes) => {
      const spec = scenarioSpec('healthy', {
        ...changes,
        layers: 40,
        denseLayers: 0,
        noise: NO_NOISE,
      });
      const m = spec.microbatches;
      const ta = spec.attentionNs + spec.gateNs + spec.combineNs;
      const tf = spec.expertNs + spec.sharedExpertNs;
      const period = Math.max(
        m * ta,
        m * tf,
        m * spec.a2fNs,
        m * spec.f2aNs,
        ta + tf + spec.a2fNs + spec.f2aNs,
      );
      const events = eventsOf(simulateSteps(spec, { steps: 1 }));
      expect(Math.abs(meanPeriodNs(events, 15, 35) / period - 1)).toBeLessThan(0.01);
    }),
    { seed: 5, numRuns: 60 },
  );
});

it('is the same for the same seed and another for another', () => {
  const run = (seed: number) =>
    simulateSteps(scenarioSpec('healthy', { layers: 6 }), { steps: 2, seed });
  expect(run(1)).toEqual(run(1));
  expect(run(1).durationNs).not.toEqual(run(2).durationNs);
});

it('refuses a spec that cannot be simulated, and names the field', () => {
  const message = (changes: Parameters<typeof scenarioSpec>[1]) => {
    try {
      checkSpec(scenarioSpec('healthy', changes));
    } catch (error) {
      expect(error).toBeInstanceOf(PipelineSpecError);
      return String(error);
    }
    return 'accepted';
  };
  expect(message({})).toBe('accepted');
  expect(message({ microbatches: 9 })).toContain('microbatches is 9');
  expect(message({ denseLayers: 62 })).toContain('denseLayers is 62');
  expect(message({ a2fNs: Number.NaN })).toContain('a2fNs is NaN');
  expect(message({ domains: 9 })).toContain('domains is 9');
  expect(message({ noise: { ...NO_NOISE, routing: -1 } })).toContain('noise.routing is -1');
});
