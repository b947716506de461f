/**
 * Collects decoded requests and commits them together, so that one sync to disk serves all that
 * came within a few milliseconds.
 *
 *     request --decode--> group --(queue empty and idle, or old, or large)--> append --> answers
 */
import type { IngestOutcome, IngestReply, IngestRequest } from '#collector/messages.ts';
import { errorText } from '#lib/base/error-text.ts';
import type { Result } from '#lib/base/result.ts';
import { unixNanosFromMs } from '#lib/base/units.ts';
import type { Decoded, Encoding, MalformedBody, Signal } from '#lib/ingest/decoded.ts';
import type { AppendOutcome, TelemetryBatch, TelemetryStore } from '#lib/store/telemetry-store.ts';
import type { PackedTimes } from '#lib/table/packed-times.ts';
import { REJECT_REASONS, type RejectCounts } from '#lib/table/reject-reasons.ts';
import { batchIdOf } from './batch-id.ts';
import type { CommitPolicy, CommitReport } from './thread-messages.ts';

/** One request on its way to the store; `replyId` undefined: nobody waits for it. */
export interface PendingBatch {
  readonly replyId: number | undefined;
  readonly bodyBytes: number;
  /** Until when its sender waits (`IngestRequest.answerByMs`). */
  readonly answerByMs?: number | undefined;
  readonly batch: TelemetryBatch;
  /** When the events of `batch.packed` took place; absent: read them again. */
  readonly packedTimes?: readonly PackedTimes[];
  readonly received: number;
  readonly rejectedCount: number;
  readonly rejectedMessage: string;
}

export interface GroupCommitHooks {
  /** Nobody reads the body any more. */
  decoded?(body: Uint8Array): void;
  reply(replies: readonly IngestReply[]): void;
  /** After a commit; `outcomes` in the order of `group`. */
  committed(group: readonly PendingBatch[], outcomes: readonly AppendOutcome[]): void;
  /** What nobody waits for and could not be stored. */
  lost(pending: PendingBatch): void;
  report(commit: CommitReport): void;
  /** After every commit: what the store threw where it refuses; undefined: it works. */
  storeState(failure: unknown): void;
  /** The store refused it; true: it is kept, and comes again by `add`. */
  mayWait(pending: PendingBatch): boolean;
  warn(message: string): void;
}

interface RequestDecoder {
  decode(signal: Signal, encoding: Encoding, body: Uint8Array): Result<Decoded, MalformedBody>;
}

const RETRY_AFTER_S = 5;

export class GroupCommit {
  readonly #store: Pick<TelemetryStore, 'append'>;
  readonly #decoder: RequestDecoder;
  readonly #policy: CommitPolicy;
  readonly #hooks: GroupCommitHooks;
  #group: PendingBatch[] = [];
  #groupBytes = 0;
  #firstAtMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #committing: Promise<void> | undefined;
  malformedRequests = 0;
  decodeErrors = 0;
  commits = 0;
  failedCommits = 0;

  constructor(
    store: Pick<TelemetryStore, 'append'>,
    decoder: RequestDecoder,
    policy: CommitPolicy,
    hooks: GroupCommitHooks,
  ) {
    this.#store = store;
    this.#decoder = decoder;
    this.#policy = policy;
    this.#hooks = hooks;
  }

  accept(request: IngestRequest): void {
    const bodyBytes = request.body.byteLength;
    const batchId = request.batchId ?? batchIdOf(request.signal, request.body);
    const outcome = this.#decode(request);
    this.#hooks.decoded?.(request.body);
    if ('status' in outcome) {
      this.#hooks.reply([{ type: 'reply', id: request.id, outcome }]);
      return;
    }
    if (isEmpty(outcome)) {
      // Nothing to put on disk, so nothing to wait for.
      this.#hooks.reply([replyTo(request.id, outcome, false)]);
      return;
    }
    this.add({
      replyId: request.id,
      bodyBytes,
      answerByMs: request.answerByMs,
      batch: {
        batchId,
        receivedUnixNs: unixNanosFromMs(Date.now()),
        events: outcome.events,
        packed: outcome.packed,
        metrics: outcome.metrics,
        rejected: outcome.rejected,
        marks: outcome.marks,
        logRecords: outcome.logRecords,
      },
      packedTimes: outcome.packedTimes,
      received: outcome.received,
      rejectedCount: outcome.rejectedCount,
      rejectedMessage: outcome.rejectedMessage,
    });
  }

