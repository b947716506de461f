/** Simulated clusters as the sides of a comparison. */
import type { Comparison } from '#lib/analysis/compare-types.ts';
import type { CompareInput } from '#lib/analysis/compare-windows.ts';
import { assemble } from '#lib/model/assemble.ts';
import type { Faults } from '#lib/pipeline/faults.ts';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import type { PipelineSpec } from '#lib/pipeline/spec.ts';
import type { EventTable } from '#lib/table/event-table.ts';

/** Contexts drift for hundreds of steps: two runs that differ in them do differ. */
export const STEADY_NOISE = { compute: 0.03, transfer: 0.03, context: 0, routing: 0.02 };

/** 4A2F, 6 layers, of which one is dense: 24 steps are 8,000 events. */
export function smallSpec(changes: Partial<PipelineSpec> = {}): PipelineSpec {
  return scenarioSpec('ffn-bound', {
    attentionWorkers: 4,
    ffnWorkers: 2,
    layers: 6,
    denseLayers: 1,
    noise: STEADY_NOISE,
    ...changes,
  });
}

export function sideOf(
  spec: PipelineSpec,
  options: { readonly steps: number; readonly seed: number; readonly faults?: Faults },
): CompareInput {
  return sideOfTable(simulateSteps(spec, options), spec.deployment);
}

export function sideOfTable(table: EventTable, deployment: string): CompareInput {
  const assembled = assemble([table], deployment);
  return { assembled, window: { fromNs: assembled.firstStartNs, toNs: assembled.lastEndNs } };
}

export function figure(
  comparison: Comparison,
  id: string,
  place: string | null = null,
): Comparison['headline'][number] {
  const found = comparison.headline.find(
    (one) => one.id === id && (one.worker ?? one.group) === place,
  );
  if (found === undefined) throw new Error(`no figure ${id} of ${place}`);
  return found;
}
