/** Steps of a simulated cluster in a store, as chunks of columns: ten steps a request, then merged. */
import { type UnixNanos, unixNanos } from '#lib/base/units.ts';
import { clusterWorkers } from '#lib/pipeline/cluster.ts';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { PipelineSimulation } from '#lib/pipeline/simulation.ts';
import type { TelemetryStore } from '#lib/store/telemetry-store.ts';
import { EventTableBuilder } from '#lib/table/event-table-builder.ts';

const STEPS_PER_BATCH = 10;
const KEEP = { rawNs: 1e18, rawBytes: 1e18, rollupsNs: 1e18 };

export const SIMULATED_FROM: UnixNanos = unixNanos(1_767_225_600_000_000_000n);

export interface SimulatedSteps {
  readonly steps: number;
  readonly attention: number;
  readonly ffn: number;
}

/** The deployment that they are of, and the number of events. */
export async function storeSimulatedSteps(
  store: TelemetryStore,
  { steps, attention, ffn }: SimulatedSteps,
): Promise<{ readonly deployment: string; readonly events: number }> {
  const spec = scenarioSpec('healthy', { attentionWorkers: attention, ffnWorkers: ffn });
  const workers = clusterWorkers(spec);
  let builder = new EventTableBuilder(SIMULATED_FROM, workers);
  const simulation = new PipelineSimulation(spec, 1, { add: (row) => builder.add(row) });
  let events = 0;
  for (let step = 0; step < steps; step += STEPS_PER_BATCH) {
    simulation.run(Math.min(STEPS_PER_BATCH, steps - step));
    const table = builder.finish();
    builder = new EventTableBuilder(SIMULATED_FROM, workers);
    await store.append([
      {
        batchId: `steps from ${step}`,
        receivedUnixNs: SIMULATED_FROM,
        events: [table],
        packed: [],
        metrics: [],
        rejected: new Map(),
        logRecords: 0,
      },
    ]);
    events += table.length;
  }
  for (let calls = 0; calls < 1000 && (await store.retain(KEEP, SIMULATED_FROM)).more; calls++);
  return { deployment: workers[0]!.deployment, events };
}
