/** The memory of tables, to be handed over to another thread instead of copied. */
import type { TelemetryBatch } from '#lib/store/telemetry-store.ts';
import { type EventTable, LISTS, MEASURES } from '#lib/table/event-table.ts';
import type { MetricTable } from '#lib/table/metric-table.ts';
import type { PackedTable } from '#lib/table/packed-table.ts';

/** Of everything in the batch, each buffer once. */
export function batchBuffers(batch: TelemetryBatch): ArrayBuffer[] {
  const buffers = new Set(columnBuffers(batch));
  for (const table of batch.packed) {
    for (const buffer of packedBuffers(table)) buffers.add(buffer);
  }
  return [...buffers];
}

/** Each buffer once; tables may share one. */
export function columnBuffers(message: {
  readonly events: readonly EventTable[];
  readonly metrics: readonly MetricTable[];
}): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  const add = (column: { readonly buffer: ArrayBufferLike } | null): void => {
    if (column !== null && column.buffer instanceof ArrayBuffer) buffers.add(column.buffer);
  };
  for (const table of message.events) {
    add(table.startNs);
    add(table.durationNs);
    add(table.worker);
    add(table.domain);
    add(table.step);
    add(table.layer);
    add(table.microbatch);
    add(table.stage);
    add(table.kind);
    add(table.phase);
    add(table.peer);
    for (const name of MEASURES) add(table.measures[name]);
    for (const name of LISTS) {
      add(table.lists[name]?.offsets ?? null);
      add(table.lists[name]?.values ?? null);
    }
  }
  for (const table of message.metrics) {
    add(table.seriesIndex);
    add(table.timeNs);
    add(table.value);
    add(table.count);
    add(table.buckets?.offsets ?? null);
    add(table.buckets?.values ?? null);
  }
  return [...buffers];
}

export function packedBuffers(table: PackedTable): ArrayBuffer[] {
  const { worker, domain, step, startNs, endNs, stepEvents, offset, byteLength, bytes } = table;
  return [worker, domain, step, startNs, endNs, stepEvents, offset, byteLength, bytes].flatMap(
    ({ buffer }) => (buffer instanceof ArrayBuffer ? [buffer] : []),
  );
}
