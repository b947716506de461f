/** What the collector's threads say to each other. Typed arrays inside tables are transferred. */

import type { UnixNanos } from '#lib/base/units.ts';
import type { Encoding, Signal } from '#lib/ingest/decoded.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { IngestMark } from '#lib/table/ingest-marks.ts';
import type { MetricTable } from '#lib/table/metric-table.ts';
import type { PackedTable } from '#lib/table/packed-table.ts';
import type { RejectCounts } from '#lib/table/reject-reasons.ts';
import type { DeploymentRollup, WorkerRollup } from '#lib/table/rollups.ts';

/** Main -> ingest: one request. `body` is transferred. */
export interface IngestRequest {
  readonly type: 'request';
  readonly id: number;
  readonly signal: Signal;
  readonly encoding: Encoding;
  readonly body: Uint8Array;
  /** What tells a retried request; absent: made from the body where it is read. */
  readonly batchId?: string;
  /**
   * Until when its sender waits, as `monotonicMs` gives it: a request that the store cannot take
   * may be kept and tried again so long. Absent: it is refused at once.
   */
  readonly answerByMs?: number;
}

/** Milliseconds of a clock that never jumps, and is the same in every thread. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}

/** Ingest -> main: its outcome, after the commit. */
export type IngestOutcome =
  | {
      readonly status: 'stored';
      readonly received: number;
      readonly rejectedCount: number;
      readonly rejectedMessage: string;
      readonly duplicate: boolean;
    }
  /** The body cannot be read: HTTP 400, gRPC INVALID_ARGUMENT. */
  | { readonly status: 'malformed'; readonly message: string }
  /** This request, and no other, cannot be stored: HTTP 500, gRPC INTERNAL; no retry. */
  | { readonly status: 'failed'; readonly message: string }
  /** The store cannot take it now (disk full, locked): HTTP 503, gRPC UNAVAILABLE; retry. */
  | { readonly status: 'unavailable'; readonly message: string; readonly retryAfterS: number }
  /** More comes than can be stored: HTTP 429, gRPC RESOURCE_EXHAUSTED; retry. */
  | { readonly status: 'overloaded'; readonly message: string; readonly retryAfterS: number };

export interface IngestReply {
  readonly type: 'reply';
  readonly id: number;
  readonly outcome: IngestOutcome;
}

/** Committed events that the live thread never got, because it was too far behind. */
export interface MissedSpan {
  readonly deployment: string;
  readonly fromUnixNs: UnixNanos;
  readonly toUnixNs: UnixNanos;
}

/** Ingest -> live, over their own MessagePort: what was just committed. */
export interface CommittedMessage {
  readonly type: 'committed';
  readonly events: readonly EventTable[];
  /** Payload bytes of their own; one table a deployment. */
  readonly packed: readonly PackedTable[];
  /** By deployment: events that were left out because the live view does not look at their steps. */
  readonly leftOut: ReadonlyMap<string, number>;
  readonly metrics: readonly MetricTable[];
  readonly rejected: ReadonlyMap<string, RejectCounts>;
  readonly logRecords: number;
  /** Since the message before: their rollups must be made from the store. */
  readonly missed: readonly MissedSpan[];
}

/**
 * Live -> ingest, over the same port: so many `committed` messages were taken in. The ingest thread
 * sends no more than a fixed number ahead of these answers; what does not fit is dropped for the
 * live view only, and counted.
 */
export interface ConsumedMessage {
  readonly type: 'consumed';
  readonly messages: number;
}

/** Live -> ingest, over the same port: one step in so many is looked at (lib/live/step-sampling.ts). */
export interface SamplingMessage {
  readonly type: 'sampling';
  /** Absent deployments: every step. */
  readonly every: ReadonlyMap<string, number>;
}

/** Live -> ingest, over the same port: buckets to store. */
export interface RollupsMessage {
  readonly type: 'rollups';
  readonly workers: readonly WorkerRollup[];
  readonly deployments: readonly DeploymentRollup[];
  /** Events that came after their bucket was closed: counted, not lost. */
  readonly late: readonly IngestMark[];
}
