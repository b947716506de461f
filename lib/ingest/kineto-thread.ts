/** Entry of a thread that reads traces, one after the other. */
import { parentPort, workerData } from 'node:worker_threads';
import { errorText } from '#lib/base/error-text.ts';
import { readKinetoFile, type TraceOutcome } from './kineto-read.ts';
import type { ThreadData, ThreadReply, ThreadTask } from './kineto-thread-messages.ts';

const { table } = workerData as ThreadData;

parentPort?.on('message', ({ task, path, fileIndex }: ThreadTask) => {
  void readKinetoFile(path, fileIndex, table)
    .then((outcome): ThreadReply => ({ task, outcome }))
    .catch((error: unknown): ThreadReply => {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      return { task, error: errorText(error), code };
    })
    .then((reply) => {
      parentPort?.postMessage(reply, 'outcome' in reply ? buffersOf(reply.outcome) : []);
    });
});

function buffersOf(outcome: TraceOutcome): ArrayBuffer[] {
  if (!('file' in outcome)) return [];
  const { buffer } = outcome.file.table.startNs;
  return buffer instanceof ArrayBuffer ? [buffer] : [];
}
