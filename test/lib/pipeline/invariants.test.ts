/** What must hold in every simulated pipeline, over random specs. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import type { PipelineSpec } from '#lib/pipeline/spec.ts';
import { pipelineSpecs } from '#test/support/arbitrary-spec.ts';
import { eventsOf, keyOf, type PlainEvent } from './events-of.ts';

const STEPS = 2;

function holds(check: (events: PlainEvent[], spec: PipelineSpec) => void): void {
  fc.assert(
    fc.property(pipelineSpecs, fc.integer({ min: 0, max: 1000 }), (spec, seed) => {
      check(eventsOf(simulateSteps(spec, { steps: STEPS, seed })), spec);
    }),
    { seed: 11, numRuns: 60 },
  );
}

const lastEnd = (events: readonly PlainEvent[]) => Math.max(...events.map((e) => e.endNs));
const firstStart = (events: readonly PlainEvent[]) => Math.min(...events.map((e) => e.startNs));

function disjoint(events: readonly PlainEvent[]): void {
  const sorted = [...events].sort((a, b) => a.startNs - b.startNs || a.endNs - b.endNs);
  for (let i = 1; i < sorted.length; i++) {
    expect(sorted[i]!.startNs).toBeGreaterThanOrEqual(sorted[i - 1]!.endNs);
  }
}

it('reports every stage of every micro-batch, layer and worker, in whole nanoseconds', () => {
  holds((events, spec) => {
    for (const event of events) {
      expect(Number.isInteger(event.startNs) && Number.isInteger(event.durationNs)).toBe(true);
      expect(event.durationNs).toBeGreaterThanOrEqual(0);
    }
    const count = (stage: string) => events.filter((event) => event.stage === stage).length;
    const { attentionWorkers: a, ffnWorkers: f, domains, microbatches: m } = spec;
    const moe = spec.layers - spec.denseLayers;
    const ranksTimesPeers = spec.sends === 'all' ? 1 : f;
    const domainRanks = spec.sends === 'all' ? domains : a;
    expect(count('attention')).toBe(STEPS * a * m * spec.layers);
    expect(count('dense')).toBe(STEPS * a * m * spec.denseLayers);
    expect(count('gate')).toBe(spec.gateNs > 0 ? STEPS * a * m * moe : 0);
    expect(count('combine')).toBe(spec.combineNs > 0 ? STEPS * a * m * moe : 0);
    expect(count('a2f_send')).toBe(STEPS * a * m * moe * ranksTimesPeers);
    expect(count('f2a_recv')).toBe(STEPS * a * m * moe * ranksTimesPeers);
    expect(count('expert')).toBe(STEPS * f * domains * m * moe);
    expect(count('a2f_recv')).toBe(STEPS * f * domainRanks * m * moe);
    expect(count('f2a_send')).toBe(STEPS * f * domainRanks * m * moe);
    expect(count('sample')).toBe(spec.sampleNs > 0 ? STEPS * a : 0);
    expect(count('host')).toBe(spec.hostGapNs > 0 ? STEPS * a : 0);
  });
});

it('computes one thing at a time on a worker, and never idles beside work that is ready', () => {
  holds((events) => {
    const byWorker = Map.groupBy(
      events.filter((event) => event.kind === 'compute'),
      (event) => event.worker,
    );
    for (const compute of byWorker.values()) disjoint(compute);
    const received = new Map<string, number>();
    for (const event of events) {
      if (event.stage !== 'a2f_recv') continue;
      const name = `${event.worker} ${keyOf(event)}`;
      received.set(name, Math.max(received.get(name) ?? 0, event.endNs));
    }
    for (const [worker, compute] of byWorker) {
      if (!worker.startsWith('ffn')) continue;
      const ends = new Set(compute.map((event) => event.endNs));
      for (const event of compute) {
        const readyNs = received.get(`${worker} ${keyOf(event)}`);
        expect(event.startNs === readyNs || ends.has(event.startNs)).toBe(true);
      }
    }
  });
});

it('ends a receive with the last send to it, and starts compute after it', () => {
  holds((events, spec) => {
    for (const ofKey of Map.groupBy(events, keyOf).values()) {
      const layer = ofKey[0]!.layer;
      if (layer < spec.denseLayers) continue;
      const of = (stage: string, worker?: string) =>
        ofKey.filter((e) => e.stage === stage && (worker === undefined || e.worker === worker));
      const to = (stage: string, rank: number) =>
        of(stage).filter((event) => event.peer === -1 || event.peer === rank);
      for (const expert of of('expert')) {
        const receives = of('a2f_recv', expert.worker);
        expect(lastEnd(receives)).toBeGreaterThanOrEqual(lastEnd(to('a2f_send', expert.rank)));
        const shared = of('shared_expert', expert.worker);
        expect(firstStart([expert, ...shared])).toBeGreaterThanOrEqual(lastEnd(receives));
        expect(firstStart(of('f2a_send', expert.worker))).toBeGreaterThanOrEqual(expert.endNs);
      }
      for (const attention of of('attention')) {
        const gate = of('gate', attention.worker);
        const sends = of('a2f_send', attention.worker);
        const receives = of('f2a_recv', attention.worker);
        expect(firstStart(sends)).toBeGreaterThanOrEqual(lastEnd([attention, ...gate]));
        expect(firstStart(receives)).toBe(lastEnd(sends));
        expect(lastEnd(receives)).toBe(lastEnd(to('f2a_send', attention.rank)));
        for (const combine of of('combine', attention.worker)) {
          expect(combine.startNs).toBeGreaterThanOrEqual(lastEnd(receives));
        }
      }
    }
  });
});

it('takes layers, and steps, one after the other', () => {
  holds((events, spec) => {
    const attention = events.filter((event) => event.role === 'attention');
    for (const ofWorker of Map.groupBy(attention, (e) => e.worker).values()) {
      const ofBatch = Map.groupBy(ofWorker, (e) => `${e.step}/${e.microbatch}`);
      for (const chain of ofBatch.values()) {
        if (chain[0]!.microbatch < 0) continue;
        const layers = Map.groupBy(chain, (event) => event.layer);
        for (let layer = 1; layer < spec.layers; layer++) {
          const start = layers.get(layer)!.find((event) => event.stage === 'attention')!.startNs;
          const before = layers.get(layer - 1)!.filter((event) => event.stage !== 'shared_expert');
          expect(start).toBeGreaterThanOrEqual(lastEnd(before));
        }
      }
      const steps = Map.groupBy(ofWorker, (event) => event.step);
      expect([...steps.keys()]).toEqual([0, 1]);
      expect(firstStart(steps.get(1)!)).toBeGreaterThanOrEqual(lastEnd(steps.get(0)!));
      for (const ofStep of steps.values()) {
        const sample = ofStep.filter((event) => event.stage === 'sample');
        if (sample.length > 0) expect(lastEnd(ofStep)).toBe(lastEnd(sample));
      }
    }
  });
});

it('has one send at a time on a link and one receive at a time per domain on an FFN worker', () => {
  holds((events, spec) => {
    if (spec.sends !== 'all') return;
    const sends = events.filter((event) => event.kind === 'transfer');
    for (const ofWorker of Map.groupBy(sends, (e) => e.worker).values()) disjoint(ofWorker);
    const receives = events.filter((event) => event.stage === 'a2f_recv');
    for (const ofLink of Map.groupBy(receives, (e) => `${e.worker} ${e.domain}`).values()) {
      disjoint(ofLink);
    }
  });
});

it('posts no FFN receive before the step starts', () => {
  holds((events) => {
    for (const ofStep of Map.groupBy(events, (e) => `${e.domain}/${e.step}`).values()) {
      const attention = ofStep.filter((event) => event.role === 'attention');
      expect(firstStart(ofStep)).toBe(firstStart(attention));
    }
  });
});

it('routes every token to as many experts as the model says, whoever gets it', () => {
  holds((events, spec) => {
    const experts = events.filter((event) => event.stage === 'expert');
    const senders = Map.groupBy(
      events.filter((event) => event.stage === 'attention'),
      (event) => event.domain,
    );
    for (const ofKey of Map.groupBy(experts, keyOf).values()) {
      const ranks = new Set(senders.get(ofKey[0]!.domain)!.map((event) => event.rank)).size;
      const routed = ofKey.reduce((sum, event) => sum + event.measure('tokens'), 0);
      const expected = spec.requests * ranks * spec.expertsPerToken;
      expect(Math.abs(routed - expected)).toBeLessThanOrEqual(spec.ffnWorkers);
      for (const event of ofKey) {
        expect(event.measure('expertsMaxTokens')).toBeGreaterThanOrEqual(
          Math.floor(event.measure('expertsMeanTokens')),
        );
        expect(event.measure('expertsActive')).toBeLessThanOrEqual(spec.experts);
      }
    }
  });
});
