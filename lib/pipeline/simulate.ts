/** The whole simulation in one call: what tests, benchmarks and the what-if use. */
import { type UnixNanos, unixNanos } from '#lib/base/units.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { EventTableBuilder } from '#lib/table/event-table-builder.ts';
import { clusterWorkers } from './cluster.ts';
import type { DependencySink } from './dependency-recorder.ts';
import { type Faults, NO_FAULTS } from './faults.ts';
import { PipelineSimulation } from './simulation.ts';
import type { PipelineSpec } from './spec.ts';

export interface SimulateOptions {
  readonly steps: number;
  readonly seed?: number;
  /** Default: 2026-01-01T00:00:00Z. */
  readonly startUnixNs?: UnixNanos;
  readonly firstStep?: number;
  readonly faults?: Faults;
  /** Takes what each event waited for. */
  readonly dependencies?: DependencySink;
}

const DEFAULT_START_UNIX_NS = unixNanos(1_767_225_600_000_000_000n);

/**
 * Events of `steps` consecutive steps of every domain, in no particular order. The same spec,
 * options and seed give the same table. A hung rank cuts the table where everyone waits.
 * @throws PipelineSpecError
 */
export function simulateSteps(spec: PipelineSpec, options: SimulateOptions): EventTable {
  const builder = new EventTableBuilder(
    options.startUnixNs ?? DEFAULT_START_UNIX_NS,
    clusterWorkers(spec),
  );
  const simulation = new PipelineSimulation(
    spec,
    options.seed ?? 1,
    builder,
    options.firstStep,
    options.dependencies,
  );
  simulation.setFaults(options.faults ?? NO_FAULTS);
  simulation.run(options.steps);
  return builder.finish();
}
