/** What the main thread and the ingest thread say to each other, next to `IngestRequest`. */
import type { MessagePort } from 'node:worker_threads';
import type { ImportStep, ImportStepAnswer } from '#collector/import/import-steps.ts';
import type { IngestReply, IngestRequest } from '#collector/messages.ts';
import type { DecodeLimits } from '#lib/ingest/decode-limits.ts';
import type { Annotation, StateChanges } from '#lib/store/state-store.ts';
import type { StoreFailureReason } from '#lib/store/store-errors.ts';
import type { Pin, RetentionPolicy, StoreSize } from '#lib/store/telemetry-store.ts';
import type { RejectCounts } from '#lib/table/reject-reasons.ts';

/** When a group of requests is committed. */
export interface CommitPolicy {
  /** Longest time from the first undecided request to its commit. */
  readonly maxDelayMs: number;
  /** Commit earlier once no request came for so long. */
  readonly idleMs: number;
  /** Commit at once when the group holds so many request bytes. */
  readonly maxGroupBytes: number;
}

/** How often the ingest thread looks after itself, between requests. */
export interface Periods {
  readonly statsMs: number;
  /** Looking at sizes may read the file system and sum up rows. */
  readonly sizeMs: number;
  /** Tries of a store that refuses. */
  readonly probeMs: number;
  /** Sums by stage of seconds that seem to be complete go to the store. */
  readonly sumsMs: number;
  readonly retainMs: number;
  /** Pause between two slices where there is more to delete. */
  readonly retainAgainMs: number;
}

/** `workerData` of the ingest thread. */
export interface IngestThreadData {
  readonly dataDir: string;
  readonly store: string;
  readonly limits: DecodeLimits;
  readonly retention: RetentionPolicy;
  readonly policy: CommitPolicy;
  readonly periods: Periods;
  /** A write-ahead log over this refuses requests until a checkpoint shrinks it. */
  readonly maxWalBytes: number;
}

/** One group commit, as it went. */
export interface CommitReport {
  readonly ok: boolean;
  /** Time in the store's append, sync to disk included. */
  readonly commitMs: number;
  readonly requests: number;
  readonly bodyBytes: number;
  readonly events: number;
  readonly metricPoints: number;
  readonly duplicates: number;
  /** Events of the group that were refused, changed or there before, by reason. */
  readonly rejected: RejectCounts;
}

export type IngestState =
  | { readonly status: 'ok' }
  /** Requests are answered `unavailable`; it goes away by itself when its reason does. */
  | {
      readonly status: 'degraded';
      readonly name: StoreFailureReason | 'write-ahead-log';
      readonly reason: string;
      readonly sinceUnixMs: number;
    }
  /** The thread is gone; only a restart of the process helps. */
  | { readonly status: 'fatal'; readonly reason: string; readonly sinceUnixMs: number };

/** Totals of this process; what the database has counted since it was made is in the store. */
export interface IngestThreadStats {
  /** Processor time of the ingest thread so far. */
  readonly cpuMs: number;
  readonly decodeErrors: number;
  readonly malformedRequests: number;
  readonly commits: number;
  readonly failedCommits: number;
  /** Committed tables that the live thread did not get because it was behind: events in them. */
  readonly liveDroppedEvents: number;
  readonly liveDroppedMessages: number;
  /** Committed messages that the live thread has not answered yet. */
  readonly liveBehindMessages: number;
  readonly deletedChunks: number;
  readonly deletedRollups: number;
  readonly retentionFailures: number;
  readonly rollupFailures: number;
  /** Late events that could not be counted in the store, and are kept to be counted later. */
  readonly uncountedLateEvents: number;
  /** null before the first look, and where the store cannot be asked. */
  readonly size: StoreSize | null;
}

/** What is not telemetry, and pins: this thread holds the folder's lock, so it writes that, too. */
export type StateChange =
  | { readonly kind: 'put-annotation'; readonly annotation: Annotation }
  | { readonly kind: 'delete-annotation'; readonly annotationId: string }
  /** `found`: something of `remove` was there, or nothing was to be removed. */
  | { readonly kind: 'change-state'; readonly changes: StateChanges }
  | { readonly kind: 'pin'; readonly pin: Pin }
  | { readonly kind: 'unpin'; readonly pinId: string };

/** Main -> ingest. */
export type ToIngestThread =
  | IngestRequest
  | { readonly type: 'change'; readonly id: number; readonly change: StateChange }
  | { readonly type: 'import'; readonly id: number; readonly step: ImportStep }
  | { readonly type: 'live'; readonly port: MessagePort }
  | { readonly type: 'stop' };

/** Ingest -> main. */
export type FromIngestThread =
  | { readonly type: 'ready' }
  /** The store could not be opened: the thread ends. */
  | { readonly type: 'refused'; readonly message: string }
  | { readonly type: 'replies'; readonly replies: readonly IngestReply[] }
  | { readonly type: 'commit'; readonly commit: CommitReport }
  /** `found`: there was something to change; `failure`: why it is not written, or null. */
  | {
      readonly type: 'changed';
      readonly id: number;
      readonly found: boolean;
      readonly failure: string | null;
    }
  /** `failure`: why it is not done, or null. */
  | {
      readonly type: 'imported';
      readonly id: number;
      readonly answer: ImportStepAnswer | null;
      readonly failure: string | null;
    }
  | { readonly type: 'state'; readonly state: IngestState }
  | { readonly type: 'stats'; readonly stats: IngestThreadStats }
  /** Stored data was found to be lost when the store was opened. */
  | { readonly type: 'lost'; readonly message: string }
  /** Something that an operator should read; the thread goes on. */
  | { readonly type: 'warning'; readonly message: string }
  | { readonly type: 'stopped' };
