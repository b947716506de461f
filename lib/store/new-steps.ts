/** Of what is appended, the steps that are not stored yet, and what to tell about the others. */
import { type IngestMark, IngestMarks, SecondsAfter } from '#lib/table/ingest-marks.ts';
import type { PackedTable } from '#lib/table/packed-table.ts';
import { selectSteps } from '#lib/table/packed-tables.ts';
import { markStep } from './append-marks.ts';
import type { StepLedger } from './step-ledger.ts';
import type { AppendOutcome, TelemetryBatch } from './telemetry-store.ts';

const NO_ROWS = new Uint32Array(0);

export interface NewSteps {
  /** The batches that are no duplicates, without the steps that are known. */
  readonly fresh: readonly TelemetryBatch[];
  readonly outcomes: readonly AppendOutcome[];
  /** Events of known steps per deployment. */
  readonly stepEvents: ReadonlyMap<string, number>;
  /** The same by second. */
  readonly knownSteps: readonly IngestMark[];
}

/**
 * `duplicates[i]`: batch `i` as a whole was stored before. The ledger notes what is new; without one
 * (null) every step is.
 */
export function takeNewSteps(
  batches: readonly TelemetryBatch[],
  duplicates: readonly boolean[],
  sequence: number,
  ledger: StepLedger | null,
): NewSteps {
  const fresh: TelemetryBatch[] = [];
  const stepEvents = new Map<string, number>();
  const marks = new IngestMarks();
  const outcomes = batches.map((batch, index): AppendOutcome => {
    if (duplicates[index] === true) {
      const freshPacked = batch.packed.map(() => NO_ROWS);
      return { duplicate: true, sequence, freshPacked, duplicateStepEvents: 0 };
    }
    let duplicateStepEvents = 0;
    const freshPacked = batch.packed.map((table) => {
      const rows = ledger?.takeNew(table) ?? null;
      if (rows !== null) duplicateStepEvents += countKnown(table, rows, stepEvents, marks);
      return rows;
    });
    const packed = batch.packed.map((table, i) => {
      const rows = freshPacked[i]!;
      return rows === null ? table : selectSteps(table, rows);
    });
    fresh.push(duplicateStepEvents === 0 ? batch : { ...batch, packed });
    return { duplicate: false, sequence, freshPacked, duplicateStepEvents };
  });
  return { fresh, outcomes, stepEvents, knownSteps: marks.list() };
}

/** `rows`: the new ones, ascending. Adds the events of the others to `counts`, by deployment. */
function countKnown(
  table: PackedTable,
  rows: Uint32Array,
  counts: Map<string, number>,
  marks: IngestMarks,
): number {
  const seconds = new SecondsAfter(table.baseUnixNs);
  let total = 0;
  let next = 0;
  for (let i = 0; i < table.length; i++) {
    if (rows[next] === i) {
      next++;
      continue;
    }
    const { deployment } = table.workers[table.worker[i]!]!;
    counts.set(deployment, (counts.get(deployment) ?? 0) + table.stepEvents[i]!);
    markStep(table, i, seconds, marks);
    total += table.stepEvents[i]!;
  }
  return total;
}
