/**
 * An export made in a thread of its own, piece by piece as the reader asks for them: the entry of
 * query threads (query-worker.ts), started with the task `export` (export-thread.ts). It lives for
 * one export. Whoever asks loads none of the formats.
 *
 *     reader  --next-->  thread        thread  --piece-->  reader   (its memory is handed over)
 */
import { Worker } from 'node:worker_threads';
import type { UnixNanos } from '#lib/base/units.ts';
import type { ExportQuestion } from './export-question.ts';
import { QueryFailedError } from './query-pool.ts';
import type { QueryFailure, QueryThreadData } from './questions.ts';

export type ExportRequest =
  | {
      readonly question: ExportQuestion;
      readonly nowUnixNs: UnixNanos;
      readonly version: string;
    }
  | 'next';

export type ExportReply =
  | { readonly fileName: string; readonly contentType: string }
  | { readonly piece: Uint8Array }
  | 'end'
  | { readonly failure: QueryFailure };

export interface ExportStream {
  readonly fileName: string;
  readonly contentType: string;
  readonly body: ReadableStream<Uint8Array>;
}

export interface ExportThreadsOptions extends Pick<QueryThreadData, 'store' | 'dataDir'> {
  /** The entry of query threads. */
  readonly workerFile: string | URL;
  readonly version: string;
  /** Exports that may run at the same time; more are refused. */
  readonly maxExports?: number;
}

export class ExportThreads {
  readonly #options: ExportThreadsOptions;
  #running = 0;

  constructor(options: ExportThreadsOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the question was found good and the first piece is made. Rejects with
   * `QueryFailedError`. What fails later fails the stream.
   */
  async start(question: ExportQuestion, nowUnixNs: UnixNanos): Promise<ExportStream> {
    const { store, dataDir, workerFile, version, maxExports = 2 } = this.#options;
    if (this.#running >= maxExports) {
      const message = `${this.#running} exports are running already. Try again when one is done.`;
      throw new QueryFailedError({ kind: 'busy', message });
    }
    this.#running++;
    const thread = new ExportThread(workerFile, { store, dataDir }, () => {
      this.#running--;
    });
    try {
      const begun = await thread.ask({ question, nowUnixNs, version });
      if (begun === 'end' || !('fileName' in begun)) throw new Error('the export did not begin');
      // With the first piece in hand, a selection that cannot be written is still a problem document.
      const first = await thread.ask('next');
      return { ...begun, body: thread.stream(first) };
    } catch (error) {
      thread.end();
      throw error;
    }
  }
}

class ExportThread {
  readonly #worker: Worker;
  readonly #onEnd: () => void;
  #failure: Error | null = null;
  #ended = false;
  #waiting: { resolve: (reply: ExportReply) => void; reject: (error: Error) => void } | null = null;

  constructor(workerFile: string | URL, data: QueryThreadData, onEnd: () => void) {
    this.#onEnd = onEnd;
    this.#worker = new Worker(workerFile, {
      workerData: { ...data, task: 'export' } satisfies QueryThreadData,
      name: 'export',
      execArgv: [],
    });
    this.#worker.unref();
    this.#worker.on('message', (reply: ExportReply) => {
      const waiting = this.#waiting;
      this.#waiting = null;
      waiting?.resolve(reply);
    });
    this.#worker.on('error', (error) => {
      this.#fail(error instanceof Error ? error : new Error('the export thread failed'));
    });
    this.#worker.on('exit', () => this.#fail(new Error('the export thread ended')));
  }

  async ask(request: ExportRequest): Promise<Exclude<ExportReply, { failure: QueryFailure }>> {
    if (this.#failure !== null) throw this.#failure;
    const reply = await new Promise<ExportReply>((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#worker.postMessage(request);
    });
    if (reply !== 'end' && 'failure' in reply) throw new QueryFailedError(reply.failure);
    return reply;
  }

  stream(first: ExportReply): ReadableStream<Uint8Array> {
    let ahead: ExportReply | null = first;
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          try {
            const reply = ahead ?? (await this.ask('next'));
            ahead = null;
            if (reply !== 'end' && 'piece' in reply) {
              controller.enqueue(reply.piece);
              return;
            }
            this.end();
            controller.close();
          } catch (error) {
            this.end();
            controller.error(error);
          }
        },
        cancel: () => this.end(),
      },
      { highWaterMark: 1 },
    );
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#onEnd();
    void this.#worker.terminate();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.reject(this.#failure);
  }
}
