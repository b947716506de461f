/** Something that was read and can be stored: files as tables, or an archive that is read again. */
import type { Annotation } from '#lib/store/state-store.ts';
import type { TimeWindow } from '#lib/store/telemetry-store.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { MetricTable } from '#lib/table/metric-table.ts';
import type { PackedTable } from '#lib/table/packed-table.ts';
import type { RejectCounts } from '#lib/table/reject-reasons.ts';
import type { ContentsTally } from './import-batches.ts';

export type RecordedPart =
  | { readonly table: EventTable | PackedTable }
  | { readonly metrics: MetricTable };

export interface Recording {
  readonly tally: ContentsTally;
  readonly rejected: ReadonlyMap<string, RejectCounts>;
  readonly annotations: readonly Annotation[];
  /** What to open, by deployment, where that is not all there is. */
  readonly windows: ReadonlyMap<string, TimeWindow>;
  /** In bounded pieces, the same each time. */
  parts(): AsyncIterable<RecordedPart>;
}

/** A recording that cannot be taken; the message says why, and what to do. */
export class ImportError extends Error {
  override readonly name = 'ImportError';
}
