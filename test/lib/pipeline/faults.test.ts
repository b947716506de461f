import { expect, it } from 'vitest';
import type { Faults } from '#lib/pipeline/faults.ts';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import { PipelineSimulation } from '#lib/pipeline/simulation.ts';
import { NO_NOISE } from '#lib/pipeline/spec.ts';
import type { EventRow } from '#lib/table/event-table-builder.ts';
import { eventsOf, meanPeriodNs, type PlainEvent } from './events-of.ts';

const SPEC = scenarioSpec('healthy', { layers: 20, denseLayers: 2, noise: NO_NOISE });

function run(faults: Faults, spec = SPEC): PlainEvent[] {
  return eventsOf(simulateSteps(spec, { steps: 2, seed: 4, faults }));
}

function meanDurationNs(events: PlainEvent[], stage: string, worker: string): number {
  const own = events.filter((event) => event.stage === stage && event.worker === worker);
  return own.reduce((sum, event) => sum + event.durationNs, 0) / own.length;
}

const endNs = (events: PlainEvent[]) => Math.max(...events.map((event) => event.endNs));

it('slow rank: its compute takes longer at the same load, and everyone waits for it', () => {
  const healthy = run({});
  const slow = run({ slowRank: { role: 'attention', rank: 5, factor: 1.3 } });
  const ratio = (worker: string) =>
    meanDurationNs(slow, 'attention', worker) / meanDurationNs(healthy, 'attention', worker);
  expect(ratio('attention/5')).toBeCloseTo(1.3, 3);
  expect(ratio('attention/4')).toBe(1);
  expect(meanDurationNs(slow, 'expert', 'ffn/0')).toBe(meanDurationNs(healthy, 'expert', 'ffn/0'));
  expect(meanPeriodNs(slow, 5, 18) / meanPeriodNs(healthy, 5, 18)).toBeCloseTo(1.3, 2);
});

it('long context: slow as well, but its load says why', () => {
  const events = run({ longContext: { rank: 2, factor: 2 } });
  const ratio =
    meanDurationNs(events, 'attention', 'attention/2') /
    meanDurationNs(events, 'attention', 'attention/1');
  expect(ratio).toBeCloseTo(SPEC.attentionFixedRatio + 2 * (1 - SPEC.attentionFixedRatio), 3);
  const context = (rank: number) =>
    events.find((e) => e.stage === 'attention' && e.rank === rank)!.measure('contextTokens');
  expect(context(2)).toBe(2 * context(1));
});

it('hot expert: in its layers one rank gets the tokens that the others lose', () => {
  const events = run({ hotExpert: { rank: 1, factor: 2, fromLayer: 5, toLayer: 9 } });
  const experts = events.filter((event) => event.stage === 'expert');
  for (const event of experts) {
    const hot = event.layer >= 5 && event.layer <= 9;
    const share = event.measure('tokens') / (SPEC.requests * 8 * 8);
    expect(share).toBeCloseTo(!hot ? 1 / 4 : event.rank === 1 ? 2 / 4 : 2 / 12, 3);
    if (hot && event.rank === 1) {
      expect(event.measure('expertsMaxTokens')).toBeGreaterThan(event.measure('tokens') / 2);
      expect(event.durationNs / SPEC.expertNs).toBeCloseTo(0.3 + 0.7 * 2, 3);
    }
  }
});

it('communication tail: the given part of the transfers takes longer', () => {
  const events = run({ commTail: { probability: 0.2, factor: 7 } });
  const sends = events.filter((event) => event.stage === 'a2f_send');
  const long = sends.filter((event) => event.durationNs === 7 * SPEC.a2fNs);
  const usual = sends.filter((event) => event.durationNs === SPEC.a2fNs);
  expect(long.length + usual.length).toBe(sends.length);
  expect(Math.abs(long.length / sends.length - 0.2)).toBeLessThan(0.05);
});

it('host gap: every step of every attention worker starts with it', () => {
  const added = 5e6;
  const events = run({ hostGapNs: added });
  const gaps = events.filter((event) => event.stage === 'host');
  expect(gaps.map((gap) => gap.durationNs)).toEqual(
    new Array(2 * SPEC.attentionWorkers).fill(SPEC.hostGapNs + added),
  );
  expect(endNs(events) - endNs(run({}))).toBe(2 * added);
});

