/** What came in, counted by deployment since the store is there. */
import { REJECT_REASONS, type RejectCounts } from '#lib/table/reject-reasons.ts';
import type { IngestTotals } from './telemetry-store.ts';

interface Totals {
  acceptedEvents: number;
  importedEvents: number;
  acceptedMetricPoints: number;
  logRecords: number;
  readonly rejected: RejectCounts;
}

export class MemoryTotals {
  readonly #totals = new Map<string, Totals>();

  /** To add to; that of '' is of what names no deployment. */
  of(deployment: string): Totals {
    const known = this.#totals.get(deployment);
    if (known !== undefined) return known;
    const made = {
      acceptedEvents: 0,
      importedEvents: 0,
      acceptedMetricPoints: 0,
      logRecords: 0,
      rejected: {},
    };
    this.#totals.set(deployment, made);
    return made;
  }

  reject(deployment: string, counts: RejectCounts): void {
    for (const reason of REJECT_REASONS) {
      const count = counts[reason] ?? 0;
      if (count === 0) continue;
      const { rejected } = this.of(deployment);
      rejected[reason] = (rejected[reason] ?? 0) + count;
    }
  }

  all(): readonly IngestTotals[] {
    return [...this.#totals]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([deployment, totals]) => ({
        deployment,
        ...totals,
        rejected: { ...totals.rejected },
      }));
  }
}
