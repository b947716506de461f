/**
 * The ingest thread: the only writer of the database. Its client is `ingest-client.ts`; the
 * messages are in `thread-messages.ts`.
 */
import { randomUUID } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { applyImportStep, type ImportStep } from '#collector/import/import-steps.ts';
import type { IngestOutcome, RollupsMessage } from '#collector/messages.ts';
import { ClockWatch } from '#collector/observe/clock-watch.ts';
import { assert } from '#lib/base/assert.ts';
import { errorText } from '#lib/base/error-text.ts';
import { GarbageWatch, giveBackStart } from '#lib/base/garbage-watch.ts';
import { releaseMemory } from '#lib/base/release-memory.ts';
import { unixNanosFromMs } from '#lib/base/units.ts';
import { Decoder } from '#lib/ingest/decoder.ts';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import type { DamagedChunk } from '#lib/store/sqlite/damage.ts';
import type { TelemetryBatch, TelemetryStore } from '#lib/store/telemetry-store.ts';
import { type IngestMark, IngestMarks } from '#lib/table/ingest-marks.ts';
import type { RejectCounts } from '#lib/table/reject-reasons.ts';
import { GroupCommit, type PendingBatch } from './group-commit.ts';
import { type HeldRequest, HeldRequests } from './held-requests.ts';
import { LiveFeed } from './live-feed.ts';
import { StageSums } from './stage-sums.ts';
import { applyStateChange } from './state-change.ts';
import { StoreSlot } from './store-slot.ts';
import { StoreWatch } from './store-watch.ts';
import type {
  FromIngestThread,
  IngestThreadData,
  StateChange,
  ToIngestThread,
} from './thread-messages.ts';

const RETRY_AFTER_S = 5;
/** Beside what is given back at once: columns of small tables, rows that were read. */
const GARBAGE_BYTES = 64 * 2 ** 20;
/** One comes for every second of each deployment and those above. */
const MAX_HELD_ROLLUPS = 1024;

const port = parentPort;
assert(port !== null, 'the ingest thread was started as a program');

function send(message: FromIngestThread): void {
  port?.postMessage(message);
}

class IngestThread {
  readonly #data: IngestThreadData;
  readonly #slot: StoreSlot;
  readonly #group: GroupCommit;
  readonly #live: LiveFeed;
  readonly #sums: StageSums;
  readonly #watch: StoreWatch;
  readonly #held = new HeldRequests();
  readonly #clock = new ClockWatch({ wallMs: Date.now, monotonicMs: () => performance.now() });
  readonly #garbage = new GarbageWatch(GARBAGE_BYTES);
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #late = new IngestMarks();
  #rollups: Promise<void> = Promise.resolve();
  #stopping = false;
  #deletedChunks = 0;
  #deletedRollups = 0;
  #retentionFailures = 0;
  #rollupFailures = 0;
  readonly #heldRollups: RollupsMessage[] = [];

