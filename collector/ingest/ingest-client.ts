/**
 * The main thread's end of the ingest thread: hands bodies over, gives each sender its outcome
 * after the commit, and knows how the thread is.
 */
import { type MessagePort, Worker } from 'node:worker_threads';
import type { ImportStep, ImportStepAnswer } from '#collector/import/import-steps.ts';
import type { IngestOutcome, IngestReply } from '#collector/messages.ts';
import { errorText } from '#lib/base/error-text.ts';
import { DEFAULT_DECODE_LIMITS, type DecodeLimits } from '#lib/ingest/decode-limits.ts';
import type { Encoding, Signal } from '#lib/ingest/decoded.ts';
import type { RetentionPolicy } from '#lib/store/telemetry-store.ts';
import { batchBuffers } from './batch-buffers.ts';
import { batchIdOf } from './batch-id.ts';
import type {
  CommitPolicy,
  CommitReport,
  FromIngestThread,
  IngestState,
  IngestThreadData,
  IngestThreadStats,
  Periods,
  StateChange,
  ToIngestThread,
} from './thread-messages.ts';

export interface IngestOptions {
  /** Folder of the database. */
  readonly dataDir: string;
  /** `sqlite`, `memory:` or a store's URL. */
  readonly store: string;
  readonly limits?: DecodeLimits;
  readonly retention: RetentionPolicy;
  readonly livePort?: MessagePort;
  readonly policy?: Partial<CommitPolicy>;
  readonly periods?: Partial<Periods>;
  /** Default 1 GiB. */
  readonly maxWalBytes?: number;
  /** Called once, when the thread died: the process should exit and be started again. */
  readonly onFatal?: (reason: string) => void;
  /** Called after every group commit, failed ones too. */
  readonly onCommit?: (commit: CommitReport) => void;
  /** Stored data was found to be lost when the store was opened. */
  readonly onDataLost?: (what: string) => void;
  /** Called when the state changes, in the order of the changes. */
  readonly onState?: (state: IngestState) => void;
  /** Something that an operator should read in the log. */
  readonly onWarning?: (message: string) => void;
}

export interface IngestStats extends IngestThreadStats {
  readonly state: IngestState;
  /** Requests handed over and not yet answered. */
  readonly pendingRequests: number;
  /** Age of the oldest of them; 0 where there is none. */
  readonly queueWaitMs: number;
  readonly pendingBytes: number;
  readonly storedRequests: number;
  readonly duplicateRequests: number;
  readonly unavailableRequests: number;
  readonly committedEvents: number;
  readonly committedMetricPoints: number;
}

export interface IngestService {
  /**
   * Decodes and stores one request. `body` is given away: its memory moves to the ingest thread.
   * Resolves after the synchronous commit; never rejects. `answerByMs`: see `IngestRequest`.
   */
  submit(
    signal: Signal,
    encoding: Encoding,
    body: Uint8Array,
    answerByMs?: number,
  ): Promise<IngestOutcome>;
  /** Writes what people wrote; false: there was nothing to change. Rejects if it is not written. */
  change(change: StateChange): Promise<boolean>;
  /** What an import asks of the store; tables' memory moves. Rejects if it is not done. */
  importStep(step: ImportStep): Promise<ImportStepAnswer>;
  stats(): IngestStats;
  state(): IngestState;
  /** Age of the oldest request that is not answered yet; 0 where there is none. */
  queueWaitMs(): number;
  /** Sends what is committed from now on to this port, in place of an earlier one. */
  attachLive(port: MessagePort): void;
  /** Commits and answers everything that was handed over, closes the store, ends the thread. */
  stop(): Promise<void>;
}

export const DEFAULT_COMMIT_POLICY: CommitPolicy = {
  maxDelayMs: 50,
  idleMs: 5,
  maxGroupBytes: 4 * 1024 * 1024,
};

const DEFAULT_PERIODS: Periods = {
  statsMs: 250,
  sizeMs: 5000,
  probeMs: 1000,
  sumsMs: 1000,
  retainMs: 1000,
  retainAgainMs: 20,
};

const DEFAULT_MAX_WAL_BYTES = 1024 ** 3;
const RETRY_AFTER_S = 5;

