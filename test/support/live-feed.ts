/** A simulated cluster that reports as OpenTelemetry's SDK does: each worker in batches, late. */
import type { CommittedMessage } from '#collector/messages.ts';
import type { UnixNanos } from '#lib/base/units.ts';
import { pickRows } from '#lib/live/partition-table.ts';
import type { Faults } from '#lib/pipeline/faults.ts';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import type { EventTable } from '#lib/table/event-table.ts';

/** 2026-11-23T14:00:00Z: a whole minute. */
export const FEED_START = 1_795_442_400_000_000_000n as UnixNanos;

/** Steps of about 75 ms with few events, so that half a minute is quickly assembled. */
export function slowSteps(options: {
  readonly seconds: number;
  readonly deployment?: string;
  readonly startUnixNs?: UnixNanos;
  readonly faults?: Faults;
}): EventTable {
  const healthy = scenarioSpec('healthy');
  const slow = 30;
  return simulateSteps(
    {
      ...healthy,
      deployment: options.deployment ?? 'demo',
      attentionWorkers: 2,
      ffnWorkers: 1,
      layers: 3,
      denseLayers: 0,
      attentionNs: healthy.attentionNs * slow,
      expertNs: healthy.expertNs * slow,
      a2fNs: healthy.a2fNs * slow,
      f2aNs: healthy.f2aNs * slow,
    },
    {
      steps: Math.ceil((options.seconds * 1000) / 75),
      seed: 7,
      startUnixNs: options.startUnixNs ?? FEED_START,
      ...(options.faults === undefined ? {} : { faults: options.faults }),
    },
  );
}

export interface Delivery {
  readonly atUnixNs: bigint;
  readonly table: EventTable;
}

/** Each worker sends what ended since its last batch, every `batchNs`, at a phase of its own. */
export function inBatches(table: EventTable, batchNs: number): Delivery[] {
  const rows = new Map<string, number[]>();
  for (let row = 0; row < table.length; row++) {
    const worker = table.worker[row]!;
    const phaseNs = (worker * batchNs) / (table.workers.length + 1);
    const endNs = table.startNs[row]! + table.durationNs[row]!;
    const batch = Math.floor((endNs + phaseNs) / batchNs);
    const key = `${worker} ${batch}`;
    const list = rows.get(key) ?? [];
    rows.set(key, list);
    list.push(row);
  }
  const deliveries: Delivery[] = [];
  for (const [key, own] of rows) {
    const [worker, batch] = key.split(' ').map(Number);
    const phaseNs = (worker! * batchNs) / (table.workers.length + 1);
    deliveries.push({
      atUnixNs: table.baseUnixNs + BigInt(Math.round((batch! + 1) * batchNs - phaseNs)),
      table: pickRows(table, own),
    });
  }
  return deliveries.sort((a, b) => (a.atUnixNs < b.atUnixNs ? -1 : 1));
}

export function committed(...events: EventTable[]): CommittedMessage {
  return {
    type: 'committed',
    events,
    packed: [],
    leftOut: new Map(),
    metrics: [],
    rejected: new Map(),
    logRecords: 0,
    missed: [],
  };
}
