/** Event tables as packed steps that are kept as received, the way the collector gets them. */
import { DEFAULT_DECODE_LIMITS, Decoder } from '#lib/ingest/decoder.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { PackedTable } from '#lib/table/packed-table.ts';
import { encodePackedProtobuf } from './packed-spans.ts';

/** One table a deployment; throws where an event did not come through as it is. */
export function keptSteps(table: EventTable): readonly PackedTable[] {
  const decoder = new Decoder(DEFAULT_DECODE_LIMITS, { keepPacked: true });
  const decoded = decoder.decode('traces', 'protobuf', encodePackedProtobuf(table));
  if (!decoded.ok) throw new Error(decoded.error.message);
  const { packed, events } = decoded.value;
  const kept = packed.reduce((sum, steps) => sum + steps.events, 0);
  if (kept !== table.length || events.length > 0) {
    throw new Error(`kept ${kept} of ${table.length} events`);
  }
  return packed;
}
