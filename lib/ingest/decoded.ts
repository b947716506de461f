/** What decoding a request gives: the same for every encoding and both transports. */
import type { EventTable } from '#lib/table/event-table.ts';
import type { IngestMark } from '#lib/table/ingest-marks.ts';
import type { MetricTable } from '#lib/table/metric-table.ts';
import type { PackedTable } from '#lib/table/packed-table.ts';
import type { PackedTimes } from '#lib/table/packed-times.ts';
import type { RejectCounts } from '#lib/table/reject-reasons.ts';

export type Signal = 'traces' | 'metrics' | 'logs';
export type Encoding = 'protobuf' | 'json';

export interface Decoded {
  readonly signal: Signal;
  /** Events, metric points or log records in the request; docs/schema.md says what an event is. */
  readonly received: number;
  readonly events: readonly EventTable[];
  /** Packed steps that are kept as received: none of their events is in `events`. */
  readonly packed: readonly PackedTable[];
  /** For each of `packed` when its events took place, for sums by stage and layer. */
  readonly packedTimes: readonly PackedTimes[];
  readonly metrics: readonly MetricTable[];
  readonly logRecords: number;
  /** Per deployment ('' where unknown). Late and duplicate are told later, by who knows the time. */
  readonly rejected: ReadonlyMap<string, RejectCounts>;
  /** The same by second, of events alone: metric points and log records have no place on a timeline. */
  readonly marks: readonly IngestMark[];
  /** Received and not stored: what OTLP's partial success reports. */
  readonly rejectedCount: number;
  /** One sentence for the sender: what was refused and what to set; '' when nothing was. */
  readonly rejectedMessage: string;
}

/** The request as a whole cannot be read: HTTP 400, gRPC INVALID_ARGUMENT. */
export interface MalformedBody {
  /** What is wrong and at which byte; safe to send to the client. */
  readonly message: string;
  readonly byteOffset: number;
}
