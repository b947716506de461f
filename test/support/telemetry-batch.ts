import { unixNanos } from '#lib/base/units.ts';
import type { TelemetryBatch } from '#lib/store/telemetry-store.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { EventTableBuilder } from '#lib/table/event-table-builder.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';
import { testWorker } from './afd-table.ts';

/** 2026-11-18; ends in digits that a double would round away. */
export const BASE = 1_795_000_000_123_456_789n;

export function batchOf(batchId: string, fields: Partial<TelemetryBatch> = {}): TelemetryBatch {
  return {
    batchId,
    receivedUnixNs: unixNanos(BASE),
    events: [],
    packed: [],
    metrics: [],
    rejected: new Map(),
    logRecords: 0,
    ...fields,
  };
}

/** Compute events of one worker at `[start, duration, step?]`, offsets from BASE in ns. */
export function spans(
  times: readonly (readonly [startNs: number, durationNs: number, step?: number])[],
  worker: Partial<WorkerInfo> = {},
): EventTable {
  const builder = new EventTableBuilder(unixNanos(BASE), [testWorker(worker.rank ?? 0, worker)]);
  for (const [startNs, durationNs, step = 1] of times) {
    builder.add({ startNs, durationNs, step, worker: 0, stage: 0, kind: 0 });
  }
  return builder.finish();
}

export function window(fromNs: number, toNs: number) {
  return {
    fromUnixNs: unixNanos(BASE + BigInt(fromNs)),
    toUnixNs: unixNanos(BASE + BigInt(toNs)),
  };
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
