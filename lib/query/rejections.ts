/** Which refused events concern a deployment. */
import type { RejectCounts, RejectReason } from '#lib/table/reject-reasons.ts';

/**
 * The deployment's own, and those of senders whose deployment nobody knows: they may be its workers
 * with an attribute missing, so they are told rather than hidden.
 */
export function rejectionsOf(
  byDeployment: ReadonlyMap<string, RejectCounts>,
  deployment: string,
): RejectCounts {
  const sum: RejectCounts = {};
  for (const name of new Set(['', deployment])) {
    const counts = byDeployment.get(name) ?? {};
    for (const reason of Object.keys(counts) as RejectReason[]) {
      const events = counts[reason] ?? 0;
      if (events > 0) sum[reason] = (sum[reason] ?? 0) + events;
    }
  }
  return sum;
}
