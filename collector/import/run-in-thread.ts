/** The main thread's end of an import thread: passes its questions to the store, and its news on. */
import { Worker } from 'node:worker_threads';
import type { ImportJson } from '#lib/api/imports.ts';
import { errorText } from '#lib/base/error-text.ts';
import type { ImportJob } from './import-files.ts';
import { recordOf } from './import-record.ts';
import type { ImportStep, ImportStepAnswer } from './import-steps.ts';
import type { FromImportThread, ToImportThread } from './thread-messages.ts';

export interface RunningImport {
  /** Never rejects. */
  readonly over: Promise<ImportJson>;
  stop(): Promise<unknown>;
}

export function runInThread(
  job: ImportJob,
  step: (step: ImportStep) => Promise<ImportStepAnswer>,
  progress: (state: ImportJson) => void,
): RunningImport {
  const worker = new Worker(new URL('./import-thread.ts', import.meta.url), { name: 'import' });
  const { promise, resolve } = Promise.withResolvers<ImportJson>();
  let state: ImportJson = { ...job.import, state: 'running' };
  let contentKey = '';
  let isOver = false;

  const post = (message: ToImportThread): void => worker.postMessage(message);
  const finish = (last: ImportJson): void => {
    if (isOver) return;
    isOver = true;
    resolve(last);
  };
  const died = (why: string): void => {
    if (isOver) return;
    const error = `reading it failed: ${why}; ${state.events} events had been stored`;
    const failed: ImportJson = { ...state, state: 'failed', progress: null, error };
    // Its last words did not come, so its record is closed here.
    void step({ kind: 'put', record: recordOf(failed, contentKey) })
      .catch(() => undefined)
      .then(() => finish(failed));
  };
  const receive = async (message: FromImportThread): Promise<void> => {
    if (message.type === 'done') {
      finish(message.state);
      return;
    }
    if (message.type === 'progress') {
      state = message.state;
      progress(state);
      return;
    }
    const { id } = message;
    if (message.step.kind === 'look') contentKey = message.step.contentKey;
    try {
      post({ type: 'answer', id, answer: await step(message.step), failure: null });
    } catch (error) {
      const failure = errorText(error);
      post({ type: 'answer', id, answer: null, failure });
    }
  };
  worker.on('message', (message: FromImportThread) => void receive(message));
  worker.on('error', (error) => died(errorText(error)));
  worker.on('exit', () => died('its thread ended'));
  post({ type: 'run', job });
  return {
    over: promise,
    stop: () => {
      isOver = true;
      return worker.terminate();
    },
  };
}
