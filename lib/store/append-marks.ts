/**
 * What one append notes of events that were refused, changed, late or there before, by second. Pure;
 * the memory and SQLite stores share it.
 */
import { NS_PER_S, type UnixNanos } from '#lib/base/units.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { type IngestMark, IngestMarks, SecondsAfter } from '#lib/table/ingest-marks.ts';
import type { PackedTable } from '#lib/table/packed-table.ts';
import type { RejectReason } from '#lib/table/reject-reasons.ts';
import type { TelemetryBatch } from './telemetry-store.ts';

/** How far a sender's clock may be ahead: events beyond count when they were received. */
const MAX_AHEAD_S = 3600;

/** A mark whose second is settled: that of the event, or that of its receipt. */
export interface PlacedMark {
  readonly deployment: string;
  readonly reason: RejectReason;
  readonly unixS: number;
  readonly events: number;
}

/**
 * `duplicates[i]`: batch `i` was stored before, so all of its events are `duplicate`. `knownSteps`:
 * those of packed steps that were stored before, of the other batches.
 */
export function marksOfAppend(
  batches: readonly TelemetryBatch[],
  duplicates: readonly boolean[],
  knownSteps: readonly IngestMark[],
): readonly PlacedMark[] {
  const placed = new IngestMarks();
  let receivedS = 0;
  const place = (marks: readonly IngestMark[]) => {
    for (const { deployment, reason, unixS, events } of marks) {
      const isKnown = unixS !== null && unixS <= receivedS + MAX_AHEAD_S;
      placed.add(deployment, reason, isKnown ? unixS : receivedS, events);
    }
  };
  for (const [index, batch] of batches.entries()) {
    receivedS = secondOf(batch.receivedUnixNs);
    place(duplicates[index] === true ? duplicatesOf(batch) : (batch.marks ?? []));
  }
  place(knownSteps);
  // Those beyond the bound on seconds have none.
  return placed.list().map((mark) => ({ ...mark, unixS: mark.unixS ?? receivedS }));
}

function secondOf(instant: UnixNanos): number {
  return Number(instant / BigInt(NS_PER_S));
}

/** Every event of a batch. Metric points have no place on a timeline. */
function duplicatesOf({ events, packed }: TelemetryBatch): IngestMark[] {
  const marks = new IngestMarks();
  for (const table of events) markEvents(table, marks);
  for (const table of packed) {
    const seconds = new SecondsAfter(table.baseUnixNs);
    for (let row = 0; row < table.length; row++) markStep(table, row, seconds, marks);
  }
  return marks.list();
}

function markEvents(table: EventTable, marks: IngestMarks): void {
  const seconds = new SecondsAfter(table.baseUnixNs);
  for (let row = 0; row < table.length; row++) {
    const { deployment } = table.workers[table.worker[row]!]!;
    marks.add(deployment, 'duplicate', seconds.at(table.startNs[row]!), 1);
  }
}

/** A packed step counts whole in the second in which it begins. */
export function markStep(
  table: PackedTable,
  row: number,
  seconds: SecondsAfter,
  marks: IngestMarks,
): void {
  const { deployment } = table.workers[table.worker[row]!]!;
  marks.add(deployment, 'duplicate', seconds.at(table.startNs[row]!), table.stepEvents[row]!);
}