it('clock offset: moves the reports of a host or a worker, and nothing else', () => {
  const straight = run({});
  const skewed = run({
    clockOffset: [
      { target: 'node-1', offsetNs: -250_000 },
      { target: 'attention/3', offsetNs: 1000 },
    ],
  });
  expect(skewed.length).toBe(straight.length);
  skewed.forEach((event, i) => {
    const offset = event.role === 'ffn' ? -250_000 : event.worker === 'attention/3' ? 1000 : 0;
    expect(event.startNs - straight[i]!.startNs).toBe(offset);
    expect(event.durationNs).toBe(straight[i]!.durationNs);
  });
});

it('clock drift: the clock runs fast from the start on, durations too', () => {
  const straight = run({});
  const skewed = run({ clockOffset: [{ target: 'node-1', offsetNs: 1000, driftPpm: 50 }] });
  skewed.forEach((event, i) => {
    const { startNs, endNs } = straight[i]!;
    const reported = (ns: number): number =>
      event.role === 'ffn' ? ns + 1000 + Math.round(ns * 50e-6) : ns;
    expect(event.startNs).toBe(reported(startNs));
    expect(event.endNs).toBe(reported(endNs));
  });
});

it('lost spans: that part is missing, the rest is as it was', () => {
  const all = run({});
  const some = run({ lostSpansRatio: 0.25 });
  expect(Math.abs(some.length / all.length - 0.75)).toBeLessThan(0.03);
  const text = (event: PlainEvent) => JSON.stringify(event);
  const known = new Set(all.map(text));
  expect(some.every((event) => known.has(text(event)))).toBe(true);
});

it.each([
  { role: 'attention', rank: 6 },
  { role: 'ffn', rank: 3 },
] as const)('hung $role rank: no step completes until it is gone, then all goes on', (hung) => {
  const events: EventRow[] = [];
  const simulation = new PipelineSimulation(SPEC, 1, { add: (event) => events.push(event) });
  expect(simulation.nextStep()).toMatchObject({ completed: true });
  const perStep = events.length;

  simulation.setFaults({ hungRank: hung });
  expect(simulation.nextStep()).toMatchObject({ completed: false });
  const partial = events.length - perStep;
  expect(partial).toBeGreaterThan(perStep / 4);
  expect(partial).toBeLessThan(perStep);
  // Waiting changes nothing.
  expect(simulation.nextStep()).toMatchObject({ completed: false });
  expect(events.length).toBe(perStep + partial);

  const resumedNs = simulation.nowNs + 3e9;
  simulation.skipTo(resumedNs, 0);
  simulation.setFaults({});
  expect(simulation.nextStep()).toMatchObject({ completed: true });
  expect(events.length).toBe(2 * perStep);
  const after = events.slice(perStep + partial);
  expect(
    Math.min(...after.map((event) => event.startNs + event.durationNs)),
  ).toBeGreaterThanOrEqual(resumedNs);
  expect(simulation.nextStep()).toMatchObject({ completed: true });
  expect(events.length).toBe(3 * perStep);
});

it('leaves out steps that nobody observes, and starts the next at the time given', () => {
  const events: EventRow[] = [];
  const simulation = new PipelineSimulation(SPEC, 1, { add: (event) => events.push(event) }, 100);
  const { endNs: firstEndNs } = simulation.run(2);
  simulation.skipTo(firstEndNs + 5e8, 18);
  simulation.nextStep();
  expect([...new Set(events.map((event) => event.step))]).toEqual([100, 101, 120]);
  const third = events.filter((event) => event.step === 120);
  expect(Math.min(...third.map((event) => event.startNs))).toBe(firstEndNs + 5e8);
  expect(simulation.nextStepNumber).toBe(121);
});

it('counts compute whether or not its span is lost', () => {
  const events: EventRow[] = [];
  const simulation = new PipelineSimulation(SPEC, 1, { add: (event) => events.push(event) });
  simulation.setFaults({ lostSpansRatio: 1 });
  simulation.nextStep();
  expect(events).toEqual([]);
  const perBatch = SPEC.attentionNs + SPEC.gateNs + SPEC.combineNs;
  const dense = SPEC.denseLayers * (SPEC.attentionNs + SPEC.denseNs);
  const moe = (SPEC.layers - SPEC.denseLayers) * perBatch;
  expect(simulation.computeNs[0]).toBe(SPEC.microbatches * (dense + moe) + SPEC.sampleNs);
});