  constructor(data: IngestThreadData, slot: StoreSlot, unpacker: PackedUnpacker) {
    this.#data = data;
    this.#slot = slot;
    const keepsNothing = data.store !== 'memory:';
    this.#live = new LiveFeed(keepsNothing, (message) => this.#takeRollups(message));
    // The store may be closed and opened anew: never keep it.
    const store = {
      append: async (batches: readonly TelemetryBatch[]) => {
        // Senders wait where sums fall behind; nothing is left out of them.
        await this.#sums.room();
        return this.#store.append(batches);
      },
      size: async () => this.#store.size(),
    };
    this.#sums = new StageSums(
      () => this.#store,
      unpacker,
      (message) => send({ type: 'warning', message }),
    );
    const decoder = new Decoder(data.limits, { keepPacked: true });
    this.#group = new GroupCommit(store, decoder, data.policy, {
      decoded: releaseMemory,
      reply: (replies) => send({ type: 'replies', replies }),
      lost: ({ batch }) => this.#late.addAll(batch.marks ?? []),
      committed: (group, outcomes) => {
        this.#sums.add(group, outcomes);
        for (const { packedTimes = [] } of group) decoder.recycle(packedTimes);
        this.#live.send(group, outcomes);
        // The store copied them, and so did the message.
        if (keepsNothing) for (const { batch } of group) releasePayloads(batch);
      },
      report: (commit) => send({ type: 'commit', commit }),
      storeState: (failure) => this.#watch.settled(failure),
      mayWait: (pending) => !this.#stopping && this.#held.add(pending, pending.answerByMs),
      warn: (message) => send({ type: 'warning', message }),
    });
    this.#watch = new StoreWatch(store, data.maxWalBytes, {
      state: (state) => {
        send({ type: 'state', state });
        if (state.status === 'ok') this.#takeHeld();
      },
      warn: (message) => send({ type: 'warning', message }),
      isReplaced: () => this.#slot.isReplaced,
      reopen: async () => {
        const reopened = await this.#slot.reopen();
        if (reopened) void this.#sums.recover();
        return reopened;
      },
      tryWrite: () => {
        this.#group.add(innerBatch('probe', []));
        return this.#group.flush();
      },
    });
    if (slot.failure !== undefined) this.#watch.settled(slot.failure);
  }

  /** @throws StoreUnavailableError while nothing is open */
  get #store(): TelemetryStore {
    return this.#slot.telemetry;
  }

  /** Resolves when requests may come. */
  async start(): Promise<void> {
    const { periods } = this.#data;
    if (this.#slot.failure === undefined) await this.#sums.recover();
    this.#every(periods.sumsMs, () => this.#storeSums());
    this.#every(periods.statsMs, () => this.#publishStats());
    this.#every(periods.sizeMs, () => this.#watch.measure());
    this.#every(periods.probeMs, () => this.#probe());
    this.#retainAfter(periods.retainMs);
  }

  receive(message: ToIngestThread): void {
    switch (message.type) {
      case 'request':
        if (!this.#watch.refuses) this.#group.accept(message);
        else if (!this.#held.add(message, message.answerByMs)) this.#refuse([message.id]);
        return;
      case 'change':
        void this.#change(message.id, message.change);
        return;
      case 'import':
        void this.#import(message.id, message.step);
        return;
      case 'live':
        this.#live.attach(message.port);
        return;
      case 'stop':
        void this.#stop();
        return;
    }
  }

  async #change(id: number, change: StateChange): Promise<void> {
    try {
      if (this.#watch.failing) throw new Error('the store cannot be written now: see /readyz');
      const found = await applyStateChange(this.#store, this.#slot.people, change);
      if (this.#slot.isReplaced) throw new Error('the database was moved meanwhile');
      send({ type: 'changed', id, found, failure: null });
    } catch (error) {
      send({ type: 'changed', id, found: false, failure: errorText(error) });
    }
  }

  /** Straight to the store: neither the live view nor the sums learn of what was recorded once. */
  async #import(id: number, step: ImportStep): Promise<void> {
    try {
      if (this.#stopping) throw new Error('the collector is stopping');
      if (this.#watch.failing) throw new Error('the store cannot be written now: see /readyz');
      const answer = await applyImportStep(this.#store, this.#slot.people, step);
      send({ type: 'imported', id, answer, failure: null });
    } catch (error) {
      this.#watch.noticed(error);
      send({ type: 'imported', id, answer: null, failure: errorText(error) });
    }
  }

  async #stop(): Promise<void> {
    this.#stopping = true;
    for (const timer of this.#timers) clearInterval(timer);
    this.#refuseHeld(this.#held.takeAll());
    await this.#group.flush();
    await this.#rollups;
    this.#countLate();
    await this.#group.flush();
    await this.#sums.flush();
    this.#live.close();
    this.#publishStats();
    await this.#slot.close();
    send({ type: 'stopped' });
    port?.close();
  }

  async #storeSums(): Promise<void> {
    if (!this.#watch.failing) await this.#sums.flushComplete();
    this.#garbage.look();
  }

  #every(ms: number, work: () => unknown): void {
    this.#timers.push(setInterval(() => void work(), ms));
  }

  #publishStats(): void {
    send({
      type: 'stats',
      stats: {
        cpuMs: cpuMs(),
        decodeErrors: this.#group.decodeErrors,
        malformedRequests: this.#group.malformedRequests,
        commits: this.#group.commits,
        failedCommits: this.#group.failedCommits,
        liveDroppedEvents: this.#live.droppedEvents,
        liveDroppedMessages: this.#live.droppedMessages,
        liveBehindMessages: this.#live.behindMessages,
        deletedChunks: this.#deletedChunks,
        deletedRollups: this.#deletedRollups,
        retentionFailures: this.#retentionFailures,
        rollupFailures: this.#rollupFailures,
        uncountedLateEvents: this.#late.events,
        size: this.#watch.size,
      },
    });
  }

  async #probe(): Promise<void> {
    this.#clock.look();
    this.#countLate();
    await this.#watch.probe();
    this.#refuseHeld(this.#held.takeExpired(this.#data.periods.probeMs));
  }

  /** In the order of their coming; those that fail again are held again while they may be. */
  #takeHeld(): void {
    for (const item of this.#held.takeAll()) {
      if ('type' in item) this.#group.accept(item);
      else this.#group.add(item);
    }
    for (const message of this.#heldRollups.splice(0)) {
      this.#rollups = this.#rollups.then(() => this.#putRollups(message));
    }
  }

  #refuseHeld(items: readonly HeldRequest[]): void {
    this.#refuse(items.flatMap((item) => ('type' in item ? item.id : (item.replyId ?? []))));
  }

  #refuse(ids: readonly number[]): void {
    if (ids.length === 0) return;
    const message = 'the store cannot take data now; send again later';
    const outcome: IngestOutcome = { status: 'unavailable', message, retryAfterS: RETRY_AFTER_S };
    send({ type: 'replies', replies: ids.map((id) => ({ type: 'reply', id, outcome })) });
  }

  #takeRollups(message: RollupsMessage): void {
    this.#late.addAll(message.late);
    this.#countLate();
    if (message.workers.length === 0 && message.deployments.length === 0) return;
    this.#rollups = this.#rollups.then(() => this.#putRollups(message));
  }

  async #putRollups(message: RollupsMessage): Promise<void> {
    try {
      await this.#store.putRollups(message.workers, message.deployments);
    } catch (error) {
      // They come once: kept until the store works again.
      if (this.#watch.noticed(error) && this.#heldRollups.length < MAX_HELD_ROLLUPS) {
        this.#heldRollups.push(message);
        return;
      }
      this.#rollupFailures++;
      send({ type: 'warning', message: `storing rollups failed: ${errorText(error)}` });
    }
  }

  /**
   * Late counts go the way of batches, in the next group; not while the store refuses. Those that could
   * not be stored are tried again with the next ones.
   */
  #countLate(): void {
    if (this.#late.isEmpty || this.#watch.failing) return;
    this.#group.add(innerBatch('late', this.#late.take()));
  }

  #retainAfter(ms: number): void {
    setTimeout(() => void this.#retain(), ms).unref();
  }

  /** One bounded slice, then room for requests before the next. */
  async #retain(): Promise<void> {
    if (this.#stopping) return;
    let more = false;
    try {
      // A clock that jumped ahead must not make everything look old.
      const now = unixNanosFromMs(this.#clock.steadyUnixMs());
      const outcome = await this.#store.retain(this.#data.retention, now);
      this.#deletedChunks += outcome.deletedChunks;
      this.#deletedRollups += outcome.deletedRollups;
      more = outcome.more;
    } catch (error) {
      this.#retentionFailures++;
      // What is told as a state of the store is not told every ten seconds as well.
      if (!this.#watch.noticed(error)) {
        send({ type: 'warning', message: `deleting old telemetry failed: ${errorText(error)}` });
      }
    }
    const { retainMs, retainAgainMs } = this.#data.periods;
    this.#retainAfter(more ? retainAgainMs : retainMs);
  }
}

