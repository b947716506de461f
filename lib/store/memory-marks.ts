/** Counts by second in memory, as SQLite keeps them (mark-levels.ts). */
import type { RejectReason } from '#lib/table/reject-reasons.ts';
import type { PlacedMark } from './append-marks.ts';
import { MARK_LENGTHS_S, MarkSums, marksKeptFromS, wholeMarkBuckets } from './mark-levels.ts';
import type { IngestMarkBucket, IngestMarkSelection, RetentionPolicy } from './telemetry-store.ts';

interface Row {
  readonly deployment: string;
  readonly level: number;
  readonly startUnixS: number;
  readonly reason: RejectReason;
  readonly events: number;
}

export class MemoryMarks {
  #rows: Row[] = [];

  add(marks: readonly PlacedMark[]): void {
    for (const { deployment, reason, unixS, events } of marks) {
      this.#rows.push({ deployment, level: 0, startUnixS: unixS, reason, events });
    }
  }

  buckets({ deployment, window, resolutionS }: IngestMarkSelection): readonly IngestMarkBucket[] {
    const sums = new MarkSums();
    for (const row of this.#rows) {
      if (row.deployment !== deployment) continue;
      const lengthS = Math.max(MARK_LENGTHS_S[row.level]!, resolutionS);
      const start = Math.floor(row.startUnixS / lengthS) * lengthS;
      const { fromS, toS } = wholeMarkBuckets(window, lengthS);
      if (start < fromS || start >= toS) continue;
      sums.add(start, lengthS, row.reason, row.events);
    }
    return sums.buckets();
  }

  retain(policy: RetentionPolicy, nowUnixNs: bigint): void {
    for (const [level] of MARK_LENGTHS_S.entries()) {
      const before = marksKeptFromS(level, policy, nowUnixNs);
      const coarserS = MARK_LENGTHS_S[level + 1];
      this.#rows = this.#rows.flatMap((row) => {
        if (row.level !== level || row.startUnixS >= before) return [row];
        if (coarserS === undefined) return [];
        const startUnixS = Math.floor(row.startUnixS / coarserS) * coarserS;
        return [{ ...row, level: level + 1, startUnixS }];
      });
    }
  }
}
