/** Simulated clusters whose steps take some hundred nanoseconds, so that every instant can be looked at. */
import * as fc from 'fast-check';
import type { Faults } from '#lib/pipeline/faults.ts';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import { NO_NOISE, type PipelineSpec } from '#lib/pipeline/spec.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { RANDOM_BASE_UNIX_NS } from './random-tables.ts';

export const tinySpecs: fc.Arbitrary<PipelineSpec> = fc
  .record({
    attentionWorkers: fc.integer({ min: 1, max: 3 }),
    ffnWorkers: fc.integer({ min: 1, max: 3 }),
    domains: fc.integer({ min: 1, max: 2 }),
    microbatches: fc.integer({ min: 1, max: 3 }),
    layers: fc.integer({ min: 1, max: 4 }),
    denseLayers: fc.integer({ min: 0, max: 1 }),
    attentionNs: fc.integer({ min: 1, max: 12 }),
    expertNs: fc.integer({ min: 1, max: 12 }),
    a2fNs: fc.integer({ min: 1, max: 12 }),
    f2aNs: fc.integer({ min: 1, max: 12 }),
    gateNs: fc.integer({ min: 0, max: 2 }),
    combineNs: fc.integer({ min: 0, max: 2 }),
    denseNs: fc.integer({ min: 0, max: 3 }),
    sharedExpertNs: fc.constantFrom(0, 4),
    sharedExpertSide: fc.constantFrom('attention' as const, 'ffn' as const),
    sampleNs: fc.constantFrom(0, 9),
    hostGapNs: fc.constantFrom(0, 12),
    sends: fc.constantFrom('all' as const, 'per-peer' as const),
    noisy: fc.boolean(),
  })
  .map(({ noisy, ...changes }) =>
    scenarioSpec('healthy', {
      ...changes,
      deployment: 'prod',
      requests: 4,
      contextTokens: 64,
      domains: Math.min(changes.domains, changes.attentionWorkers),
      denseLayers: Math.min(changes.denseLayers, changes.layers - 1),
      noise: noisy ? { compute: 0.3, transfer: 0.5, context: 0.2, routing: 0.3 } : NO_NOISE,
    }),
  );

const faults: fc.Arbitrary<Faults> = fc.constantFrom<Faults>(
  {},
  {},
  { slowRank: { role: 'attention', rank: 0, factor: 2 } },
  { slowRank: { role: 'ffn', rank: 0, factor: 2 } },
  { longContext: { rank: 0, factor: 3 } },
  { hostGapNs: 20 },
  { commTail: { probability: 0.2, factor: 5 } },
  { lostSpansRatio: 0.05 },
);

/** All hosts share one clock. */
export const tinyWorlds: fc.Arbitrary<EventTable> = fc
  .record({
    spec: tinySpecs,
    faults,
    seed: fc.nat(1_000_000),
    steps: fc.integer({ min: 1, max: 3 }),
  })
  .map(({ spec, steps, seed, faults: chosen }) => {
    const startUnixNs = RANDOM_BASE_UNIX_NS;
    const table = simulateSteps(spec, { steps, seed, faults: chosen, startUnixNs });
    const workers = table.workers.map((worker) => ({ ...worker, clockDomain: 'clock' }));
    return { ...table, workers };
  });
