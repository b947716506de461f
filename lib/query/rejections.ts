/** Which refused events concern a deployment. */
import type { IngestTotals, TelemetryReader } from '#lib/store/telemetry-store.ts';
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

/** What `rejectionsOf` looks at: an import has no senders that nameless refusals could be of. */
export function countsFor(
  totals: readonly IngestTotals[],
  deployment: string,
): ReadonlyMap<string, RejectCounts> {
  const own = totals.find((row) => row.deployment === deployment);
  return new Map(
    (own !== undefined && hasNoSenders(own) ? [own] : totals).map((row) => [
      row.deployment,
      row.rejected,
    ]),
  );
}

/** Is everything of the deployment from imports? */
export async function isImported(reader: TelemetryReader, deployment: string): Promise<boolean> {
  const totals = await reader.ingestTotals();
  const own = totals.find((row) => row.deployment === deployment);
  return own !== undefined && hasNoSenders(own);
}

function hasNoSenders({ importedEvents, acceptedEvents }: IngestTotals): boolean {
  return importedEvents >= acceptedEvents;
}
