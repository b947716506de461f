import type { WorkerInfo } from './worker-info.ts';

/** The text fields of a worker, in the order in which keys and chunk headers list them. */
export const WORKER_TEXTS = [
  'deployment',
  'group',
  'role',
  'incarnation',
  'service',
  'instanceId',
  'host',
  'hwId',
  'clockDomain',
  'sendEnd',
  'sendMode',
  'topology',
  'connector',
  'model',
] as const satisfies readonly (keyof WorkerInfo)[];

/** The integer fields of a worker. */
export const WORKER_NUMBERS = [
  'rank',
  'domain',
  'microbatches',
  'layers',
] as const satisfies readonly (keyof WorkerInfo)[];

const keys = new WeakMap<WorkerInfo, string>();

/** Equal for two workers exactly when all their fields are equal. */
export function workerKey(worker: WorkerInfo): string {
  const known = keys.get(worker);
  if (known !== undefined) return known;
  const key = JSON.stringify([
    ...WORKER_TEXTS.map((name) => worker[name]),
    ...WORKER_NUMBERS.map((name) => worker[name]),
    // Only where it is there: keys of workers that were stored before stay what they were.
    ...(worker.gpu === undefined ? [] : [worker.gpu]),
    ...(worker.timing === undefined ? [] : [{ timing: worker.timing }]),
  ]);
  keys.set(worker, key);
  return key;
}
