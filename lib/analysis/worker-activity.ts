import type { Assembled } from '#lib/model/assembled.ts';
import { type ActivityLengths, addCauses, lengthsOfMasks } from './activity.ts';
import { ActivitySweep, MASKS } from './activity-sweep.ts';
import { CAUSE_COUNT, causeLengths } from './cause-lengths.ts';
import type { KeyTimes } from './key-times.ts';
import type { LoadModel } from './load-model.ts';
import { presenceOf, type WorkerDomains } from './observed.ts';

/** One bucket of a worker. */
export interface WorkerActivity {
  readonly lengths: ActivityLengths;
  /** What others waited because of it. */
  readonly blamedNs: number;
}

/**
 * Activity of every worker in every bucket: `[worker][bucket]`, bucket b being
 * `[edgesNs[b], edgesNs[b + 1])`. What buckets add up to is the activity over all of them.
 * `domains`: where a larger window tells more of them.
 */
export function workerActivity(
  assembled: Assembled,
  times: KeyTimes,
  models: readonly LoadModel[],
  edgesNs: ArrayLike<number>,
  domains?: WorkerDomains,
): WorkerActivity[][] {
  const buckets = Math.max(0, edgesNs.length - 1);
  if (buckets === 0) return assembled.events.workers.map(() => []);
  const presence = presenceOf(assembled, domains);
  const sweep = new ActivitySweep(assembled, edgesNs);
  const { causeNs, blamedNs } = causeLengths(assembled, times, models, edgesNs);
  return assembled.events.workers.map((_, w) => {
    const time = sweep.of(w, presence[w]!);
    return Array.from({ length: buckets }, (_, b) => {
      const lengths = lengthsOfMasks(time, b * MASKS);
      addCauses(lengths, causeNs, (w * buckets + b) * CAUSE_COUNT);
      return { lengths, blamedNs: blamedNs[w * buckets + b]! };
    });
  });
}
