/** Advice against worlds that have what it proposes. */
import { describe, expect, test } from 'vitest';
import { buildReport } from '#lib/analysis/build-report.ts';
import type { Advice, Balance, Report } from '#lib/analysis/report-types.ts';
import type { Faults } from '#lib/pipeline/faults.ts';
import { type ScenarioName, scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import type { PipelineSpec } from '#lib/pipeline/spec.ts';

function reportOf(spec: PipelineSpec, faults: Faults, seed: number, steps = 12): Report {
  const events = [simulateSteps(spec, { steps, seed, faults })];
  return buildReport({ events, deployment: spec.deployment });
}

const balanceOf = (spec: PipelineSpec, faults: Faults = {}, seed = 1): Balance =>
  reportOf(spec, faults, seed).balance!;

const find = ({ advice }: Balance, kind: string): Advice | undefined =>
  advice.find((one) => one.kind === kind);

/** Tokens per second and GPU: of a step from start to start, since the last one drains. */
function ratePerGpu(spec: PipelineSpec, faults: Faults, seed: number): number {
  const { cadenceNs } = reportOf(spec, faults, seed).steps;
  const { attentionWorkers, ffnWorkers, microbatches, requests } = spec;
  const tokens = attentionWorkers * microbatches * requests;
  return tokens / cadenceNs!.mean / (attentionWorkers + ffnWorkers);
}

const SLOW_ATTENTION: Faults = { slowRank: { role: 'attention', rank: 2, factor: 1.3 } };
const SLOW_FFN: Faults = { slowRank: { role: 'ffn', rank: 1, factor: 1.3 } };
const HOT: Faults = { hotExpert: { rank: 1, factor: 2 } };
const LONG: Faults = { longContext: { rank: 1, factor: 1.5 } };

/** The spec with times of so much load per micro-batch, as the simulator's workload has them. */
function loaded(base: PipelineSpec, attention: number, ffn: number): Partial<PipelineSpec> {
  const a = base.attentionFixedRatio + (1 - base.attentionFixedRatio) * attention;
  const f = base.expertFixedRatio + (1 - base.expertFixedRatio) * ffn;
  return {
    requests: base.requests * attention,
    attentionNs: base.attentionNs * a,
    gateNs: base.gateNs * a,
    combineNs: base.combineNs * a,
    denseNs: base.denseNs * a,
    expertNs: base.expertNs * f,
  };
}

function withRatio(base: PipelineSpec, set: string): PipelineSpec {
  const [, attention, ffn] = /^ratio=(\d+)A(\d+)F$/.exec(set)!.map(Number);
  const load = (attention! / base.attentionWorkers) * (base.ffnWorkers / ffn!);
  return {
    ...base,
    attentionWorkers: attention!,
    ffnWorkers: ffn!,
    expertNs: loaded(base, 1, load).expertNs!,
  };
}

interface Case {
  readonly scenario: ScenarioName;
  readonly kind: string;
  readonly changes?: Partial<PipelineSpec>;
  readonly faults?: Faults;
  readonly real: (base: PipelineSpec, advice: Advice) => PipelineSpec;
  readonly realFaults?: Faults;
}

const same = (base: PipelineSpec): PipelineSpec => base;
const ratio = (base: PipelineSpec, { set }: Advice): PipelineSpec => withRatio(base, set![0]!);

/** Without a fault the real world has none either. */
const CASES: readonly Case[] = [
  { scenario: 'ffn-bound', kind: 'ratio', real: ratio },
  { scenario: 'ffn-bound', kind: 'remove-attention', real: ratio },
  { scenario: 'strict', kind: 'add-attention', real: ratio },
  {
    scenario: 'latency-bound',
    kind: 'more-requests',
    real: (base) => ({ ...base, microbatches: 3 }),
  },
  {
    scenario: 'latency-bound',
    kind: 'microbatches',
    real: (base) => ({ ...base, ...loaded(base, 2 / 3, 2 / 3), requests: 85, microbatches: 3 }),
  },
  { scenario: 'healthy', kind: 'fix-worker', faults: SLOW_ATTENTION, real: same },
  { scenario: 'healthy', kind: 'fix-worker', faults: SLOW_FFN, real: same },
  { scenario: 'strict', kind: 'fix-worker', faults: SLOW_ATTENTION, real: same },
  { scenario: 'latency-bound', kind: 'fix-worker', faults: SLOW_FFN, real: same },
  { scenario: 'ffn-bound', kind: 'level-experts', faults: HOT, real: same },
  { scenario: 'healthy', kind: 'level-experts', faults: HOT, real: same },
  {
    scenario: 'healthy',
    kind: 'level-contexts',
    faults: LONG,
    // The same tokens in all, half of a worker's more spread over eight.
    real: (base) => ({ ...base, ...loaded(base, 1.0625, 1), requests: base.requests }),
  },
  {
    scenario: 'ffn-bound',
    kind: 'shared-expert',
    changes: { sharedExpertNs: 30_000, sharedExpertSide: 'ffn' },
    // An attention worker has half the tokens of an FFN worker here; half of the time goes with them.
    real: (base) => ({ ...base, sharedExpertNs: 22_500, sharedExpertSide: 'attention' }),
  },
];

/** Beyond the interval: what another world of the same spec has otherwise anyway. */
const SLACK = 0.01;

test.each(CASES)('$scenario, $kind: what it predicts is what the change brings', (one) => {
  const base = scenarioSpec(one.scenario, one.changes);
  const { faults = {} } = one;
  const advice = find(balanceOf(base, faults), one.kind);
  expect(advice).toBeDefined();
  const { gain, low, high } = advice!;
  expect(low).toBeGreaterThan(0);
  expect(low).toBeLessThanOrEqual(gain);
  expect(high).toBeGreaterThanOrEqual(gain);
  const now = ratePerGpu(base, faults, 1);
  const then = ratePerGpu(one.real(base, advice!), one.realFaults ?? {}, 1);
  const real = then / now - 1;
  expect(real).toBeGreaterThan(low - SLACK);
  expect(real).toBeLessThan(high + SLACK);
  expect(Math.abs(gain - real)).toBeLessThan(0.025 + 0.1 * real);
});

describe('what is advised', () => {
  test('nothing where the cluster is healthy, and how much is left', () => {
    for (const seed of [1, 2, 3]) {
      const { advice, ratioMargin } = balanceOf(scenarioSpec('healthy'), {}, seed);
      expect(advice).toEqual([]);
      expect(ratioMargin!.gain).toBeLessThan(0.02);
    }
  });

  test('the culprit comes before what would make up for it', () => {
    for (const [faults, kind] of [
      [SLOW_ATTENTION, 'fix-worker'],
      [SLOW_FFN, 'fix-worker'],
      [HOT, 'level-experts'],
      [LONG, 'level-contexts'],
    ] as const) {
      expect(balanceOf(scenarioSpec('healthy'), faults).advice[0]!.kind).toBe(kind);
    }
    expect(balanceOf(scenarioSpec('healthy'), SLOW_FFN).advice[0]!).toMatchObject({
      change: 'ffn/1 as fast as its group at the same load',
      set: ['fix=ffn/1'],
    });
  });

  test('what it rests on is said', () => {
    const { assumes } = find(balanceOf(scenarioSpec('ffn-bound')), 'ratio')!;
    expect(assumes).toMatch(
      /Requests per attention worker stay.* Of FFN time \d\d % grow with the tokens \(fitted; \d\d to \d\d %\)\. A step takes \d+ % less\./,
    );
    const still = scenarioSpec('ffn-bound', {
      noise: { compute: 0.03, transfer: 0.03, context: 0, routing: 0 },
    });
    const assumed = balanceOf(still);
    expect(find(assumed, 'fix-worker')).toBeUndefined();
    const margin = assumed.ratioMargin!;
    // Experts could be all weight reading: then fewer tokens would bring nothing.
    expect(margin.high - margin.low).toBeGreaterThan(0.1);
  });

  test('a latency bubble asks for micro-batches, not for another split', () => {
    const { advice, ratioMargin, attentionSteadyBubble, ffnSteadyBubble } = balanceOf(
      scenarioSpec('latency-bound'),
    );
    expect(advice.map(({ kind }) => kind)).toEqual(['more-requests', 'microbatches']);
    expect(ratioMargin!.gain).toBeLessThan(0.02);
    expect(attentionSteadyBubble!.latency).toBeGreaterThan(0.3);
    expect(ffnSteadyBubble!.latency).toBeCloseTo(attentionSteadyBubble!.latency, 6);
    expect(attentionSteadyBubble!.network).toBe(0);
  });
});

/**
 * 48A16F loses to no AFD at all and 64A16F wins on the same software, because attention bounds and
 * the experts have headroom (vLLM blog, 2026-07-23: 220.3 and 258.9 tokens/s per die). Tokens and
 * GPUs alone make 6.7 % of those 17.5 %; what else the larger group brought is not in any record.
 */
test('48A16F with headroom on the FFN side: more attention workers are advised, and bring it', () => {
  const healthy = scenarioSpec('healthy', { attentionWorkers: 48, ffnWorkers: 16, layers: 24 });
  const base = { ...healthy, expertNs: 0.6 * healthy.expertNs };
  const { steps, balance } = reportOf(base, {}, 1, 4);
  expect(balance!.bound).toBe('attention-bound');
  const advice = find(balance!, 'add-attention')!;
  const real = withRatio(base, advice.set![0]!);
  expect(real.attentionWorkers).toBeGreaterThanOrEqual(60);
  const rate = (spec: PipelineSpec, cadenceNs: number): number =>
    (spec.attentionWorkers * spec.requests) / cadenceNs / (spec.attentionWorkers + spec.ffnWorkers);
  const then = reportOf(real, {}, 1, 4).steps.cadenceNs!.mean;
  const gain = rate(real, then) / rate(base, steps.cadenceNs!.mean) - 1;
  expect(gain).toBeGreaterThan(advice.low - SLACK);
  expect(gain).toBeLessThan(advice.high + SLACK);
  const operators = withRatio(base, 'ratio=64A16F');
  const measured = reportOf(operators, {}, 1, 4).steps.cadenceNs!.mean;
  expect(rate(operators, measured) / rate(base, steps.cadenceNs!.mean) - 1).toBeCloseTo(0.067, 2);
}, 30_000);
