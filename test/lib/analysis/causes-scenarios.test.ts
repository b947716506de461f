/** Each scenario and fault of the simulated cluster puts its waiting where it belongs. */
import { describe, expect, it } from 'vitest';
import { reportOf } from '#lib/analysis/build-report.ts';
import { CAUSES } from '#lib/analysis/causes.ts';
import type { BubbleCauses } from '#lib/analysis/report-types.ts';
import { waitSums } from '#lib/analysis/wait-sums.ts';
import { assemble } from '#lib/model/assemble.ts';
import type { Faults } from '#lib/pipeline/faults.ts';
import { type ScenarioName, scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import { NO_NOISE, type PipelineSpec } from '#lib/pipeline/spec.ts';
import { workerId } from '#lib/table/worker-info.ts';

type Share = Record<keyof BubbleCauses, number>;

interface World {
  readonly attention: Share;
  readonly ffn: Share;
  /** Share of all that is waited for because of others which is this worker's. */
  readonly blame: ReadonlyMap<string, number>;
}

function world(
  scenario: ScenarioName,
  faults: Faults = {},
  changes: Partial<PipelineSpec> = {},
): World {
  const spec = scenarioSpec(scenario, { layers: 21, ...changes });
  const assembled = assemble(
    [simulateSteps(spec, { steps: 12, seed: 5, faults })],
    spec.deployment,
  );
  const report = reportOf(assembled, undefined);
  for (const one of [...report.groups, ...report.workers]) {
    expect(Math.min(...Object.values(one.causes)), 'no cause is negative').toBeGreaterThanOrEqual(
      0,
    );
    expect(sum(one.causes)).toBeLessThanOrEqual(one.bubbleNs);
  }
  const [attention, ffn] = report.groups.map(({ causes }) => shares(causes));
  return { attention: attention!, ffn: ffn!, blame: blameOf(assembled) };
}

function sum(causes: BubbleCauses): number {
  return Object.values(causes).reduce((a, b) => a + b, 0);
}

function shares(causes: BubbleCauses): Share {
  const all = sum(causes);
  return Object.fromEntries(CAUSES.map((name) => [name, causes[name] / all])) as Share;
}

function blameOf(assembled: ReturnType<typeof assemble>): Map<string, number> {
  const window = { fromNs: assembled.firstStartNs, toNs: assembled.lastEndNs };
  const { because, workers } = waitSums(assembled, window);
  const ns = workers.map(() => 0);
  because.forEach((culprits, waiter) => {
    for (const [culprit, sums] of culprits) {
      if (culprit !== waiter) ns[culprit]! += sums.reduce((a, b) => a + b, 0);
    }
  });
  const all = ns.reduce((a, b) => a + b, 0);
  return new Map(workers.map((worker, w) => [workerId(worker), ns[w]! / all]));
}

const network = (share: Share): number => share.a2fNetworkNs + share.f2aNetworkNs;

describe('what the simulated cluster waits for', () => {
  it.each([
    ['healthy', {}, {}],
    ['ffn-bound', {}, {}],
    ['latency-bound', {}, {}],
    ['strict', {}, {}],
    ['healthy', { hostGapNs: 5e6 }, {}],
    ['healthy', { commTail: { probability: 0.02, factor: 7 } }, {}],
    ['healthy', { slowRank: { role: 'ffn', rank: 1, factor: 1.3 } }, {}],
    ['healthy', {}, { sends: 'per-peer' }],
    ['healthy', {}, { domains: 2 }],
    ['healthy', {}, { microbatches: 1 }],
    ['healthy', {}, { microbatches: 8 }],
    ['healthy', {}, { sharedExpertNs: 40_000, sharedExpertSide: 'attention' }],
  ] as const)('is known: %s %j %j', (scenario, faults, changes) => {
    const { attention, ffn } = world(scenario, faults, changes);
    expect(attention.unknownNs).toBeLessThan(0.02);
    expect(ffn.unknownNs).toBeLessThan(0.02);
  });

  it('stays mostly known where events are lost', () => {
    const { attention, ffn } = world('healthy', { lostSpansRatio: 0.05 });
    expect(attention.unknownNs).toBeLessThan(0.1);
    expect(ffn.unknownNs).toBeLessThan(0.1);
  });

  it('is the FFN: attention waits for a busy peer', () => {
    const { attention } = world('ffn-bound');
    expect(attention.peerQueueNs + attention.peerComputeNs).toBeGreaterThan(0.7);
    expect(network(attention)).toBeLessThan(0.1);
  });

  it('is the latency: both sides wait for the network', () => {
    const { attention, ffn } = world('latency-bound');
    expect(network(attention)).toBeGreaterThan(0.7);
    expect(network(ffn)).toBeGreaterThan(0.5);
    // Both ways have their share: 120 and 200 µs.
    expect(attention.a2fNetworkNs / network(attention)).toBeCloseTo(120 / 320, 1);
  });

  it('is one micro-batch after the other: the whole way of the reply, networks first', () => {
    // Nothing hides anything: a2f 70, FFN 255, f2a 130. The receive is posted when a2f is over, so 385
    // of 455 are waited for, and the compute, which is charged last, is what comes out short.
    const { attention } = world('healthy', {}, { microbatches: 1, noise: NO_NOISE });
    expect(network(attention)).toBeCloseTo(200 / 385, 3);
    expect(attention.peerComputeNs + attention.fillDrainNs).toBeCloseTo(185 / 385, 3);
  });

  it('is the tail of transfers', () => {
    const { attention, ffn } = world('healthy', { commTail: { probability: 0.02, factor: 7 } });
    expect(network(attention)).toBeGreaterThan(0.7);
    expect(network(ffn)).toBeGreaterThan(0.4);
  });

  it.each(['attention', 'ffn'] as const)('is a slow %s rank: its device', (role) => {
    const { attention, ffn, blame } = world('healthy', {
      slowRank: { role, rank: 2, factor: 1.3 },
    });
    expect(attention.deviceExcessNs).toBeGreaterThan(0.6);
    expect(attention.loadExcessNs).toBeLessThan(0.1);
    expect(ffn.deviceExcessNs).toBeGreaterThan(0.4);
    expect(blame.get(`${role}/2`)).toBeGreaterThan(0.7);
  });

  it('is long contexts: load, of that rank', () => {
    const { attention, ffn, blame } = world('healthy', { longContext: { rank: 5, factor: 2 } });
    expect(attention.loadExcessNs).toBeGreaterThan(0.7);
    expect(attention.deviceExcessNs).toBeLessThan(0.15);
    expect(ffn.loadExcessNs).toBeGreaterThan(0.5);
    expect(blame.get('attention/5')).toBeGreaterThan(0.8);
  });

  it('is a hot expert: load, of the FFN rank that has it', () => {
    const { attention, ffn, blame } = world('healthy', { hotExpert: { rank: 1, factor: 2 } });
    expect(attention.loadExcessNs).toBeGreaterThan(0.7);
    expect(ffn.loadExcessNs).toBeGreaterThan(0.5);
    expect(blame.get('ffn/1')).toBeGreaterThan(0.8);
  });

  it.each([2e6, 10e6])('is a host gap of %d ns before each step', (hostGapNs) => {
    const steps = 12;
    const before = world('healthy');
    const { ffn } = world('healthy', { hostGapNs });
    expect(ffn.peerHostNs).toBeGreaterThan(before.ffn.peerHostNs + 0.2);
    const spec = scenarioSpec('healthy', { layers: 21 });
    const table = simulateSteps(spec, { steps, seed: 5, faults: { hostGapNs } });
    const report = reportOf(assemble([table], spec.deployment), undefined);
    for (const worker of report.workers.filter(({ role }) => role === 'ffn')) {
      // Each step's gap, and no more than that and the usual 200 µs.
      expect(worker.causes.peerHostNs).toBeGreaterThan(0.9 * steps * hostGapNs);
      expect(worker.causes.peerHostNs).toBeLessThan(1.1 * steps * (hostGapNs + 200_000));
    }
  });
});