const NO_STATS: IngestThreadStats = {
  cpuMs: 0,
  decodeErrors: 0,
  malformedRequests: 0,
  commits: 0,
  failedCommits: 0,
  liveDroppedEvents: 0,
  liveDroppedMessages: 0,
  liveBehindMessages: 0,
  deletedChunks: 0,
  deletedRollups: 0,
  retentionFailures: 0,
  rollupFailures: 0,
  uncountedLateEvents: 0,
  size: null,
};

/** Rejects with a sentence for the operator where the store cannot be opened. */
export async function startIngest(options: IngestOptions): Promise<IngestService> {
  const data: IngestThreadData = {
    dataDir: options.dataDir,
    store: options.store,
    limits: options.limits ?? DEFAULT_DECODE_LIMITS,
    retention: options.retention,
    policy: { ...DEFAULT_COMMIT_POLICY, ...options.policy },
    periods: { ...DEFAULT_PERIODS, ...options.periods },
    maxWalBytes: options.maxWalBytes ?? DEFAULT_MAX_WAL_BYTES,
  };
  const worker = new Worker(new URL('./ingest-thread.ts', import.meta.url), {
    workerData: data,
    name: 'ingest',
    resourceLimits: { maxYoungGenerationSizeMb: 96 },
  });
  const client = new IngestClient(worker, options);
  await client.ready;
  if (options.livePort !== undefined) client.attachLive(options.livePort);
  return client;
}

interface Waiting {
  readonly bytes: number;
  readonly sinceMs: number;
  readonly resolve: (outcome: IngestOutcome) => void;
}

interface Waiter<T> {
  readonly resolve: (answer: T) => void;
  readonly reject: (error: Error) => void;
}

class IngestClient implements IngestService {
  readonly ready: Promise<void>;
  readonly #worker: Worker;
  readonly #options: IngestOptions;
  readonly #waiting = new Map<number, Waiting>();
  readonly #changes = new Map<number, Waiter<boolean>>();
  readonly #imports = new Map<number, Waiter<ImportStepAnswer>>();
  readonly #exited: Promise<void>;
  #settleReady: { resolve: () => void; reject: (error: Error) => void } | undefined;
  #nextId = 1;
  #stopping: Promise<void> | undefined;
  #drained = false;
  #state: IngestState = { status: 'ok' };
  #threadStats = NO_STATS;
  #pendingBytes = 0;
  #storedRequests = 0;
  #duplicateRequests = 0;
  #unavailableRequests = 0;
  #committedEvents = 0;
  #committedMetricPoints = 0;

