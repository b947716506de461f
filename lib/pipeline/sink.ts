/**
 * Where a simulation writes its events. `EventTableBuilder` is one; so is an array that collects.
 * Rows come in the order in which the simulation learns of them, which is not start order.
 * `worker` is an index into `clusterWorkers(spec)`, `startNs` counts from the simulation's start.
 */
import type { EventRow } from '#lib/table/event-table-builder.ts';

export interface PipelineSink {
  add(event: EventRow): void;
}
