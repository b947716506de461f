/** Which rollup rows are worth a row in the store. */
import type { Rollups } from '#lib/analysis/rollup-buckets.ts';

/**
 * Leaves out buckets in which nothing was observed of anybody: charts show a gap there, not a zero.
 */
export function bucketsWithData(rollups: Rollups): Rollups {
  const withData = new Set<bigint>();
  for (const row of rollups.workers) {
    if (row.events > 0 || row.lengths.observedNs > 0) withData.add(row.bucketStartUnixNs);
  }
  for (const row of rollups.deployments) if (row.steps > 0) withData.add(row.bucketStartUnixNs);
  return {
    workers: rollups.workers.filter((row) => withData.has(row.bucketStartUnixNs)),
    deployments: rollups.deployments.filter((row) => withData.has(row.bucketStartUnixNs)),
  };
}
