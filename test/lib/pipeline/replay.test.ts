/**
 * What was recorded of a simulation starts at the same nanosecond again. The simulation is another
 * implementation of the rules, with workloads, noise and faults; the replay knows durations only.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NO_CHANGES } from '#lib/analysis/whatif-changes.ts';
import { programOf } from '#lib/analysis/whatif-program.ts';
import type { Faults } from '#lib/pipeline/faults.ts';
import { type ReplayTrace, replay } from '#lib/pipeline/replay.ts';
import { SCENARIO_NAMES, scenarioSpec } from '#lib/pipeline/scenarios.ts';
import type { PipelineSpec } from '#lib/pipeline/spec.ts';
import { recordWorld } from '#test/support/recorded-world.ts';

const specs: fc.Arbitrary<PipelineSpec> = fc
  .record({
    scenario: fc.constantFrom(...SCENARIO_NAMES),
    attentionWorkers: fc.integer({ min: 1, max: 5 }),
    ffnWorkers: fc.integer({ min: 1, max: 4 }),
    domains: fc.integer({ min: 1, max: 2 }),
    microbatches: fc.integer({ min: 1, max: 4 }),
    layers: fc.integer({ min: 2, max: 7 }),
    denseLayers: fc.integer({ min: 0, max: 3 }),
    sends: fc.constantFrom('all' as const, 'per-peer' as const),
    sharedExpertNs: fc.constantFrom(0, 30_000),
    sharedExpertSide: fc.constantFrom('attention' as const, 'ffn' as const),
    gateNs: fc.constantFrom(0, 5000),
    combineNs: fc.constantFrom(0, 5000),
    sampleNs: fc.constantFrom(0, 90_000),
    hostGapNs: fc.constantFrom(0, 90_000),
    a2fNs: fc.constantFrom(15_000, 400_000),
  })
  .map(({ scenario, ...changes }) =>
    scenarioSpec(scenario, {
      ...changes,
      domains: Math.min(changes.domains, changes.attentionWorkers),
      denseLayers: Math.min(changes.denseLayers, changes.layers - 1),
      // Without noise workers tie, and the order of ties is not in the record.
      noise: { compute: 0.2, transfer: 0.3, context: 0.1, routing: 0.2 },
    }),
  );

const faults: fc.Arbitrary<Faults> = fc.constantFrom<Faults>(
  {},
  { slowRank: { role: 'attention', rank: 0, factor: 1.5 } },
  { slowRank: { role: 'ffn', rank: 0, factor: 1.5 } },
  { longContext: { rank: 0, factor: 2 } },
  { hotExpert: { rank: 0, factor: 2 } },
  { commTail: { probability: 0.05, factor: 7 } },
  { hostGapNs: 300_000 },
);

test('every start of a simulated step comes out again', () => {
  fc.assert(
    fc.property(specs, faults, fc.integer({ min: 0, max: 999 }), (spec, fault, seed) => {
      const { recording, shares } = recordWorld(spec, { steps: 3, seed, faults: fault });
      const { program } = programOf(recording, NO_CHANGES, {
        attention: shares.attention.share,
        ffn: shares.ffn.share,
      });
      const trace: ReplayTrace = {
        attentionStartNs: recording.domains.map(
          (d) => new Float64Array(d.attention.startNs.length),
        ),
        ffnStartNs: recording.domains.map((d) => new Float64Array(d.ffn.startNs.length)),
      };
      const outcome = replay(program, trace);
      recording.domains.forEach((domain, d) => {
        expect(domain.steps).toBe(3);
        expect(outcome.stepStartNs[d]).toEqual(domain.startNs);
        expect(outcome.stepEndNs[d]).toEqual(domain.endNs);
        expect(trace.attentionStartNs[d]).toEqual(domain.attention.startNs);
        for (let cell = 0; cell < domain.ffn.startNs.length; cell++) {
          const recorded = domain.ffn.startNs[cell]!;
          if (!Number.isNaN(recorded)) expect(trace.ffnStartNs[d]![cell]).toBe(recorded);
        }
      });
    }),
    { seed: 21, numRuns: 60 },
  );
});
