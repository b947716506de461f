import type { Assembled } from '#lib/model/assembled.ts';
import { type ActivityLengths, lengthsOfMasks } from './activity.ts';
import { presenceOf } from './observed.ts';
import { timeByMask } from './time-by-mask.ts';
import { WorkerSets } from './worker-sets.ts';

/**
 * Activity lengths of every worker in every bucket: `[worker][bucket]`, bucket b being
 * `[edgesNs[b], edgesNs[b + 1])`. What buckets add up to is the activity over all of them.
 */
export function workerActivity(
  assembled: Assembled,
  edgesNs: ArrayLike<number>,
): ActivityLengths[][] {
  const presence = presenceOf(assembled);
  const sets = new WorkerSets(assembled);
  const buckets = Math.max(0, edgesNs.length - 1);
  return assembled.events.workers.map((_, w) => {
    const time = timeByMask(sets.of(w, presence[w]!), edgesNs);
    return Array.from({ length: buckets }, (_, b) => lengthsOfMasks(time, b << 9));
  });
}
