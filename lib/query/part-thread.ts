/**
 * The other thread of a long report: asked by a query thread, it runs the same entry with the task
 * `part`. It lives for one report.
 */
import type { MessagePort } from 'node:worker_threads';
import { Worker } from 'node:worker_threads';
import type { LoadModel } from '#lib/analysis/load-model.ts';
import type { LoadSums } from '#lib/analysis/load-sums.ts';
import type { ReportPart } from '#lib/analysis/report-part.ts';
import type { SharedFacts } from '#lib/analysis/slice.ts';
import { errorText } from '#lib/base/error-text.ts';
import type { ClockAlignment } from '#lib/model/clock-alignment.ts';
import type { TelemetryReader } from '#lib/store/telemetry-store.ts';
import type { QueryThreadData } from './questions.ts';
import {
  type PartAnswer,
  type PartClocks,
  type PartHelper,
  type PartQuestion,
  WindowPart,
} from './window-part.ts';

type PartRequest =
  | { readonly question: PartQuestion }
  | { readonly alignment: ClockAlignment | null }
  | { readonly loadModel: LoadModel }
  | { readonly slice: number; readonly known: SharedFacts };

type PartReply =
  | { readonly clocks: PartClocks | null }
  | { readonly loads: LoadSums | null }
  | { readonly answer: PartAnswer }
  | { readonly part: ReportPart }
  | { readonly error: string };

export class PartThread implements PartHelper {
  readonly #worker: Worker;
  #failure: Error | null = null;
  #waiting: { resolve: (reply: PartReply) => void; reject: (error: Error) => void } | null = null;

  /** `workerFile`: the entry of query threads. */
  constructor(workerFile: string | URL, data: QueryThreadData) {
    this.#worker = new Worker(workerFile, {
      workerData: { ...data, task: 'part' } satisfies QueryThreadData,
      name: 'query-part',
      execArgv: [],
    });
    this.#worker.unref();
    this.#worker.on('message', (reply: PartReply) => {
      const waiting = this.#waiting;
      this.#waiting = null;
      waiting?.resolve(reply);
    });
    this.#worker.on('error', (error) => {
      this.#fail(error instanceof Error ? error : new Error('the part thread failed'));
    });
    this.#worker.on('exit', () => this.#fail(new Error('the part thread ended')));
  }

  async load(question: PartQuestion): Promise<PartClocks | null> {
    const reply = await this.#ask({ question });
    if (!('clocks' in reply)) throw new Error('the part thread told nothing of its clocks');
    return reply.clocks;
  }

  async cut(alignment: ClockAlignment | null): Promise<LoadSums | null> {
    const reply = await this.#ask({ alignment });
    if (!('loads' in reply)) throw new Error('the part thread told nothing of its loads');
    return reply.loads;
  }

  async answer(loadModel: LoadModel): Promise<PartAnswer> {
    const reply = await this.#ask({ loadModel });
    if (!('answer' in reply)) throw new Error('the part thread gave no answer');
    return reply.answer;
  }

  async again(slice: number, known: SharedFacts): Promise<ReportPart> {
    const reply = await this.#ask({ slice, known });
    if (!('part' in reply)) throw new Error('the part thread gave no part');
    return reply.part;
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  async #ask(request: PartRequest): Promise<PartReply> {
    if (this.#failure !== null) throw this.#failure;
    const reply = await new Promise<PartReply>((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#worker.postMessage(request);
    });
    if ('error' in reply) throw new Error(`the part thread failed: ${reply.error}`);
    return reply;
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.reject(this.#failure);
  }
}

/** Answers a `PartThread` on the other end of `port`. */
export function servePartQuestions(port: MessagePort, open: () => Promise<TelemetryReader>): void {
  let part: WindowPart | null = null;
  const reply = async (request: PartRequest): Promise<PartReply> => {
    if ('question' in request) {
      part = await WindowPart.load(await open(), request.question);
      return { clocks: part?.clocks() ?? null };
    }
    if (part === null) return { error: 'no part was asked for' };
    if ('alignment' in request) return { loads: part.cut(request.alignment) };
    if ('loadModel' in request) return { answer: part.answer(request.loadModel) };
    return { part: part.again(request.slice, request.known) };
  };
  port.on('message', (request: PartRequest) => {
    void reply(request)
      .catch((error: unknown): PartReply => {
        return { error: errorText(error) };
      })
      .then((message) => port.postMessage(message, buffersOf(message)));
  });
}

/** What is handed over instead of copied: the columns of all samples. */
function buffersOf(reply: PartReply): ArrayBuffer[] {
  const parts = 'part' in reply ? [reply.part] : 'answer' in reply ? reply.answer.parts : [];
  const buffers = new Set<ArrayBuffer>();
  for (const { stages, pipeline } of parts) {
    for (const { values } of [
      stages.durationNs,
      pipeline.periodNs,
      pipeline.denseComputeNs,
      ...Object.values(pipeline.terms),
    ]) {
      if (values.buffer instanceof ArrayBuffer) buffers.add(values.buffer);
    }
  }
  return [...buffers];
}
