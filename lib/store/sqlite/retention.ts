/**
 * Deletes what the policy no longer keeps: raw chunks by age, then by size, oldest first, but never
 * one that a pin needs; metric chunks by their own age (rollups: rollup-retention.ts). Every call is bounded, and
 * gives a bounded number of free pages back to the disk.
 */
import type Database from 'better-sqlite3';
import type { UnixNanos } from '#lib/base/units.ts';
import type { RetainOutcome, RetentionPolicy } from '../telemetry-store.ts';
import { RollupRetention } from './rollup-retention.ts';
import type { StaleMarks } from './stale-marks.ts';

const CHUNKS_PER_CALL = 256;
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

export class Retention {
  readonly #database: Database.Database;
  readonly #rollups: RollupRetention;
  readonly #statements;

  constructor(database: Database.Database, marks: StaleMarks) {
    this.#database = database;
    this.#rollups = new RollupRetention(database, marks);
    this.#statements = {
      oldestChunks: database.prepare<[number], OldChunk>(
        `SELECT id, to_unix_ns AS toUnixNs, blob_bytes AS blobBytes FROM chunks AS chunk
         WHERE NOT EXISTS (
           SELECT 1 FROM pins WHERE pins.deployment = chunk.deployment
             AND pins.from_unix_ns < chunk.to_unix_ns AND pins.to_unix_ns > chunk.from_unix_ns)
         ORDER BY to_unix_ns LIMIT ?`,
      ),
      oldestMetrics: database.prepare<[number], OldChunk>(
        `SELECT id, to_unix_ns AS toUnixNs, blob_bytes AS blobBytes FROM metric_chunks
         ORDER BY to_unix_ns LIMIT ?`,
      ),
      deleteChunk: database.prepare<[bigint]>('DELETE FROM chunks WHERE id = ?'),
      deleteMetrics: database.prepare<[bigint]>('DELETE FROM metric_chunks WHERE id = ?'),
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
          this.#statements.oldestChunks,
          this.#statements.deleteChunk,
          'raw_bytes',
          nowUnixNs - BigInt(Math.round(policy.rawNs)),
          policy.rawBytes,
        );
        const metrics = this.#deleteOldest(
          this.#statements.oldestMetrics,
          this.#statements.deleteMetrics,
          'metric_bytes',
          rollupsBefore,
          policy.rawBytes * METRIC_BYTES_SHARE,
        );
        return {
          deletedChunks: raw + metrics,
          more: raw === CHUNKS_PER_CALL || metrics === CHUNKS_PER_CALL,
        };
      })
      .immediate();
    this.#shrinkFile();
    return { ...outcome, more: outcome.more || rollups.more, deletedRollups: rollups.deleted };
  }

  #deleteOldest(
    oldest: Database.Statement<[number], OldChunk>,
    remove: Database.Statement<[bigint]>,
    totalName: string,
    beforeUnixNs: bigint,
    maxBytes: number,
  ): number {
    let total = this.#statements.total.get(totalName) ?? 0n;
    const doomed: OldChunk[] = [];
    for (const chunk of oldest.iterate(CHUNKS_PER_CALL)) {
      if (chunk.toUnixNs > beforeUnixNs && Number(total) <= maxBytes) break;
      doomed.push(chunk);
      total -= chunk.blobBytes;
    }
    for (const { id } of doomed) remove.run(id);
    const freed = doomed.reduce((sum, { blobBytes }) => sum + blobBytes, 0n);
    if (freed > 0n) this.#statements.addTotal.run(-freed, totalName);
    return doomed.length;
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
