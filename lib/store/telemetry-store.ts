/**
 * Where telemetry lives. No blob, journal or transaction shows through, so that chunked SQLite and
 * row-shaped ClickHouse both serve it. Each store runs `test/lib/store/telemetry-contract.ts`.
 */
import type { UnixNanos } from '#lib/base/units.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { MetricTable } from '#lib/table/metric-table.ts';
import type { RejectCounts } from '#lib/table/reject-reasons.ts';
import type { DeploymentRollup, WorkerRollup } from '#lib/table/rollups.ts';

/** What one request brought, as the receiver decoded it. */
export interface TelemetryBatch {
  /** Hash of the request's bytes: the same batch is stored once, across restarts too. */
  readonly batchId: string;
  readonly receivedUnixNs: UnixNanos;
  /** Several tables where times lie too far apart for one base. */
  readonly events: readonly EventTable[];
  readonly metrics: readonly MetricTable[];
  /** Events that were refused or changed on the way in, per deployment ('' where unknown). */
  readonly rejected: ReadonlyMap<string, RejectCounts>;
  /** Log records that were accepted and not stored. */
  readonly logRecords: number;
}

export interface AppendOutcome {
  /** true: the batch was there before; nothing was added but the `duplicate` counts. */
  readonly duplicate: boolean;
}

export interface TimeWindow {
  readonly fromUnixNs: UnixNanos;
  /** Exclusive. */
  readonly toUnixNs: UnixNanos;
}

export interface EventSelection {
  readonly deployment: string;
  /** Absent: everything that is kept. An event is in if it overlaps the window. */
  readonly window?: TimeWindow;
}

export interface MetricSelection {
  readonly deployment: string;
  readonly window: TimeWindow;
  /** Absent: all names. */
  readonly names?: readonly string[];
}

export interface RollupSelection {
  readonly deployment: string;
  readonly window: TimeWindow;
  readonly resolutionNs: number;
}

export interface StoredDeployment {
  readonly deployment: string;
  readonly topology: string;
  readonly groups: readonly {
    readonly group: string;
    readonly role: string;
    readonly workers: number;
  }[];
  readonly firstSeenUnixNs: UnixNanos;
  readonly lastSeenUnixNs: UnixNanos;
  /** Distinct (domain, step, incarnation-independent) steps seen; null where not kept. */
  readonly steps: number;
  readonly events: number;
}

/** Totals since the database was made, per deployment ('' where unknown). */
export interface IngestTotals {
  readonly deployment: string;
  readonly acceptedEvents: number;
  readonly acceptedMetricPoints: number;
  readonly logRecords: number;
  readonly rejected: RejectCounts;
}

export interface RetentionPolicy {
  readonly rawNs: number;
  readonly rawBytes: number;
  readonly rollupsNs: number;
}

export interface RetainOutcome {
  readonly deletedChunks: number;
  readonly deletedRollups: number;
  /** true: there is more to delete or to tidy; call again soon. */
  readonly more: boolean;
}

export interface StoreSize {
  readonly databaseBytes: number;
  readonly walBytes: number;
  readonly rawBytes: number;
  /** Start of the oldest raw event that is kept; null where there is none. */
  readonly oldestRawUnixNs: UnixNanos | null;
  /** Stored chunks that this reader could not read and left out of its scans. */
  readonly damagedChunks?: number;
}

/** The reading half: what the web app and the command line open. */
export interface TelemetryReader {
  /** Bounded slices, oldest chunk first; rows of a slice in no particular order. */
  scanEvents(selection: EventSelection): AsyncIterable<EventTable>;
  scanMetrics(selection: MetricSelection): AsyncIterable<MetricTable>;
  /** Rows whose bucket overlaps the window, ordered by bucket, then worker. */
  workerRollups(selection: RollupSelection): Promise<readonly WorkerRollup[]>;
  deploymentRollups(selection: RollupSelection): Promise<readonly DeploymentRollup[]>;
  deployments(): Promise<readonly StoredDeployment[]>;
  ingestTotals(): Promise<readonly IngestTotals[]>;
  size(): Promise<StoreSize>;
  close(): Promise<void>;
}

export interface TelemetryStore extends TelemetryReader {
  /**
   * Resolves after a synchronous commit. Batches given together are committed together; the
   * outcomes are in their order. Idempotent on batchId.
   */
  append(batches: readonly TelemetryBatch[]): Promise<readonly AppendOutcome[]>;
  /** Replaces rows of the same (deployment, worker, resolution, bucket). */
  putRollups(
    workers: readonly WorkerRollup[],
    deployments: readonly DeploymentRollup[],
  ): Promise<void>;
  /** Deletes what the policy no longer keeps, a bounded slice a call. */
  retain(policy: RetentionPolicy, nowUnixNs: UnixNanos): Promise<RetainOutcome>;
  /** Keeps raw events of the window from retention until `unpin`. */
  pin(pinId: string, deployment: string, window: TimeWindow): Promise<void>;
  unpin(pinId: string): Promise<void>;
}
