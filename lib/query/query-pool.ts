/**
 * A few threads that answer questions, so that a long one never stops the event loop that serves
 * pages. Bounded: so many threads, so many waiting questions, so long a question. A thread that
 * crashes or runs out of time is replaced; the question it was at is answered with a failure.
 *
 * The path of the thread's entry is a parameter on purpose: a bundler that saw it would try to
 * bundle the thread.
 */
import { Worker } from 'node:worker_threads';
import type {
  QueryFailure,
  QueryReply,
  QueryRequest,
  QueryThreadData,
  QuestionKind,
  Questions,
} from './questions.ts';

export interface QueryPoolOptions extends Pick<QueryThreadData, 'store' | 'dataDir'> {
  /** Path or file URL of query-worker.ts (or of its bundle). */
  readonly workerFile: string | URL;
  readonly threads?: number;
  /** Questions that may wait for a thread; more are refused. */
  readonly maxWaiting?: number;
  /** Time that one question may run. */
  readonly timeoutMs?: number;
  /** Bound of a thread's JavaScript heap. Typed arrays are outside of it. */
  readonly maxHeapMb?: number;
}

/** A question that got no answer. */
export class QueryFailedError extends Error {
  override readonly name = 'QueryFailedError';
  readonly failure: QueryFailure;

  constructor(failure: QueryFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

/** Columns lie outside of the heap; three semi-spaces of Node's own size would be 100 MB a thread. */
const YOUNG_MB = 24;

interface Job {
  readonly request: QueryRequest;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

interface Thread {
  readonly worker: Worker;
  job: Job | null;
  timer: NodeJS.Timeout | undefined;
}

export class QueryPool {
  readonly #options: Required<QueryPoolOptions>;
  readonly #threads = new Set<Thread>();
  readonly #waiting: Job[] = [];
  #nextId = 1;
  #closed = false;

  constructor(options: QueryPoolOptions) {
    this.#options = { threads: 2, maxWaiting: 64, timeoutMs: 30_000, maxHeapMb: 2048, ...options };
  }

  /**
   * The answer, computed in a thread. Rejects with `QueryFailedError`. An aborted question that
   * still waits is dropped; one that runs is let run, and its answer thrown away.
   */
  ask<K extends QuestionKind>(
    kind: K,
    question: Questions[K]['question'],
    nowUnixMs: number,
    signal?: AbortSignal,
  ): Promise<Questions[K]['answer']> {
    if (this.#closed) return refuse('internal', 'The query threads are stopped.');
    if (this.#waiting.length >= this.#options.maxWaiting) {
      return refuse('busy', 'Too many questions wait for an answer. Try again in a few seconds.');
    }
    return new Promise((resolve, reject) => {
      const request: QueryRequest = { id: this.#nextId++, kind, question, nowUnixMs };
      const job: Job = { request, resolve: (answer) => resolve(answer as never), reject };
      const abort = (): void => {
        const at = this.#waiting.indexOf(job);
        if (at < 0) return;
        this.#waiting.splice(at, 1);
        reject(new QueryFailedError({ kind: 'internal', message: 'The question was withdrawn.' }));
      };
      if (signal?.aborted === true) {
        reject(new QueryFailedError({ kind: 'internal', message: 'The question was withdrawn.' }));
        return;
      }
      signal?.addEventListener('abort', abort, { once: true });
      this.#waiting.push(job);
      this.#dispatch();
    });
  }

  /** Ends the threads; questions without an answer fail. */
  async close(): Promise<void> {
    this.#closed = true;
    const failure: QueryFailure = { kind: 'internal', message: 'The query threads are stopped.' };
    for (const job of this.#waiting.splice(0)) job.reject(new QueryFailedError(failure));
    const ended = [...this.#threads].map((thread) => {
      this.#fail(thread, failure);
      return thread.worker.terminate();
    });
    this.#threads.clear();
    await Promise.all(ended);
  }

  #dispatch(): void {
    while (this.#waiting.length > 0) {
      const idle = [...this.#threads].find((thread) => thread.job === null);
      const thread =
        idle ?? (this.#threads.size < this.#options.threads ? this.#startThread() : undefined);
      if (thread === undefined) return;
      const job = this.#waiting.shift()!;
      thread.job = job;
      thread.timer = setTimeout(() => this.#timedOut(thread), this.#options.timeoutMs);
      thread.worker.postMessage(job.request);
    }
  }

  #startThread(): Thread {
    const { store, dataDir, workerFile, maxHeapMb } = this.#options;
    const worker = new Worker(workerFile, {
      workerData: { store, dataDir } satisfies QueryThreadData,
      name: 'query',
      // The host's own flags (Next sets some) may not be allowed in a thread.
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: maxHeapMb, maxYoungGenerationSizeMb: YOUNG_MB },
    });
    // A waiting thread must not keep a process alive that is otherwise done.
    worker.unref();
    const thread: Thread = { worker, job: null, timer: undefined };
    worker.on('message', (reply: QueryReply) => this.#settle(thread, reply));
    worker.on('error', (error) =>
      this.#replace(thread, {
        kind: 'internal',
        message: `The query thread failed: ${error instanceof Error ? error.message : 'unknown'}`,
      }),
    );
    worker.on('exit', () =>
      this.#replace(thread, { kind: 'internal', message: 'The query thread ended.' }),
    );
    this.#threads.add(thread);
    return thread;
  }

  #settle(thread: Thread, reply: QueryReply): void {
    const { job } = thread;
    if (job === null || job.request.id !== reply.id) return;
    clearTimeout(thread.timer);
    thread.job = null;
    if (reply.ok) job.resolve(reply.answer);
    else job.reject(new QueryFailedError(reply.failure));
    this.#dispatch();
  }

  #timedOut(thread: Thread): void {
    this.#replace(thread, {
      kind: 'timeout',
      message: `The answer took longer than ${this.#options.timeoutMs / 1000} s. Ask for a shorter window.`,
    });
  }

  #replace(thread: Thread, failure: QueryFailure): void {
    if (!this.#threads.delete(thread)) return;
    this.#fail(thread, failure);
    void thread.worker.terminate();
    if (!this.#closed) this.#dispatch();
  }

  #fail(thread: Thread, failure: QueryFailure): void {
    clearTimeout(thread.timer);
    thread.job?.reject(new QueryFailedError(failure));
    thread.job = null;
  }
}

function refuse(kind: QueryFailure['kind'], message: string): Promise<never> {
  return Promise.reject(new QueryFailedError({ kind, message }));
}
