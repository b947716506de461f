/** What the recorder reads, each in a query thread: the collector's loop never touches the database. */
import { QueryPool, type QueryPoolOptions } from '#lib/query/query-pool.ts';
import type { QuestionKind, Questions } from '#lib/query/questions.ts';

type AskedKind =
  | 'incidentDocuments'
  | 'incident'
  | 'pins'
  | 'evidence'
  | 'evidenceFit'
  | 'evidenceSnapshot';

/** `ask` rejects with QueryFailedError. */
export interface EvidenceReader {
  ask<K extends AskedKind>(
    kind: K,
    question: Questions[K]['question'],
  ): Promise<Questions[K]['answer']>;
  close(): Promise<void>;
}

/** A snapshot looks through up to two dozen windows for a healthy one. */
const TIMEOUT_MS = 180_000;
const IDLE_MS = 30_000;

/** Threads that are there while something is asked: incidents are rare, and a thread takes memory. */
export class EvidenceThreads implements EvidenceReader {
  readonly #options: QueryPoolOptions;
  #pool: QueryPool | null = null;
  #asked = 0;
  #isClosed = false;
  #idle: NodeJS.Timeout | undefined;

  constructor(options: Pick<QueryPoolOptions, 'store' | 'dataDir' | 'workerFile'>) {
    // Two: a snapshot that takes long must not keep somebody waiting who freezes a window.
    this.#options = { ...options, threads: 2, timeoutMs: TIMEOUT_MS };
  }

  async ask<K extends QuestionKind>(
    kind: K,
    question: Questions[K]['question'],
  ): Promise<Questions[K]['answer']> {
    clearTimeout(this.#idle);
    if (this.#isClosed) throw new Error('the flight recorder is stopped');
    this.#pool ??= new QueryPool(this.#options);
    this.#asked++;
    try {
      return await this.#pool.ask(kind, question, Date.now());
    } finally {
      this.#asked--;
      if (this.#asked === 0) this.#idle = setTimeout(() => void this.#closePool(), IDLE_MS).unref();
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#closePool();
  }

  async #closePool(): Promise<void> {
    clearTimeout(this.#idle);
    const pool = this.#pool;
    this.#pool = null;
    await pool?.close();
  }
}
