/**
 * Several traces at once, each in a thread of its own; few or small ones here. Columns are handed over,
 * not copied.
 */
import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { KernelTable } from './kernel-table.ts';
import { builtInKernels } from './kernel-table-file.ts';
import { readKinetoFile, type TraceOutcome } from './kineto-read.ts';
import type { ThreadData, ThreadReply, ThreadTask } from './kineto-thread-messages.ts';

const ENTRY = new URL('./kineto-thread.ts', import.meta.url);
/** A thread costs about as much as reading this much. */
const WORTH_A_THREAD_BYTES = 32 * 1024 * 1024;
const MAX_THREADS = 2;
/** What a trace is made of lies outside of the heap; semi-spaces of Node's own size would be 100 MB. */
const YOUNG_MB = 12;

type TraceTask = Omit<ThreadTask, 'task'>;

/** Outcomes in the order of the tasks. Throws what node:fs throws. */
export async function readKinetoFiles(
  tasks: readonly TraceTask[],
  table: KernelTable = builtInKernels(),
  threads: number = Math.min(MAX_THREADS, availableParallelism()),
): Promise<TraceOutcome[]> {
  const sizes = await Promise.all(tasks.map(async ({ path }) => (await stat(path)).size));
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  const useful = Math.min(threads, tasks.length, Math.floor(bytes / WORTH_A_THREAD_BYTES));
  if (useful < 2) {
    const outcomes: TraceOutcome[] = [];
    for (const { path, fileIndex } of tasks) {
      outcomes.push(await readKinetoFile(path, fileIndex, table));
    }
    return outcomes;
  }
  // Large files first, so that none is begun when all others are done.
  const order = tasks.map((_, i) => i).sort((a, b) => sizes[b]! - sizes[a]! || a - b);
  const outcomes: TraceOutcome[] = [];
  const workers = Array.from(
    { length: useful },
    () =>
      new Worker(ENTRY, {
        workerData: { table } satisfies ThreadData,
        name: 'trace',
        execArgv: [],
        resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
      }),
  );
  try {
    await Promise.all(
      workers.map((worker) =>
        serve(
          worker,
          () => {
            const task = order.shift();
            return task === undefined ? null : { ...tasks[task]!, task };
          },
          outcomes,
        ),
      ),
    );
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  return outcomes;
}

function serve(
  worker: Worker,
  next: () => ThreadTask | null,
  outcomes: TraceOutcome[],
): Promise<void> {
  return new Promise((resolve, reject) => {
    const ask = (): void => {
      const task = next();
      if (task === null) resolve();
      else worker.postMessage(task);
    };
    worker.on('message', (reply: ThreadReply) => {
      if ('error' in reply) {
        reject(Object.assign(new Error(reply.error), { code: reply.code }));
        return;
      }
      outcomes[reply.task] = reply.outcome;
      ask();
    });
    worker.on('error', reject);
    worker.on('exit', () => reject(new Error('a thread that reads traces ended')));
    ask();
  });
}
