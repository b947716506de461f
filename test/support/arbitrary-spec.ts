/** Random small pipelines: every shape, both ways to send, with noise and without. */
import fc from 'fast-check';
import { SCENARIO_NAMES, scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { NO_NOISE, type PipelineSpec } from '#lib/pipeline/spec.ts';

export const pipelineSpecs: fc.Arbitrary<PipelineSpec> = fc
  .record({
    scenario: fc.constantFrom(...SCENARIO_NAMES),
    attentionWorkers: fc.integer({ min: 1, max: 5 }),
    ffnWorkers: fc.integer({ min: 1, max: 4 }),
    domains: fc.integer({ min: 1, max: 2 }),
    microbatches: fc.integer({ min: 1, max: 4 }),
    layers: fc.integer({ min: 1, max: 7 }),
    denseLayers: fc.integer({ min: 0, max: 3 }),
    sends: fc.constantFrom('all' as const, 'per-peer' as const),
    sharedExpertNs: fc.constantFrom(0, 30_000),
    sharedExpertSide: fc.constantFrom('attention' as const, 'ffn' as const),
    gateNs: fc.constantFrom(0, 5000),
    combineNs: fc.constantFrom(0, 5000),
    sampleNs: fc.constantFrom(0, 90_000),
    hostGapNs: fc.constantFrom(0, 90_000),
    a2fNs: fc.constantFrom(1, 15_000, 400_000),
    noisy: fc.boolean(),
  })
  .map(({ scenario, noisy, ...changes }) =>
    scenarioSpec(scenario, {
      ...changes,
      domains: Math.min(changes.domains, changes.attentionWorkers),
      denseLayers: Math.min(changes.denseLayers, changes.layers),
      noise: noisy ? { compute: 0.3, transfer: 0.5, context: 0.2, routing: 0.3 } : NO_NOISE,
    }),
  );
