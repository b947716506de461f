/** Raw events of the store in bounded memory: of whole steps, evenly spread where all are too many. */
import { pickRows } from '#lib/live/partition-table.ts';
import { isLookedAt } from '#lib/live/step-sampling.ts';
import type { TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { StepUnpacker } from '#lib/table/packed-table.ts';
import { isPackedTable } from '#lib/table/packed-tables.ts';

export interface LookedAt {
  readonly tables: readonly EventTable[];
  /** One step in so many; 1: all. */
  readonly every: number;
}

/** A step is whole or not there. Events without a step are all there, however many they are. */
export async function loadLookedAt(
  reader: TelemetryReader,
  deployment: string,
  window: TimeWindow,
  maxEvents: number,
  unpacker: StepUnpacker,
): Promise<LookedAt> {
  let events = 0;
  for await (const slice of reader.scanSteps({ deployment, window })) {
    events += isPackedTable(slice) ? slice.events : slice.length;
  }
  let every = 1;
  while (events / every > maxEvents) every *= 2;
  const tables: EventTable[] = [];
  for await (const slice of reader.scanSteps({ deployment, window })) {
    const rows: number[] = [];
    for (let row = 0; row < slice.length; row++) {
      if (isLookedAt(slice.step[row]!, every)) rows.push(row);
    }
    if (rows.length === 0) continue;
    if (isPackedTable(slice)) tables.push(unpacker.unpack(slice, Uint32Array.from(rows)));
    else tables.push(rows.length === slice.length ? slice : pickRows(slice, rows));
  }
  return { tables, every };
}
