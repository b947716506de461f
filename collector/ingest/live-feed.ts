/**
 * Sends committed tables to the live thread. The live thread answers what it took in; more than
 * `MAX_AHEAD` unanswered messages are never queued: the newest are dropped, for the live view
 * only, and counted; the next message names their time, so that the live thread makes those
 * rollups from the store. Where the live thread looks at some steps only, the others are left out
 * here, before they are copied. What is on disk is complete.
 */
import type { MessagePort } from 'node:worker_threads';
import type {
  ConsumedMessage,
  MissedSpan,
  RollupsMessage,
  SamplingMessage,
} from '#collector/messages.ts';
import type { UnixNanos } from '#lib/base/units.ts';
import type { AppendOutcome } from '#lib/store/telemetry-store.ts';
import { tableSpan } from '#lib/table/event-tables.ts';
import { earlierOf, laterOf } from '#lib/table/instants.ts';
import { packedSpan } from '#lib/table/packed-tables.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';
import { columnBuffers, packedBuffers } from './batch-buffers.ts';
import { committedMessage } from './committed-message.ts';
import type { PendingBatch } from './group-commit.ts';

/** At a commit every 50 ms this is a live thread 3 s behind. */
const MAX_AHEAD = 64;

interface TimeSpan {
  readonly fromUnixNs: UnixNanos;
  readonly toUnixNs: UnixNanos;
}

export class LiveFeed {
  readonly #transfers: boolean;
  readonly #onRollups: (message: RollupsMessage) => void;
  #port: MessagePort | undefined;
  #ahead = 0;
  #every: ReadonlyMap<string, number> = new Map();
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
    this.#every = new Map();
    port.on('message', (message: ConsumedMessage | RollupsMessage | SamplingMessage) => {
      if (message.type === 'rollups') this.#onRollups(message);
      else if (message.type === 'sampling') this.#every = message.every;
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
    if (this.#ahead >= MAX_AHEAD) {
      this.droppedMessages++;
      for (const [i, { batch }] of group.entries()) {
        if (outcomes[i]?.duplicate === true) continue;
        for (const table of batch.events) this.#miss(table, table.length, tableSpan(table));
        for (const table of batch.packed) this.#miss(table, table.events, packedSpan(table));
      }
      return;
    }
    const committed = committedMessage(group, outcomes, this.#every);
    const message = { ...committed, missed: [...this.#missed.values()] };
    this.#missed.clear();
    this.#ahead++;
    const buffers = this.#transfers ? columnBuffers(message) : [];
    // Packed steps were copied for the message, whoever keeps the tables.
    for (const table of message.packed) buffers.push(...packedBuffers(table));
    this.#port.postMessage(message, buffers);
  }

  #miss(
    table: { readonly workers: readonly WorkerInfo[] },
    events: number,
    span: TimeSpan | null,
  ): void {
    this.droppedEvents += events;
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
