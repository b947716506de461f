/** A simulated cluster in which a rank hangs, for good or for a while. */
import { addNanos, type UnixNanos, unixNanos } from '#lib/base/units.ts';
import { clusterWorkers } from '#lib/pipeline/cluster.ts';
import type { Faults } from '#lib/pipeline/faults.ts';
import { PipelineSimulation } from '#lib/pipeline/simulation.ts';
import type { PipelineSpec } from '#lib/pipeline/spec.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { EventTableBuilder } from '#lib/table/event-table-builder.ts';

export const HUNG_BASE_UNIX_NS = unixNanos(1_767_225_600_000_000_000n);

export interface HungWorld {
  readonly table: EventTable;
  /** Number of the step that hung. */
  readonly step: number;
  readonly stopUnixNs: UnixNanos;
  /** Before the first thing that happened after; null: nothing did. */
  readonly resumedUnixNs: UnixNanos | null;
  readonly endUnixNs: UnixNanos;
}

export interface HungOptions {
  readonly stepsBefore?: number;
  readonly stepsAfter?: number;
  readonly forNs?: number;
  readonly seed?: number;
  readonly faults?: Faults;
  readonly baseUnixNs?: UnixNanos;
}

/** `stepsBefore` healthy steps, then the hang; `forNs`: it ends after so long, and steps follow. */
export function hungWorld(
  spec: PipelineSpec,
  hungRank: NonNullable<Faults['hungRank']>,
  options: HungOptions = {},
): HungWorld {
  const { stepsBefore = 4, stepsAfter = 3, forNs, seed = 5, faults = {} } = options;
  const base = options.baseUnixNs ?? HUNG_BASE_UNIX_NS;
  const builder = new EventTableBuilder(base, clusterWorkers(spec));
  const simulation = new PipelineSimulation(spec, seed, builder);
  simulation.setFaults(faults);
  if (stepsBefore > 0) simulation.run(stepsBefore);
  simulation.setFaults({ ...faults, hungRank });
  const step = simulation.nextStepNumber;
  simulation.nextStep();
  const stopNs = simulation.nowNs;
  let resumedNs: number | null = null;
  if (forNs !== undefined) {
    resumedNs = stopNs + forNs;
    simulation.skipTo(resumedNs, 0);
    simulation.setFaults(faults);
    simulation.run(stepsAfter);
  }
  const at = (ns: number) => addNanos(base, ns);
  return {
    table: builder.finish(),
    step,
    stopUnixNs: at(stopNs),
    resumedUnixNs: resumedNs === null ? null : at(resumedNs),
    endUnixNs: at(simulation.nowNs),
  };
}