  add(pending: PendingBatch): void {
    const now = performance.now();
    if (this.#group.length === 0) this.#firstAtMs = now;
    this.#group.push(pending);
    this.#groupBytes += pending.bodyBytes;
    const ageMs = now - this.#firstAtMs;
    // A long queue keeps the event loop from its timers, so age is looked at here too.
    if (this.#groupBytes >= this.#policy.maxGroupBytes || ageMs >= this.#policy.maxDelayMs) {
      void this.#commitNow();
      return;
    }
    clearTimeout(this.#timer);
    const waitMs = Math.min(this.#policy.idleMs, this.#policy.maxDelayMs - ageMs);
    this.#timer = setTimeout(() => void this.#commitNow(), waitMs);
  }

  /** Resolves when everything that was accepted is committed (or refused) and answered. */
  async flush(): Promise<void> {
    while (this.#group.length > 0 || this.#committing !== undefined) await this.#commitNow();
  }

  #decode(request: IngestRequest): Decoded | IngestOutcome {
    try {
      const decoded = this.#decoder.decode(request.signal, request.encoding, request.body);
      if (decoded.ok) return decoded.value;
      this.malformedRequests++;
      return { status: 'malformed', message: decoded.error.message };
    } catch (error) {
      this.decodeErrors++;
      this.#hooks.warn(
        `decoding ${request.signal} (${request.encoding}) failed: ${errorText(error)}`,
      );
      return { status: 'failed', message: 'the request could not be decoded' };
    }
  }

  /** One commit at a time; what comes meanwhile is the next group. */
  async #commitNow(): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#committing !== undefined) {
      await this.#committing;
      return;
    }
    if (this.#group.length === 0) return;
    const group = this.#group;
    this.#group = [];
    this.#groupBytes = 0;
    this.#committing = this.#commit(group);
    await this.#committing;
    this.#committing = undefined;
    // Their timer may have fired, and found this commit, while it ran.
    if (this.#group.length > 0) {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => void this.#commitNow(), 0);
    }
  }

  async #commit(group: readonly PendingBatch[]): Promise<void> {
    const startedMs = performance.now();
    try {
      const outcomes = await this.#store.append(group.map(({ batch }) => batch));
      this.#settle(group, outcomes, performance.now() - startedMs);
    } catch (error) {
      await this.#failed(group, error, performance.now() - startedMs);
    }
  }

  #settle(
    group: readonly PendingBatch[],
    outcomes: readonly AppendOutcome[],
    commitMs: number,
  ): void {
    this.commits++;
    const replies: IngestReply[] = [];
    let events = 0;
    let metricPoints = 0;
    let duplicates = 0;
    const rejected: RejectCounts = {};
    for (const [i, pending] of group.entries()) {
      const duplicate = outcomes[i]?.duplicate === true;
      if (duplicate) {
        duplicates++;
        addCounts(rejected, { duplicate: eventsOf(pending.batch) });
      } else {
        const known = outcomes[i]?.duplicateStepEvents ?? 0;
        for (const counts of pending.batch.rejected.values()) addCounts(rejected, counts);
        addCounts(rejected, { duplicate: known });
        events += eventsOf(pending.batch) - known;
        metricPoints += rows(pending.batch.metrics);
      }
      if (pending.replyId !== undefined) replies.push(replyTo(pending.replyId, pending, duplicate));
    }
    this.#hooks.storeState(undefined);
    // Before the answers, so that whoever has one sees it counted.
    this.#hooks.report({
      ok: true,
      commitMs,
      requests: group.length,
      bodyBytes: bytesOf(group),
      events,
      metricPoints,
      duplicates,
      rejected,
    });
    this.#hooks.reply(replies);
    this.#hooks.committed(group, outcomes);
  }

  /**
   * A store that cannot take data refuses them all. Any other error is a fault of ours that one
   * request may trigger: each is tried alone, so that it cannot hold up the others for ever.
   */
  async #failed(group: readonly PendingBatch[], error: unknown, commitMs: number): Promise<void> {
    this.failedCommits++;
    this.#hooks.report({
      ok: false,
      commitMs,
      requests: group.length,
      bodyBytes: bytesOf(group),
      events: 0,
      metricPoints: 0,
      duplicates: 0,
      rejected: {},
    });
    const unavailable = isStoreUnavailable(error);
    if (!unavailable && group.length > 1) {
      for (const pending of group) await this.#commit([pending]);
      return;
    }
    if (!unavailable) this.#hooks.warn(`storing a request failed: ${errorText(error)}`);
    const outcome: IngestOutcome = unavailable
      ? {
          status: 'unavailable',
          message: 'the store cannot take data now; send again later',
          retryAfterS: RETRY_AFTER_S,
        }
      : { status: 'failed', message: 'the request could not be stored' };
    const replies: IngestReply[] = [];
    for (const pending of group) {
      if (pending.replyId === undefined) this.#hooks.lost(pending);
      else if (unavailable && this.#hooks.mayWait(pending)) continue;
      else replies.push({ type: 'reply', id: pending.replyId, outcome });
    }
    this.#hooks.reply(replies);
    // Last, so that everything that waits is there when it says that it works again.
    if (unavailable) this.#hooks.storeState(error);
  }
}

function isEmpty(decoded: Decoded): boolean {
  return (
    decoded.logRecords === 0 &&
    decoded.rejected.size === 0 &&
    eventsOf(decoded) === 0 &&
    rows(decoded.metrics) === 0
  );
}

function replyTo(
  id: number,
  counts: Pick<Decoded, 'received' | 'rejectedCount' | 'rejectedMessage'>,
  duplicate: boolean,
): IngestReply {
  const { received, rejectedCount, rejectedMessage } = counts;
  return {
    type: 'reply',
    id,
    outcome: { status: 'stored', received, rejectedCount, rejectedMessage, duplicate },
  };
}

/** By name: a store of another kind may have a class of its own. */
function isStoreUnavailable(error: unknown): boolean {
  return error instanceof Error && error.name === 'StoreUnavailableError';
}

function eventsOf({ events, packed }: Pick<TelemetryBatch, 'events' | 'packed'>): number {
  return packed.reduce((sum, table) => sum + table.events, rows(events));
}

function rows(tables: readonly { readonly length: number }[]): number {
  let total = 0;
  for (const table of tables) total += table.length;
  return total;
}

function addCounts(total: RejectCounts, more: RejectCounts): void {
  for (const reason of REJECT_REASONS) {
    const count = more[reason] ?? 0;
    if (count > 0) total[reason] = (total[reason] ?? 0) + count;
  }
}

function bytesOf(group: readonly PendingBatch[]): number {
  let total = 0;
  for (const { bodyBytes } of group) total += bodyBytes;
  return total;
}
