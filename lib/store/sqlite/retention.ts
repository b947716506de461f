/**
 * Deletes what the policy no longer keeps: raw chunks by age, then by size, oldest first, but never
 * one that a pin needs; metric chunks likewise, by their own age (rollups: rollup-retention.ts). What the
 * journal holds moves into chunks before it can be deleted. Every call is bounded, and gives a
 * bounded number of free pages back to the disk.
 */
import type Database from 'better-sqlite3';
import type { UnixNanos } from '#lib/base/units.ts';
import { compareInstants } from '#lib/table/instants.ts';
import type { RetainOutcome, RetentionPolicy } from '../telemetry-store.ts';
import { NOT_PINNED } from './pinned.ts';
import { RollupRetention } from './rollup-retention.ts';
import type { StaleMarks } from './stale-marks.ts';

const CHUNKS_PER_CALL = 256;
/** Deleting a blob walks through all its pages. */
const DELETED_BYTES_PER_CALL = 16 * 1024 * 1024;
const VACUUM_PAGES_PER_CALL = 1024;
/** Metric points are small; they may take this share of what raw events may. */
const METRIC_BYTES_SHARE = 0.1;
/** Free pages that stay in the file for the next chunks, as a share of all its pages. */
const FREE_PAGES_SHARE = 0.05;

interface OldChunk {
  readonly id: bigint;
  readonly toUnixNs: bigint;
  readonly blobBytes: bigint;
}

interface OldestOf {
  readonly oldest: Database.Statement<[number], OldChunk>;
  readonly remove: Database.Statement<[bigint]>;
}

export class Retention {
  readonly #database: Database.Database;
  readonly #rollups: RollupRetention;
  readonly #statements;

  constructor(database: Database.Database, marks: StaleMarks) {
    this.#database = database;
    this.#rollups = new RollupRetention(database, marks);
    const oldest = (table: 'chunks' | 'packed_chunks' | 'metric_chunks') =>
      database.prepare<[number], OldChunk>(
        `SELECT id, to_unix_ns AS toUnixNs, blob_bytes AS blobBytes FROM ${table} AS chunk
         WHERE ${NOT_PINNED} ORDER BY to_unix_ns LIMIT ?`,
      );
    const remove = (table: 'chunks' | 'packed_chunks' | 'metric_chunks') =>
      database.prepare<[bigint]>(`DELETE FROM ${table} WHERE id = ?`);
    this.#statements = {
      raw: [
        { oldest: oldest('chunks'), remove: remove('chunks') },
        { oldest: oldest('packed_chunks'), remove: remove('packed_chunks') },
      ],
      metrics: [{ oldest: oldest('metric_chunks'), remove: remove('metric_chunks') }],
      total: database.prepare<[string], bigint>('SELECT value FROM meta WHERE name = ?').pluck(),
      addTotal: database.prepare<[bigint, string]>(
        'UPDATE meta SET value = value + ? WHERE name = ?',
      ),
    };
  }

  retain(policy: RetentionPolicy, nowUnixNs: UnixNanos): RetainOutcome {
    const rollupsBefore = nowUnixNs - BigInt(Math.round(policy.rollupsNs));
    const rollups = this.#rollups.retain(policy, nowUnixNs);
    const outcome = this.#database
      .transaction(() => {
        const raw = this.#deleteOldest(
          this.#statements.raw,
          'raw_bytes',
          nowUnixNs - BigInt(Math.round(policy.rawNs)),
          policy.rawBytes,
        );
        const metrics = this.#deleteOldest(
          this.#statements.metrics,
          'metric_bytes',
          rollupsBefore,
          policy.rawBytes * METRIC_BYTES_SHARE,
        );
        return {
          deletedChunks: raw.deleted + metrics.deleted,
          more: raw.more || metrics.more,
        };
      })
      .immediate();
    this.#shrinkFile();
    return { ...outcome, more: outcome.more || rollups.more, deletedRollups: rollups.deleted };
  }

  /** Of all `tables` together the oldest first. */
  #deleteOldest(
    tables: readonly OldestOf[],
    totalName: string,
    beforeUnixNs: bigint,
    maxBytes: number,
  ): { readonly deleted: number; readonly more: boolean } {
    const total = this.#statements.total.get(totalName) ?? 0n;
    const oldest = tables
      .flatMap(({ oldest, remove }) =>
        oldest.all(CHUNKS_PER_CALL).map((chunk) => ({ ...chunk, remove })),
      )
      .sort((a, b) => compareInstants(a.toUnixNs, b.toUnixNs));
    let freed = 0n;
    let deleted = 0;
    for (const { id, toUnixNs, blobBytes, remove } of oldest) {
      if (toUnixNs > beforeUnixNs && Number(total - freed) <= maxBytes) break;
      if (deleted === CHUNKS_PER_CALL || freed >= DELETED_BYTES_PER_CALL) {
        this.#addTotal(-freed, totalName);
        return { deleted, more: true };
      }
      remove.run(id);
      freed += blobBytes;
      deleted++;
    }
    this.#addTotal(-freed, totalName);
    return { deleted, more: deleted === CHUNKS_PER_CALL };
  }

  #addTotal(bytes: bigint, totalName: string): void {
    if (bytes !== 0n) this.#statements.addTotal.run(bytes, totalName);
  }

  #shrinkFile(): void {
    const free = Number(this.#database.pragma('freelist_count', { simple: true }));
    const pages = Number(this.#database.pragma('page_count', { simple: true }));
    const surplus = Math.floor(free - pages * FREE_PAGES_SHARE);
    if (surplus > 0) {
      this.#database.pragma(`incremental_vacuum(${Math.min(surplus, VACUUM_PAGES_PER_CALL)})`);
    }
  }
}
