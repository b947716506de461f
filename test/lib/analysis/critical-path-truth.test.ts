/** The path that is found in the events is the one that the simulation went, event by event. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CriticalPaths } from '#lib/analysis/critical-path.ts';
import { indexDependencies } from '#lib/analysis/dependency-index.ts';
import { assemble } from '#lib/model/assemble.ts';
import type { EventDependencies } from '#lib/pipeline/dependency-recorder.ts';
import type { Faults } from '#lib/pipeline/faults.ts';
import { SCENARIO_NAMES, scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import type { PipelineSpec } from '#lib/pipeline/spec.ts';
import { workerId } from '#lib/table/worker-info.ts';
import { pipelineSpecs } from '#test/support/arbitrary-spec.ts';
import { type TrueSegment, truePath } from '#test/support/true-path.ts';

interface Compared {
  readonly found: TrueSegment[];
  readonly truth: TrueSegment[];
}

function bothPaths(spec: PipelineSpec, steps: number, seed: number, faults: Faults): Compared[] {
  const all: EventDependencies[] = [];
  const dependencies = { add: (one: EventDependencies) => all.push(one) };
  const table = simulateSteps(spec, { steps, seed, faults, dependencies });
  const assembled = assemble([table], spec.deployment);
  const { events } = assembled;
  const indexById = new Map(table.workers.map((info, w) => [workerId(info), w]));
  const shiftNs = Number(events.baseUnixNs - table.baseUnixNs);
  const paths = new CriticalPaths(indexDependencies(assembled));
  return Array.from({ length: assembled.steps.length }, (_, step) => {
    const found: TrueSegment[] = [];
    paths.walk(step, (startNs, endNs, worker, stage, layer, microbatch) => {
      found.push({
        startNs: startNs + shiftNs,
        endNs: endNs + shiftNs,
        worker: indexById.get(workerId(events.workers[worker]!))!,
        stage: stage < 0 ? 'gap' : events.stageNames[stage]!,
        layer,
        microbatch,
      });
    });
    const { domain, step: number } = assembled.steps;
    return { found, truth: truePath(all, domain[step]!, number[step]!) };
  });
}

const FAULTS: Record<string, Faults> = {
  none: {},
  slowRank: { slowRank: { role: 'ffn', rank: 1, factor: 1.4 } },
  slowAttention: { slowRank: { role: 'attention', rank: 3, factor: 1.4 } },
  longContext: { longContext: { rank: 2, factor: 2 } },
  hotExpert: { hotExpert: { rank: 0, factor: 2 } },
  commTail: { commTail: { probability: 0.05, factor: 10 } },
  hostGap: { hostGapNs: 400_000 },
  hungRank: { hungRank: { role: 'ffn', rank: 2, layer: 9 } },
};

describe.each(SCENARIO_NAMES)('%s', (name) => {
  it.each(Object.keys(FAULTS))('with fault %s', (fault) => {
    for (const sends of ['all', 'per-peer'] as const) {
      for (const domains of [1, 2]) {
        const spec = scenarioSpec(name, { layers: 14, sends, domains });
        const compared = bothPaths(spec, 3, 5, FAULTS[fault]!);
        expect(compared.length).toBeGreaterThanOrEqual(domains);
        for (const { found, truth } of compared) {
          expect(truth.length).toBeGreaterThan(30);
          expect(found).toEqual(truth);
        }
      }
    }
  });
});

it('of random noisy pipelines', () => {
  fc.assert(
    fc.property(pipelineSpecs, fc.integer({ min: 0, max: 1000 }), (shape, seed) => {
      const noise = { compute: 0.3, transfer: 0.5, context: 0.2, routing: 0.3 };
      for (const { found, truth } of bothPaths({ ...shape, noise }, 3, seed, {})) {
        expect(found).toEqual(truth);
      }
    }),
    { seed: 14, numRuns: 80 },
  );
});
