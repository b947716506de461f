/** Rollups of several buckets or workers as one. */
import {
  ROLLUP_LENGTHS,
  type RollupLengthName,
  type RollupLengths,
  type WorkerRollup,
} from '#lib/table/rollups.ts';

export function addedRollup(sum: WorkerRollup, row: WorkerRollup): WorkerRollup {
  const lengths = addedLengths(sum.lengths, row.lengths);
  return { ...sum, events: sum.events + row.events, lengths };
}

export function addedLengths(a: RollupLengths, b: RollupLengths): RollupLengths {
  const entries = ROLLUP_LENGTHS.map((name) => [name, a[name] + b[name]]);
  return Object.fromEntries(entries) as Record<RollupLengthName, number>;
}
