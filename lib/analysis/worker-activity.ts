import type { Assembled } from '#lib/model/assembled.ts';
import { type ActivityLengths, lengthsOfMasks } from './activity.ts';
import { ActivitySweep, MASKS } from './activity-sweep.ts';
import { presenceOf, type WorkerDomains } from './observed.ts';

/**
 * Activity lengths of every worker in every bucket: `[worker][bucket]`, bucket b being
 * `[edgesNs[b], edgesNs[b + 1])`. What buckets add up to is the activity over all of them.
 * `domains`: where a larger window tells more of them.
 */
export function workerActivity(
  assembled: Assembled,
  edgesNs: ArrayLike<number>,
  domains?: WorkerDomains,
): ActivityLengths[][] {
  const buckets = Math.max(0, edgesNs.length - 1);
  if (buckets === 0) return assembled.events.workers.map(() => []);
  const presence = presenceOf(assembled, domains);
  const sweep = new ActivitySweep(assembled, edgesNs);
  return assembled.events.workers.map((_, w) => {
    const time = sweep.of(w, presence[w]!);
    return Array.from({ length: buckets }, (_, b) => lengthsOfMasks(time, b * MASKS));
  });
}