function releasePayloads({ packed }: TelemetryBatch): void {
  for (const { bytes } of packed) releaseMemory(bytes);
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function innerBatch(name: string, marks: readonly IngestMark[]): PendingBatch {
  const rejected = new Map<string, RejectCounts>();
  for (const { deployment, reason, events } of marks) {
    const counts = rejected.get(deployment) ?? {};
    rejected.set(deployment, counts);
    counts[reason] = (counts[reason] ?? 0) + events;
  }
  return {
    replyId: undefined,
    bodyBytes: 0,
    batch: {
      batchId: `${name}:${randomUUID()}`,
      receivedUnixNs: unixNanosFromMs(Date.now()),
      events: [],
      packed: [],
      metrics: [],
      rejected,
      marks,
      logRecords: 0,
    },
    received: 0,
    rejectedCount: 0,
    rejectedMessage: '',
  };
}

async function main(): Promise<void> {
  const data = workerData as IngestThreadData;
  const unpacker = new PackedUnpacker();
  const onDamagedLog = (message: string) => send({ type: 'lost', message });
  const onDamagedChunk = ({ table, id, deployment, rows, message }: DamagedChunk) =>
    send({ type: 'warning', message: `${table} ${id} (${deployment}, ${rows} rows): ${message}` });
  const files = { store: data.store, data: data.dataDir };
  const location = { ...files, unpacker, onDamagedLog, onDamagedChunk };
  let slot: StoreSlot;
  try {
    slot = await StoreSlot.open(location);
  } catch (error) {
    send({ type: 'refused', message: errorText(error) });
    port?.close();
    return;
  }
  const thread = new IngestThread(data, slot, unpacker);
  await thread.start();
  giveBackStart();
  port?.on('message', (message: ToIngestThread) => thread.receive(message));
  send({ type: 'ready' });
}

await main();
