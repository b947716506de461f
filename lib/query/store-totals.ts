/** What came in and how large it is: the store's part of `GET /api/v1/health`. */
import type { TelemetryReader } from '#lib/store/telemetry-store.ts';
import type { StoreTotals } from './questions.ts';

export async function storeTotals(reader: TelemetryReader): Promise<StoreTotals> {
  const size = await reader.size();
  const totals = await reader.ingestTotals();
  return {
    store: {
      databaseBytes: size.databaseBytes,
      walBytes: size.walBytes,
      rawBytes: size.rawBytes,
      oldestRawUnixNs: size.oldestRawUnixNs === null ? null : String(size.oldestRawUnixNs),
      ...(size.damagedChunks === undefined ? {} : { damagedChunks: size.damagedChunks }),
    },
    totals: totals.map((row) => ({
      deployment: row.deployment,
      acceptedEvents: row.acceptedEvents,
      acceptedMetricPoints: row.acceptedMetricPoints,
      logRecords: row.logRecords,
      rejected: Object.fromEntries(Object.entries(row.rejected).filter(([, events]) => events > 0)),
    })),
  };
}
