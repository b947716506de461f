/** A store with a cluster that was well for a while, and then was not. */
import { mergeRollups, rollupBuckets } from '#lib/analysis/rollup-buckets.ts';
import { addNanos, NS_PER_S, type UnixNanos, unixNanos } from '#lib/base/units.ts';
import { assemble } from '#lib/model/assemble.ts';
import { clusterWorkers } from '#lib/pipeline/cluster.ts';
import type { Faults } from '#lib/pipeline/faults.ts';
import { PipelineSimulation } from '#lib/pipeline/simulation.ts';
import type { PipelineSpec } from '#lib/pipeline/spec.ts';
import { openTelemetryWriter } from '#lib/store/open-store.ts';
import type { TelemetryStore, TimeWindow } from '#lib/store/telemetry-store.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { EventTableBuilder } from '#lib/table/event-table-builder.ts';
import { batchOf } from './telemetry-batch.ts';

export const FAULTY_BASE_UNIX_NS = unixNanos(1_767_225_600_000_000_000n);

export interface FaultyRun {
  readonly table: EventTable;
  /** Before the fault, and with it; equally long. */
  readonly before: TimeWindow;
  readonly after: TimeWindow;
}

/** Both windows last `seconds`; the fault is there from the first step after the first one on. */
export function faultyRun(
  spec: PipelineSpec,
  faults: Faults,
  seconds: number,
  seed = 11,
): FaultyRun {
  const builder = new EventTableBuilder(FAULTY_BASE_UNIX_NS, clusterWorkers(spec));
  const simulation = new PipelineSimulation(spec, seed, builder);
  const at = (ns: number): UnixNanos => addNanos(FAULTY_BASE_UNIX_NS, Math.round(ns));
  const spanNs = seconds * NS_PER_S;
  while (simulation.nowNs < spanNs) simulation.nextStep();
  const changeNs = simulation.nowNs;
  simulation.setFaults(faults);
  while (simulation.nowNs < changeNs + spanNs) if (!simulation.nextStep().completed) break;
  return {
    table: builder.finish(),
    before: { fromUnixNs: at(changeNs - spanNs), toUnixNs: at(changeNs) },
    after: { fromUnixNs: at(changeNs), toUnixNs: at(changeNs + spanNs) },
  };
}

let stores = 0;

/** In memory. With `rollups`, sums by second as a collector keeps them. */
export async function storeOf(
  run: Pick<FaultyRun, 'table' | 'after'>,
  deployment: string,
  rollups = false,
): Promise<TelemetryStore> {
  const store = await openTelemetryWriter({ data: `faulty-${stores++}`, store: 'memory:' });
  await store.append([batchOf('run', { events: [run.table] })]);
  if (rollups) {
    const assembled = assemble([run.table], deployment);
    const end = addNanos(run.after.toUnixNs, NS_PER_S);
    const fine = rollupBuckets(assembled, FAULTY_BASE_UNIX_NS, end, NS_PER_S);
    const tens = mergeRollups(fine, 10 * NS_PER_S);
    await store.putRollups(
      [...fine.workers, ...tens.workers],
      [...fine.deployments, ...tens.deployments],
    );
  }
  return store;
}
