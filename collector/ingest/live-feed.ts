/**
 * Sends committed tables to the live thread. The live thread answers what it took in; more than
 * `MAX_AHEAD` unanswered messages are never queued: the newest are dropped, for the live view
 * only, and counted; the next message names their time, so that the live thread makes those
 * rollups from the store. What is on disk is complete.
 */
import type { MessagePort } from 'node:worker_threads';
import type {
  CommittedMessage,
  ConsumedMessage,
  MissedSpan,
  RollupsMessage,
} from '#collector/messages.ts';
import type { AppendOutcome } from '#lib/store/telemetry-store.ts';
import { type EventTable, LISTS, MEASURES } from '#lib/table/event-table.ts';
import { tableSpan } from '#lib/table/event-tables.ts';
import { earlierOf, laterOf } from '#lib/table/instants.ts';
import type { MetricTable } from '#lib/table/metric-table.ts';
import type { RejectCounts, RejectReason } from '#lib/table/reject-reasons.ts';
import type { PendingBatch } from './group-commit.ts';

/** At a commit every 50 ms this is a live thread 3 s behind. */
const MAX_AHEAD = 64;

export class LiveFeed {
  readonly #transfers: boolean;
  readonly #onRollups: (message: RollupsMessage) => void;
  #port: MessagePort | undefined;
  #ahead = 0;
  /** By deployment: what was dropped since the last message that went out. */
  readonly #missed = new Map<string, MissedSpan>();
  droppedMessages = 0;
  droppedEvents = 0;

  /** `transfers` false: the store keeps the tables that it was given. */
  constructor(transfers: boolean, onRollups: (message: RollupsMessage) => void) {
    this.#transfers = transfers;
    this.#onRollups = onRollups;
  }

  get behindMessages(): number {
    return this.#ahead;
  }

  attach(port: MessagePort): void {
    this.#port?.close();
    this.#port = port;
    this.#ahead = 0;
    port.on('message', (message: ConsumedMessage | RollupsMessage) => {
      if (message.type === 'rollups') this.#onRollups(message);
      else if (port === this.#port) this.#ahead = Math.max(0, this.#ahead - message.messages);
    });
    port.once('close', () => {
      if (port === this.#port) this.#port = undefined;
    });
  }

  close(): void {
    this.#port?.close();
    this.#port = undefined;
  }

  /** Gives the tables away; call it last. */
  send(group: readonly PendingBatch[], outcomes: readonly AppendOutcome[]): void {
    if (this.#port === undefined) return;
    const committed = committedMessage(group, outcomes);
    if (this.#ahead >= MAX_AHEAD) {
      this.droppedMessages++;
      for (const table of committed.events) this.#miss(table);
      return;
    }
    const message = { ...committed, missed: [...this.#missed.values()] };
    this.#missed.clear();
    this.#ahead++;
    this.#port.postMessage(message, this.#transfers ? buffersOf(message) : []);
  }

  #miss(table: EventTable): void {
    this.droppedEvents += table.length;
    const span = tableSpan(table);
    if (span === null) return;
    for (const { deployment } of table.workers) {
      const known = this.#missed.get(deployment) ?? { deployment, ...span };
      this.#missed.set(deployment, {
        deployment,
        fromUnixNs: earlierOf(known.fromUnixNs, span.fromUnixNs),
        toUnixNs: laterOf(known.toUnixNs, span.toUnixNs),
      });
    }
  }
}

function committedMessage(
  group: readonly PendingBatch[],
  outcomes: readonly AppendOutcome[],
): CommittedMessage {
  const events: EventTable[] = [];
  const metrics: MetricTable[] = [];
  const rejected = new Map<string, RejectCounts>();
  let logRecords = 0;
  for (const [i, { batch }] of group.entries()) {
    if (outcomes[i]?.duplicate === true) {
      for (const table of batch.events) countDuplicates(rejected, table);
      continue;
    }
    events.push(...batch.events);
    metrics.push(...batch.metrics);
    logRecords += batch.logRecords;
    for (const [deployment, counts] of batch.rejected) {
      for (const [reason, count] of Object.entries(counts)) {
        addCount(rejected, deployment, reason as RejectReason, count);
      }
    }
  }
  return { type: 'committed', events, metrics, rejected, logRecords, missed: [] };
}

function countDuplicates(rejected: Map<string, RejectCounts>, table: EventTable): void {
  for (let i = 0; i < table.length; i++) {
    addCount(rejected, table.workers[table.worker[i]!]?.deployment ?? '', 'duplicate', 1);
  }
}

function addCount(
  rejected: Map<string, RejectCounts>,
  deployment: string,
  reason: RejectReason,
  count: number,
): void {
  const counts = rejected.get(deployment) ?? {};
  counts[reason] = (counts[reason] ?? 0) + count;
  rejected.set(deployment, counts);
}

/** Each buffer once; tables may share one. */
function buffersOf(message: CommittedMessage): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  const add = (column: { readonly buffer: ArrayBufferLike } | null): void => {
    if (column !== null && column.buffer instanceof ArrayBuffer) buffers.add(column.buffer);
  };
  for (const table of message.events) {
    add(table.startNs);
    add(table.durationNs);
    add(table.worker);
    add(table.domain);
    add(table.step);
    add(table.layer);
    add(table.microbatch);
    add(table.stage);
    add(table.kind);
    add(table.phase);
    add(table.peer);
    for (const name of MEASURES) add(table.measures[name]);
    for (const name of LISTS) {
      add(table.lists[name]?.offsets ?? null);
      add(table.lists[name]?.values ?? null);
    }
  }
  for (const table of message.metrics) {
    add(table.seriesIndex);
    add(table.timeNs);
    add(table.value);
    add(table.count);
    add(table.buckets?.offsets ?? null);
    add(table.buckets?.values ?? null);
  }
  return [...buffers];
}