  constructor(worker: Worker, options: IngestOptions) {
    this.#worker = worker;
    this.#options = options;
    this.ready = new Promise((resolve, reject) => {
      this.#settleReady = { resolve, reject };
    });
    this.#exited = new Promise((resolve) => {
      worker.once('exit', (code) => {
        this.#died(`the ingest thread ended with code ${code}`);
        resolve();
      });
    });
    worker.on('message', (message: FromIngestThread) => this.#receive(message));
    worker.on('messageerror', (error) => this.#died(`unreadable thread message: ${error.message}`));
    worker.on('error', (error) => this.#died(`the ingest thread failed: ${errorText(error)}`));
  }

  submit(
    signal: Signal,
    encoding: Encoding,
    body: Uint8Array,
    answerByMs?: number,
  ): Promise<IngestOutcome> {
    if (this.#stopping !== undefined || this.#state.status === 'fatal') {
      this.#unavailableRequests++;
      return Promise.resolve(unavailable('the collector is stopping'));
    }
    const id = this.#nextId++;
    const owned = withOwnMemory(body);
    const bytes = owned.byteLength;
    return new Promise((resolve) => {
      this.#waiting.set(id, { bytes, sinceMs: performance.now(), resolve });
      this.#pendingBytes += bytes;
      const wait = answerByMs === undefined ? {} : { answerByMs };
      // Here, since the ingest thread has more to do than this one.
      const batchId = batchIdOf(signal, owned);
      const request = {
        type: 'request',
        id,
        signal,
        encoding,
        batchId,
        body: owned,
        ...wait,
      } as const;
      this.#post(request, [owned.buffer]);
    });
  }

  change(change: StateChange): Promise<boolean> {
    if (this.#stopping !== undefined || this.#state.status === 'fatal') {
      return Promise.reject(new Error('the collector is stopping'));
    }
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#changes.set(id, { resolve, reject });
      this.#post({ type: 'change', id, change });
    });
  }

  importStep(step: ImportStep): Promise<ImportStepAnswer> {
    if (this.#stopping !== undefined || this.#state.status === 'fatal') {
      return Promise.reject(new Error('the collector is stopping'));
    }
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#imports.set(id, { resolve, reject });
      this.#post(
        { type: 'import', id, step },
        step.kind === 'store' ? batchBuffers(step.batch) : [],
      );
    });
  }

  stats(): IngestStats {
    return {
      ...this.#threadStats,
      state: this.#state,
      pendingRequests: this.#waiting.size,
      queueWaitMs: this.queueWaitMs(),
      pendingBytes: this.#pendingBytes,
      storedRequests: this.#storedRequests,
      duplicateRequests: this.#duplicateRequests,
      unavailableRequests: this.#unavailableRequests,
      committedEvents: this.#committedEvents,
      committedMetricPoints: this.#committedMetricPoints,
    };
  }

  state(): IngestState {
    return this.#state;
  }

  queueWaitMs(): number {
    // Requests are answered nearly in their order, so the first is the oldest.
    const { value } = this.#waiting.values().next();
    return value === undefined ? 0 : performance.now() - value.sinceMs;
  }

  attachLive(port: MessagePort): void {
    this.#post({ type: 'live', port }, [port]);
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    if (this.#state.status !== 'fatal') this.#post({ type: 'stop' });
    await this.#exited;
  }

  #post(message: ToIngestThread, transfer: (ArrayBuffer | MessagePort)[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  #receive(message: FromIngestThread): void {
    switch (message.type) {
      case 'ready':
        this.#settleReady?.resolve();
        this.#settleReady = undefined;
        return;
      case 'refused':
        this.#settleReady?.reject(new Error(message.message));
        this.#settleReady = undefined;
        this.#drained = true;
        return;
      case 'replies':
        for (const reply of message.replies) this.#answer(reply);
        return;
      case 'commit':
        this.#committedEvents += message.commit.events;
        this.#committedMetricPoints += message.commit.metricPoints;
        this.#options.onCommit?.(message.commit);
        return;
      case 'changed': {
        const waiting = this.#changes.get(message.id);
        this.#changes.delete(message.id);
        if (message.failure === null) waiting?.resolve(message.found);
        else waiting?.reject(new Error(message.failure));
        return;
      }
      case 'imported': {
        const waiting = this.#imports.get(message.id);
        this.#imports.delete(message.id);
        if (message.answer !== null) waiting?.resolve(message.answer);
        else waiting?.reject(new Error(message.failure ?? 'the store did not take it'));
        return;
      }
      case 'state':
        this.#state = message.state;
        this.#options.onState?.(message.state);
        return;
      case 'stats':
        this.#threadStats = message.stats;
        return;
      case 'lost':
        this.#options.onDataLost?.(message.message);
        return;
      case 'warning':
        this.#options.onWarning?.(message.message);
        return;
      case 'stopped':
        this.#drained = true;
        return;
    }
  }

  #answer({ id, outcome }: IngestReply): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    this.#pendingBytes -= waiting.bytes;
    if (outcome.status === 'unavailable') this.#unavailableRequests++;
    if (outcome.status === 'stored') {
      if (outcome.duplicate) this.#duplicateRequests++;
      else this.#storedRequests++;
    }
    waiting.resolve(outcome);
  }

  /** Nobody waits forever for a thread that is gone: whether the data is on disk is unknown. */
  #died(reason: string): void {
    for (const id of [...this.#waiting.keys()]) {
      this.#answer({ type: 'reply', id, outcome: unavailable('the store has stopped') });
    }
    for (const { reject } of this.#changes.values()) reject(new Error(reason));
    this.#changes.clear();
    for (const { reject } of this.#imports.values()) reject(new Error(reason));
    this.#imports.clear();
    if (this.#drained || this.#state.status === 'fatal') return;
    this.#state = { status: 'fatal', reason, sinceUnixMs: Date.now() };
    this.#options.onState?.(this.#state);
    this.#settleReady?.reject(new Error(reason));
    if (this.#settleReady === undefined) this.#options.onFatal?.(reason);
    this.#settleReady = undefined;
  }
}

function unavailable(message: string): IngestOutcome {
  return { status: 'unavailable', message, retryAfterS: RETRY_AFTER_S };
}

/** A view whose ArrayBuffer is all its own, since only a whole ArrayBuffer can be transferred. */
function withOwnMemory(body: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = body;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === body.byteLength) {
    return new Uint8Array(buffer);
  }
  return new Uint8Array(body);
}
