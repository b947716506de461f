/**
 * The ingest thread: the only writer of the database. Its client is `ingest-client.ts`; the
 * messages are in `thread-messages.ts`.
 */
import { randomUUID } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import type { RollupsMessage } from '#collector/messages.ts';
import { assert } from '#lib/base/assert.ts';
import { unixNanosFromMs } from '#lib/base/units.ts';
import { Decoder } from '#lib/ingest/decoder.ts';
import { openStateWriter, openTelemetryWriter } from '#lib/store/open-store.ts';
import type { StateStore } from '#lib/store/state-store.ts';
import type { TelemetryStore } from '#lib/store/telemetry-store.ts';
import type { RejectCounts } from '#lib/table/reject-reasons.ts';
import { GroupCommit, type PendingBatch } from './group-commit.ts';
import { LiveFeed } from './live-feed.ts';
import { StoreWatch } from './store-watch.ts';
import type {
  FromIngestThread,
  IngestThreadData,
  StateChange,
  ToIngestThread,
} from './thread-messages.ts';

const RETRY_AFTER_S = 5;

const port = parentPort;
assert(port !== null, 'the ingest thread was started as a program');

function send(message: FromIngestThread): void {
  port?.postMessage(message);
}

class IngestThread {
  readonly #data: IngestThreadData;
  readonly #store: TelemetryStore;
  readonly #people: StateStore;
  readonly #group: GroupCommit;
  readonly #live: LiveFeed;
  readonly #watch: StoreWatch;
  readonly #timers: NodeJS.Timeout[] = [];
  #late = new Map<string, number>();
  #rollups: Promise<void> = Promise.resolve();
  #stopping = false;
  #deletedChunks = 0;
  #deletedRollups = 0;
  #retentionFailures = 0;
  #rollupFailures = 0;

