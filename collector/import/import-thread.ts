/** The import thread: reads one import, asks the main thread to have its batches stored, and ends. */
import { parentPort } from 'node:worker_threads';
import { batchBuffers } from '#collector/ingest/batch-buffers.ts';
import { assert } from '#lib/base/assert.ts';
import { type ImportHooks, runImport } from './import-files.ts';
import type { ImportStep, ImportStepAnswer } from './import-steps.ts';
import type { FromImportThread, ToImportThread } from './thread-messages.ts';

const port = parentPort;
assert(port !== null, 'the import thread was started as a program');

/** Progress is for people. */
const TELL_EVERY_MS = 100;

const waiting = new Map<
  number,
  { resolve: (answer: ImportStepAnswer) => void; reject: (error: Error) => void }
>();
let nextId = 1;
let toldMs = 0;

function send(message: FromImportThread, buffers: ArrayBuffer[] = []): void {
  port?.postMessage(message, buffers);
}

const hooks: ImportHooks = {
  step: (step: ImportStep) => {
    const id = nextId++;
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      send({ type: 'step', id, step }, step.kind === 'store' ? batchBuffers(step.batch) : []);
    });
  },
  progress: (state) => {
    if (performance.now() - toldMs < TELL_EVERY_MS) return;
    toldMs = performance.now();
    send({ type: 'progress', state });
  },
};

port.on('message', (message: ToImportThread) => {
  if (message.type === 'run') {
    void runImport(message.job, hooks).then((state) => {
      send({ type: 'done', state });
      port?.close();
    });
    return;
  }
  const asked = waiting.get(message.id);
  waiting.delete(message.id);
  if (message.answer !== null) asked?.resolve(message.answer);
  else asked?.reject(new Error(message.failure ?? 'the store did not take it'));
});
