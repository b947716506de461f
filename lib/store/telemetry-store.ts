/**
 * Where telemetry lives. No blob, journal or transaction shows through, so that chunked SQLite and
 * row-shaped ClickHouse both serve it. Each store runs `test/lib/store/telemetry-contract.ts`.
 */
import type { UnixNanos } from '#lib/base/units.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { IngestMark } from '#lib/table/ingest-marks.ts';
import type { MetricTable } from '#lib/table/metric-table.ts';
import type { PackedTable } from '#lib/table/packed-table.ts';
import type { RejectCounts, RejectReason } from '#lib/table/reject-reasons.ts';
import type { DeploymentRollup, GroupRollup, WorkerRollup } from '#lib/table/rollups.ts';
import type { StageBands } from '#lib/table/stage-bands.ts';
import type { StageRollup, StageSlices } from '#lib/table/stage-rollups.ts';
import type { WantedColumns } from '#lib/table/wanted-columns.ts';

/** What one request brought, as the receiver decoded it. */
export interface TelemetryBatch {
  /** Hash of the request's bytes: the same batch is stored once, across restarts too. */
  readonly batchId: string;
  readonly receivedUnixNs: UnixNanos;
  /** Several tables where times lie too far apart for one base. */
  readonly events: readonly EventTable[];
  /** Packed steps, kept as received; a step that is stored already is left out and counted. */
  readonly packed: readonly PackedTable[];
  readonly metrics: readonly MetricTable[];
  /** Events that were refused or changed on the way in, per deployment ('' where unknown). */
  readonly rejected: ReadonlyMap<string, RejectCounts>;
  /** The same by second, of events alone. Absent: none has a place on the timeline. */
  readonly marks?: readonly IngestMark[];
  /** Log records that were accepted and not stored. */
  readonly logRecords: number;
}

export interface AppendOutcome {
  /** true: the batch was there before; nothing was added but the `duplicate` counts. */
  readonly duplicate: boolean;
  /** Number of the append: later ones have larger numbers, also after a restart. */
  readonly sequence: number;
  /**
   * For each of the batch's packed tables the rows that were stored now; null: all of them. None
   * where the batch is a duplicate.
   */
  readonly freshPacked: readonly (Uint32Array | null)[];
  /** Events of the packed steps that were stored before; counted as `duplicate`. */
  readonly duplicateStepEvents: number;
}

export interface AppendOptions {
  /**
   * Recorded elsewhere and brought here by people: not compared step by step with what senders
   * repeat, not counted as their duplicates, and left out of the sums by stage, whose finer levels
   * keep the newest hours only. Absent: false.
   */
  readonly imported?: boolean;
}

/** What an append brought that is not in the stage rollups yet: one of the two is null. */
export interface UnsummedPart {
  readonly sequence: number;
  readonly events: EventTable | null;
  readonly packed: PackedTable | null;
  /** Events that start in these seconds (since the epoch) are in them all the same. */
  readonly summedSeconds: ReadonlySet<number>;
}

/** By second since the epoch: events that start in it are summed through this append, too. */
export type SummedAhead = ReadonlyMap<number, number>;

export interface TimeWindow {
  readonly fromUnixNs: UnixNanos;
  /** Exclusive. */
  readonly toUnixNs: UnixNanos;
}