  constructor(data: IngestThreadData, store: TelemetryStore, people: StateStore) {
    this.#data = data;
    this.#store = store;
    this.#people = people;
    this.#live = new LiveFeed(data.store !== 'memory:', (message) => this.#takeRollups(message));
    this.#group = new GroupCommit(store, new Decoder(data.limits), data.policy, {
      reply: (replies) => send({ type: 'replies', replies }),
      lost: ({ batch }) => this.#keepLate(batch.rejected),
      committed: (group, outcomes) => this.#live.send(group, outcomes),
      report: (commit) => send({ type: 'commit', commit }),
      storeState: (failure) => this.#watch.settled(failure),
      warn: (message) => send({ type: 'warning', message }),
    });
    this.#watch = new StoreWatch(store, data.maxWalBytes, {
      state: (state) => send({ type: 'state', state }),
      warn: (message) => send({ type: 'warning', message }),
      tryWrite: () => {
        this.#group.add(innerBatch('probe', new Map()));
        return this.#group.flush();
      },
    });
  }

  start(): void {
    const { periods } = this.#data;
    this.#every(periods.statsMs, () => this.#publishStats());
    this.#every(periods.sizeMs, () => this.#watch.measure());
    this.#every(periods.probeMs, () => this.#probe());
    this.#retainAfter(periods.retainMs);
  }

  receive(message: ToIngestThread): void {
    switch (message.type) {
      case 'request':
        if (this.#watch.walIsFull) {
          send({
            type: 'replies',
            replies: [
              {
                type: 'reply',
                id: message.id,
                outcome: {
                  status: 'unavailable',
                  message: 'the store is behind; send again later',
                  retryAfterS: RETRY_AFTER_S,
                },
              },
            ],
          });
          return;
        }
        this.#group.accept(message);
        return;
      case 'change':
        void this.#change(message.id, message.change);
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
      const found =
        change.kind === 'delete-annotation'
          ? await this.#people.deleteAnnotation(change.annotationId)
          : await this.#people.putAnnotation(change.annotation).then(() => true);
      send({ type: 'changed', id, found, failure: null });
    } catch (error) {
      send({ type: 'changed', id, found: false, failure: text(error) });
    }
  }

  async #stop(): Promise<void> {
    this.#stopping = true;
    for (const timer of this.#timers) clearInterval(timer);
    await this.#group.flush();
    await this.#rollups;
    this.#countLate();
    await this.#group.flush();
    this.#live.close();
    this.#publishStats();
    try {
      await this.#people.close();
      await this.#store.close();
    } catch (error) {
      send({ type: 'warning', message: `closing the store failed: ${text(error)}` });
    }
    send({ type: 'stopped' });
    port?.close();
  }

  #every(ms: number, work: () => void | Promise<void>): void {
    this.#timers.push(setInterval(() => void work(), ms));
  }

  #publishStats(): void {
    send({
      type: 'stats',
      stats: {
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
        uncountedLateEvents: [...this.#late.values()].reduce((sum, count) => sum + count, 0),
        size: this.#watch.size,
      },
    });
  }

  async #probe(): Promise<void> {
    this.#countLate();
    await this.#watch.probe();
  }

  #takeRollups(message: RollupsMessage): void {
    this.#keepLate(new Map([...message.late].map(([name, late]) => [name, { late }])));
    this.#countLate();
    if (message.workers.length === 0 && message.deployments.length === 0) return;
    this.#rollups = this.#rollups.then(() => this.#putRollups(message));
  }

  async #putRollups(message: RollupsMessage): Promise<void> {
    try {
      await this.#store.putRollups(message.workers, message.deployments);
    } catch (error) {
      this.#rollupFailures++;
      send({ type: 'warning', message: `storing rollups failed: ${text(error)}` });
    }
  }

  /** Late counts go the way of batches, in the next group; not while the store refuses. */
  #countLate(): void {
    if (this.#late.size === 0 || this.#watch.failing) return;
    const rejected = new Map<string, RejectCounts>();
    for (const [deployment, late] of this.#late) rejected.set(deployment, { late });
    this.#late = new Map();
    this.#group.add(innerBatch('late', rejected));
  }

  /** Late counts that could not be stored are tried again with the next ones. */
  #keepLate(rejected: ReadonlyMap<string, RejectCounts>): void {
    for (const [deployment, { late = 0 }] of rejected) {
      this.#late.set(deployment, (this.#late.get(deployment) ?? 0) + late);
    }
  }

  #retainAfter(ms: number): void {
    setTimeout(() => void this.#retain(), ms).unref();
  }

  /** One bounded slice, then room for requests before the next. */
  async #retain(): Promise<void> {
    if (this.#stopping) return;
    let more = false;
    try {
      const now = unixNanosFromMs(Date.now());
      const outcome = await this.#store.retain(this.#data.retention, now);
      this.#deletedChunks += outcome.deletedChunks;
      this.#deletedRollups += outcome.deletedRollups;
      more = outcome.more;
    } catch (error) {
      this.#retentionFailures++;
      send({ type: 'warning', message: `deleting old telemetry failed: ${text(error)}` });
    }
    const { retainMs, retainAgainMs } = this.#data.periods;
    this.#retainAfter(more ? retainAgainMs : retainMs);
  }
}

function innerBatch(name: string, rejected: ReadonlyMap<string, RejectCounts>): PendingBatch {
  return {
    replyId: undefined,
    bodyBytes: 0,
    batch: {
      batchId: `${name}:${randomUUID()}`,
      receivedUnixNs: unixNanosFromMs(Date.now()),
      events: [],
      metrics: [],
      rejected,
      logRecords: 0,
    },
    received: 0,
    rejectedCount: 0,
    rejectedMessage: '',
  };
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function main(): Promise<void> {
  const data = workerData as IngestThreadData;
  const location = { store: data.store, data: data.dataDir };
  let store: TelemetryStore;
  let people: StateStore;
  try {
    store = await openTelemetryWriter(location);
    people = await openStateWriter(location);
  } catch (error) {
    send({ type: 'refused', message: text(error) });
    port?.close();
    return;
  }
  const thread = new IngestThread(data, store, people);
  thread.start();
  port?.on('message', (message: ToIngestThread) => thread.receive(message));
  send({ type: 'ready' });
}

await main();
