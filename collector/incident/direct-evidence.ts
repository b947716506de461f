/** Evidence from stores that this thread holds open: a command without a collector, and tests. */
import { answer, failureOf, type Stores } from '#lib/query/answer.ts';
import { QueryFailedError } from '#lib/query/query-pool.ts';
import type { QuestionKind, Questions } from '#lib/query/questions.ts';
import type { EvidenceReader } from './evidence-reader.ts';

export class DirectEvidence implements EvidenceReader {
  readonly #stores: Stores;
  readonly #nowUnixMs: () => number;

  constructor(stores: Stores, nowUnixMs: () => number) {
    this.#stores = stores;
    this.#nowUnixMs = nowUnixMs;
  }

  async ask<K extends QuestionKind>(
    kind: K,
    question: Questions[K]['question'],
  ): Promise<Questions[K]['answer']> {
    const request = { id: 0, kind, question, nowUnixMs: this.#nowUnixMs() };
    try {
      return (await answer(this.#stores, request)) as Questions[K]['answer'];
    } catch (error) {
      throw new QueryFailedError(failureOf(error));
    }
  }

  /** The stores are their opener's. */
  async close(): Promise<void> {}
}
