/** Counts by second of events that were refused, changed, late or there before (../mark-levels.ts). */
import type Database from 'better-sqlite3';
import { isRejectReason } from '#lib/table/reject-reasons.ts';
import type { PlacedMark } from '../append-marks.ts';
import { MARK_LENGTHS_S, MarkSums, marksKeptFromS, wholeMarkBuckets } from '../mark-levels.ts';
import type { IngestMarkBucket, IngestMarkSelection, RetentionPolicy } from '../telemetry-store.ts';

const ROWS_PER_CALL = 2000;

interface StoredMark {
  readonly deployment: string;
  readonly start: bigint;
  readonly reason: string;
  readonly events: bigint;
}

/** Inside the caller's transaction. */
export class IngestMarkWriter {
  readonly #add;
  readonly #old;
  readonly #remove;

  constructor(database: Database.Database) {
    this.#add = database.prepare<[string, number, number, string, number | bigint]>(
      `INSERT INTO ingest_marks (deployment, length_s, start_unix_s, reason, events)
       VALUES (?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET events = events + excluded.events`,
    );
    this.#old = database.prepare<[number, number, number], StoredMark>(
      `SELECT deployment, start_unix_s AS start, reason, events FROM ingest_marks
       WHERE length_s = ? AND start_unix_s < ? ORDER BY start_unix_s LIMIT ?`,
    );
    this.#remove = database.prepare<[string, number, bigint, string]>(
      `DELETE FROM ingest_marks
       WHERE deployment = ? AND length_s = ? AND start_unix_s = ? AND reason = ?`,
    );
  }

  add(marks: readonly PlacedMark[]): void {
    for (const { deployment, reason, unixS, events } of marks) {
      this.#add.run(deployment, MARK_LENGTHS_S[0]!, unixS, reason, events);
    }
  }

  /** One slice; true: there is more. */
  retain(policy: RetentionPolicy, nowUnixNs: bigint): boolean {
    let left = ROWS_PER_CALL;
    for (const [level, lengthS] of MARK_LENGTHS_S.entries()) {
      const coarserS = MARK_LENGTHS_S[level + 1];
      const rows = this.#old.all(lengthS, marksKeptFromS(level, policy, nowUnixNs), left);
      for (const { deployment, start, reason, events } of rows) {
        this.#remove.run(deployment, lengthS, start, reason);
        if (coarserS === undefined) continue;
        const coarse = Math.floor(Number(start) / coarserS) * coarserS;
        this.#add.run(deployment, coarserS, coarse, reason, events);
      }
      left -= rows.length;
      if (left === 0) return true;
    }
    return false;
  }
}

export class IngestMarkReader {
  readonly #find;

  constructor(database: Database.Database) {
    // A number would be bound as a double, and not divided as an integer.
    this.#find = database.prepare<
      [bigint, string, number, number, number],
      Omit<StoredMark, 'deployment'>
    >(
      `SELECT start_unix_s / ? AS start, reason, sum(events) AS events FROM ingest_marks
       WHERE deployment = ? AND length_s = ? AND start_unix_s >= ? AND start_unix_s < ?
       GROUP BY 1, 2`,
    );
  }

  buckets({ deployment, window, resolutionS }: IngestMarkSelection): readonly IngestMarkBucket[] {
    const sums = new MarkSums();
    for (const ownS of MARK_LENGTHS_S) {
      const lengthS = Math.max(ownS, resolutionS);
      const { fromS, toS } = wholeMarkBuckets(window, lengthS);
      for (const { start, reason, events } of this.#find.all(
        BigInt(lengthS),
        deployment,
        ownS,
        fromS,
        toS,
      )) {
        // One of a newer program's has no name here.
        if (!isRejectReason(reason)) continue;
        sums.add(Number(start) * lengthS, lengthS, reason, Number(events));
      }
    }
    return sums.buckets();
  }
}
