/** What `alerts test` replays: a simulated scenario with a fault, or recorded events. */
import { z } from 'zod';
import {
  faultRequestSchema,
  faultsOf,
  parseFaultRequest,
} from '#collector/simulate/fault-request.ts';
import { durationMs } from '#lib/api/alert-rules.ts';
import { err, ok, type Result } from '#lib/base/result.ts';
import { NS_PER_MS } from '#lib/base/units.ts';
import { SCENARIO_NAMES, type ScenarioName, scenarioSpec } from '#lib/pipeline/scenarios.ts';
import type { PipelineSpec } from '#lib/pipeline/spec.ts';
import { SIMULATED_START, SimulatedFeed } from './simulated-feed.ts';

const duration = z
  .string()
  .refine((text) => durationMs(text) !== null, 'write a duration such as 30s or 5m');
const count = z.int().min(1).max(512);

/** As it stands in a test file, and as the flags of `alerts test` give it. */
export const scenarioInputSchema = z.strictObject({
  scenario: z.enum(SCENARIO_NAMES),
  attention: count.default(8),
  ffn: count.default(4),
  layers: z.int().min(2).max(256).default(61),
  /** As in `PUT /faults` (docs/simulated-cluster.md). */
  fault: faultRequestSchema.omit({ scenario: true }).optional(),
  fault_from: duration.default('30s'),
  /** Absent: to the end. */
  fault_for: duration.optional(),
  duration: duration.default('3m'),
  seed: z.int().min(0).default(1),
  events_per_second: z.int().min(100).max(1_000_000).default(9000),
});
export type ScenarioInput = z.output<typeof scenarioInputSchema>;

const SCENARIO_LAYERS = 61;

/** The scenario with so many workers and layers; what happens once a step shrinks with the step. */
export function shapedSpec(
  scenario: ScenarioName,
  shape: { readonly attention: number; readonly ffn: number; readonly layers: number },
): PipelineSpec {
  const whole = scenarioSpec(scenario);
  const part = shape.layers / SCENARIO_LAYERS;
  return {
    ...whole,
    attentionWorkers: shape.attention,
    ffnWorkers: shape.ffn,
    layers: shape.layers,
    denseLayers: Math.round(whole.denseLayers * part),
    sampleNs: Math.round(whole.sampleNs * part),
    hostGapNs: Math.round(whole.hostGapNs * part),
    listExperts: true,
  };
}

/** The error names what of the fault is not there. */
export function scenarioFeed(input: ScenarioInput): Result<SimulatedFeed, string> {
  const spec = shapedSpec(input.scenario, input);
  const fault = parseFaultRequest(input.fault ?? {}, spec);
  if (!fault.ok) {
    return err(fault.error.map(({ field, message }) => `fault.${field}: ${message}`).join('; '));
  }
  const fromNs = durationMs(input.fault_from)! * NS_PER_MS;
  const lastsMs = input.fault_for === undefined ? null : durationMs(input.fault_for)!;
  const toNs = lastsMs === null ? Number.POSITIVE_INFINITY : fromNs + lastsMs * NS_PER_MS;
  return ok(
    new SimulatedFeed({
      spec,
      seed: input.seed,
      fromUnixNs: SIMULATED_START,
      durationNs: durationMs(input.duration)! * NS_PER_MS,
      faults: [{ faults: faultsOf(fault.value), fromNs, toNs }],
      eventsPerSecond: input.events_per_second,
    }),
  );
}