export interface EventSelection {
  readonly deployment: string;
  /** Absent: everything that is kept. An event is in if it overlaps the window. */
  readonly window?: TimeWindow;
  /** Worker ids, such as "attention/2". Absent: all workers. */
  readonly workers?: readonly string[];
  /** The optional columns that are needed; others may be left out. Absent: all. */
  readonly columns?: WantedColumns;
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

export interface StageRollupSelection extends RollupSelection {
  /** Worker ids. Absent: all workers. */
  readonly workers?: readonly string[];
  /** false: bins are not needed and may be left out, which is faster. */
  readonly sketches?: boolean;
}

/** `stage`: by stage and layer, from every event; `partition`: the exact partition of worker time. */
export type RollupKind = 'stage' | 'partition';

/** Stored buckets of one length that together hold a part of a window. */
export interface RollupPart {
  readonly resolutionNs: number;
  /** Whole buckets. */
  readonly window: TimeWindow;
}

export interface RollupPartsSelection {
  readonly kind: RollupKind;
  readonly deployment: string;
  readonly window: TimeWindow;
  /** Buckets at the edges of the window are no coarser, where so fine ones are still kept. */
  readonly finestNs: number;
  /** Buckets are no coarser, where finer ones are still kept. Absent: as coarse as there are. */
  readonly coarsestNs?: number;
}

/** Seconds that overlap the window. */
export type StageSlicesSelection = Omit<StageRollupSelection, 'resolutionNs'>;

/** The slices (50 ms) of one second of one worker. */
export interface StageSliceRow {
  readonly bucketStartUnixNs: UnixNanos;
  readonly workerId: string;
  readonly group: string;
  readonly role: string;
  readonly rank: number;
  readonly stageNames: readonly string[];
  readonly slices: StageSlices;
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

export interface IngestMarkSelection {
  /** '' for what is of no known deployment. */
  readonly deployment: string;
  readonly window: TimeWindow;
  /** Marks are added up to buckets of this length. */
  readonly resolutionS: number;
}

/** Events of a stretch of time that were refused, changed, late or there before. */
export interface IngestMarkBucket {
  /** Second since the epoch: of the events' start, or of their receipt where that is not known. */
  readonly startUnixS: number;
  /** As asked, or longer where what is that old is kept by the minute or the hour. */
  readonly lengthS: number;
  readonly reason: RejectReason;
  readonly events: number;
}

/** Totals since the database was made, per deployment ('' where unknown). */
export interface IngestTotals {
  readonly deployment: string;
  readonly acceptedEvents: number;
  /** Of these, what came by imports. */
  readonly importedEvents: number;
  readonly acceptedMetricPoints: number;
  readonly logRecords: number;
  readonly rejected: RejectCounts;
}

/** A window of a deployment whose raw events are kept. */
export interface Pin extends TimeWindow {
  readonly pinId: string;
  readonly deployment: string;
}

/** Which raw events of a window are kept, and what pinning the window keeps. */
export interface RawExtent {
  /** Of every chunk that overlaps the window: retention keeps or deletes whole ones. */
  readonly rawBytes: number;
  /** Times of those chunks, ascending, apart from each other; they may reach beyond the window. */
  readonly spans: readonly TimeWindow[];
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
  /** Chunks of events, packed chunks and journal. */
  readonly rawBytes: number;
  /** Packed steps that are not in chunks yet; part of rawBytes. */
  readonly journalBytes: number;
  /** Of these, what should be in chunks by now. */
  readonly compactionBacklogBytes: number;
  /** Start of the oldest raw event that is kept and that no pin keeps; null where there is none. */
  readonly oldestRawUnixNs: UnixNanos | null;
  /** Stored chunks that this reader could not read and left out of its scans. */
  readonly damagedChunks?: number;
}

/** The reading half: what the web app and the command line open. */
export interface TelemetryReader {
  /** Bounded slices, oldest chunk first; rows of a slice in no particular order. */
  scanEvents(selection: EventSelection): AsyncIterable<EventTable>;
  /**
   * The same, but packed steps stay packed (`'bytes' in slice` tells them apart): whole steps that
   * overlap the window. For readers that need their directory only.
   */
  scanSteps(selection: EventSelection): AsyncIterable<EventTable | PackedTable>;
  scanMetrics(selection: MetricSelection): AsyncIterable<MetricTable>;
  /** Rows whose bucket overlaps the window, ordered by bucket, then worker. */
  workerRollups(selection: RollupSelection): Promise<readonly WorkerRollup[]>;
  deploymentRollups(selection: RollupSelection): Promise<readonly DeploymentRollup[]>;
  /** Buckets that overlap the window, ordered by bucket, then worker. */
  stageRollups(selection: StageRollupSelection): Promise<readonly StageRollup[]>;
  /** The sums over each group's workers, by bucket, then group; workerId is "group/*", rank -1. */
  stageGroups(selection: RollupSelection): Promise<readonly StageRollup[]>;
  /** All workers by stage, by bucket. */
  stageBands(selection: RollupSelection): Promise<readonly StageBands[]>;
  /** By second, then worker. Kept as long as rollups of one second. */
  stageSlices(selection: StageSlicesSelection): Promise<readonly StageSliceRow[]>;
  /** One row a worker: its sums over the buckets that overlap the window, dated as the first one. */
  workerRollupSums(selection: RollupSelection): Promise<readonly WorkerRollup[]>;
  /** One row a bucket and group, by bucket, then group. */
  groupRollups(selection: RollupSelection): Promise<readonly GroupRollup[]>;
  /**
   * Which buckets of which lengths add up to the window: coarse ones inside, finer ones at its edges
   * and where a coarse one isn't up to date. Ascending, each instant once.
   */
  rollupParts(selection: RollupPartsSelection): Promise<readonly RollupPart[]>;
  deployments(): Promise<readonly StoredDeployment[]>;
  ingestTotals(): Promise<readonly IngestTotals[]>;
  /** Buckets that overlap the window, by start, then reason. Not of imports. */
  ingestMarks(selection: IngestMarkSelection): Promise<readonly IngestMarkBucket[]>;
  /** Of the deployment, or of all, by start. */
  pins(deployment?: string): Promise<readonly Pin[]>;
  rawExtent(deployment: string, window: TimeWindow): Promise<RawExtent>;
  size(): Promise<StoreSize>;
  close(): Promise<void>;
}

export interface TelemetryStore extends TelemetryReader {
  /**
   * Resolves after a synchronous commit. Batches given together are committed together; the
   * outcomes are in their order. Idempotent on batchId, and on each packed step's content.
   * @throws StoreUnavailableError nothing of the call was stored
   */
  append(
    batches: readonly TelemetryBatch[],
    options?: AppendOptions,
  ): Promise<readonly AppendOutcome[]>;
  /** Batches whose ids begin so are new again. */
  forgetBatches(prefix: string): Promise<void>;
  /** Replaces rows of the same (deployment, worker, resolution, bucket). */
  putRollups(
    workers: readonly WorkerRollup[],
    deployments: readonly DeploymentRollup[],
  ): Promise<void>;
  /**
   * Adds partial sums to the stored ones of the same bucket and worker, and notes in the same commit
   * that every append up to `throughSequence` is in them now, and of later ones what `ahead` says
   * (in place of what it said before). The parts' memory is not kept.
   */
  addStageRollups(
    parts: readonly StageRollup[],
    throughSequence: number,
    ahead?: SummedAhead,
  ): Promise<void>;
  /** What a crash left out of the stage rollups, by sequence, in bounded slices. Read it before the first append. */
  unsummed(): AsyncIterable<UnsummedPart>;
  /**
   * One bounded slice of upkeep: deletes what the policy no longer keeps, moves the journal into
   * chunks, merges small chunks.
   */
  retain(policy: RetentionPolicy, nowUnixNs: UnixNanos): Promise<RetainOutcome>;
  /** Keeps raw events and metric points of the window from retention until `unpin`. */
  pin(pinId: string, deployment: string, window: TimeWindow): Promise<void>;
  unpin(pinId: string): Promise<void>;
}
