/**
 * The verdict on simulated clusters: the right bound, the right culprit and the right remedy for
 * every fault in every scenario; nobody is accused where nothing is wrong.
 */
import { describe, expect, test } from 'vitest';
import { buildReport } from '#lib/analysis/build-report.ts';
import { reportSchema } from '#lib/api/report-schema.ts';
import { addNanos, NS_PER_S, unixNanos } from '#lib/base/units.ts';
import type { Faults } from '#lib/pipeline/faults.ts';
import { SCENARIO_NAMES, type ScenarioName, scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import { type BoundName, type Verdict, verdictOf } from '#lib/view/verdict.ts';
import { verdictSentence } from '#lib/view/verdict-text.ts';

/** Two lines of the Overview at 1024 px hold so many characters. */
const TWO_LINES = 215;
/** As many layers as show every effect; the real 61 only take longer. */
const LAYERS = 23;

function verdictOn(scenario: ScenarioName, faults: Faults, seed: number, steps = 8): Verdict {
  const spec = scenarioSpec(scenario, { layers: LAYERS });
  const events = [simulateSteps(spec, { steps, seed, faults })];
  return verdictOf(reportSchema.parse(buildReport({ events, deployment: spec.deployment })));
}

/** The same, seen some seconds after a rank began to hang. */
function verdictAfter(scenario: ScenarioName, faults: Faults, seconds: number): Verdict {
  const spec = scenarioSpec(scenario, { layers: LAYERS });
  const events = [simulateSteps(spec, { steps: 4, seed: 13, faults })];
  const { window } = buildReport({ events, deployment: spec.deployment });
  const fromUnixNs = unixNanos(BigInt(window.startUnixNs));
  const toUnixNs = addNanos(fromUnixNs, seconds * NS_PER_S);
  const report = buildReport({
    events,
    deployment: spec.deployment,
    window: { fromUnixNs, toUnixNs },
  });
  return verdictOf(reportSchema.parse(report));
}

function words(verdict: Verdict): string {
  return verdictSentence(verdict)
    .pieces.map(({ text }) => text)
    .join('');
}

const BOUNDS: Readonly<Record<ScenarioName, BoundName>> = {
  healthy: 'attention-bound',
  'ffn-bound': 'ffn-bound',
  'latency-bound': 'latency-bound',
  strict: 'attention-bound',
};

/** A slow worker of a side makes that side the bound, but where something else is slower still. */
function boundWith(scenario: ScenarioName, side: 'attention' | 'ffn'): BoundName {
  if (scenario === 'latency-bound') return 'latency-bound';
  if (scenario === 'ffn-bound') return 'ffn-bound';
  return `${side}-bound`;
}

describe.each(SCENARIO_NAMES)('%s', (scenario) => {
  const isHidden = scenario === 'ffn-bound';

  test('without a fault: the bound, and nobody is accused, whatever the jitter', () => {
    for (let seed = 1; seed <= 12; seed++) {
      const verdict = verdictOn(scenario, {}, seed);
      expect(verdict, `seed ${seed}`).toMatchObject({ bound: BOUNDS[scenario], culprit: null });
      expect(words(verdict)).not.toMatch(/attention\/\d|ffn\/\d/);
    }
  });

  test('a slow attention rank', () => {
    const verdict = verdictOn(
      scenario,
      { slowRank: { role: 'attention', rank: 5, factor: 1.3 } },
      3,
    );
    expect(verdict).toMatchObject({
      bound: boundWith(scenario, 'attention'),
      culprit: {
        kind: 'straggler',
        workerId: 'attention/5',
        cause: 'device',
        isBinding: !isHidden,
      },
    });
    expect(words(verdict)).toMatch(isHidden ? /hidden by the bound/ : /→ Check its device/);
  });

  test('a slow FFN rank', () => {
    const verdict = verdictOn(scenario, { slowRank: { role: 'ffn', rank: 2, factor: 1.3 } }, 4);
    expect(verdict).toMatchObject({
      bound: boundWith(scenario, 'ffn'),
      culprit: { kind: 'straggler', workerId: 'ffn/2', cause: 'device', isBinding: true },
    });
    expect(words(verdict)).toMatch(/→ Check its device/);
  });

  test('long contexts on one rank are load, and the remedy is the router', () => {
    const verdict = verdictOn(scenario, { longContext: { rank: 5, factor: 2 } }, 5);
    expect(verdict).toMatchObject({
      culprit: { kind: 'straggler', workerId: 'attention/5', cause: 'load' },
    });
    expect(words(verdict)).toContain('all of it long contexts');
    if (!isHidden) expect(words(verdict)).toContain('→ Route requests more evenly');
  });

  test('a hot expert', () => {
    const verdict = verdictOn(scenario, { hotExpert: { rank: 1, factor: 2 } }, 6);
    expect(verdict).toMatchObject({
      bound: boundWith(scenario, 'ffn'),
      culprit: { kind: 'hot-expert', workerId: 'ffn/1', isBinding: true },
    });
    expect(words(verdict)).toMatch(/→ Move or replicate its hot experts/);
  });

  test('an expert that is hot in some layers only', () => {
    const hotExpert = { rank: 1, factor: 2.5, fromLayer: 8, toLayer: 14 };
    const verdict = verdictOn(scenario, { hotExpert }, 14);
    expect(verdict).toMatchObject({
      culprit: { kind: 'hot-expert', workerId: 'ffn/1', layers: { from: 8, to: 14 } },
    });
    expect(words(verdict)).toMatch(/times the mean tokens in layers 8–14/);
  });

  test('tails of transfers', () => {
    const verdict = verdictOn(scenario, { commTail: { probability: 0.02, factor: 7 } }, 7);
    expect(verdict).toMatchObject({ culprit: { kind: 'tail' } });
    expect(words(verdict)).toMatch(/→ That is the network, not the split/);
  });

  test('a host gap before each step', () => {
    const verdict = verdictOn(scenario, { hostGapNs: 5_000_000 }, 8);
    expect(verdict).toMatchObject({
      bound: BOUNDS[scenario],
      culprit: { kind: 'host', role: 'attention' },
    });
    expect(words(verdict)).toMatch(/stand still for host work.*→ Shorten that first/);
  });

  test('a clock that is off changes nothing', () => {
    const clockOffset = [{ target: 'node-1', offsetNs: -250_000 }];
    expect(verdictOn(scenario, { clockOffset }, 9)).toMatchObject({
      bound: BOUNDS[scenario],
      culprit: null,
      confidence: 'clear',
    });
  });

  test.each(['attention', 'ffn'] as const)('a hung %s rank, and who waits for it', (role) => {
    const verdict = verdictAfter(scenario, { hungRank: { role, rank: 3 } }, 8);
    expect(verdict).toMatchObject({
      kind: 'hung',
      hang: { kind: 'hang', worker: `${role}/3`, reason: 'no-progress' },
    });
    expect(words(verdict)).toMatch(
      new RegExp(`^Hung: ${role}/3 made no progress since .*; \\d+ workers wait for it\\. →`),
    );
    expect(words(verdict).length).toBeLessThanOrEqual(TWO_LINES);
  });

  test('lost spans accuse nobody', () => {
    for (const seed of [10, 11, 12]) {
      expect(verdictOn(scenario, { lostSpansRatio: 0.05 }, seed)).toMatchObject({
        bound: BOUNDS[scenario],
        culprit: null,
        confidence: 'partial',
      });
    }
  });

  test('the sentence fits two lines, whatever happens', () => {
    const all: readonly Faults[] = [
      {},
      { slowRank: { role: 'attention', rank: 5, factor: 1.3 } },
      { longContext: { rank: 5, factor: 2 } },
      { hotExpert: { rank: 1, factor: 2, fromLayer: 8, toLayer: 14 } },
      { commTail: { probability: 0.02, factor: 7 } },
      { hostGapNs: 5_000_000 },
      { lostSpansRatio: 0.05 },
    ];
    for (const faults of all) {
      const text = words(verdictOn(scenario, faults, 2));
      expect(text.length, text).toBeLessThanOrEqual(TWO_LINES);
    }
  });
});
