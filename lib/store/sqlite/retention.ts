/**
 * Deletes what the policy no longer keeps: raw chunks by age, then by size, oldest first, but never
 * one that a pin needs; metric chunks and rollups by their own age. Every call is bounded, and
 * gives a bounded number of free pages back to the disk.
 */
import type Database from 'better-sqlite3';
import type { UnixNanos } from '#lib/base/units.ts';
import type { RetainOutcome, RetentionPolicy } from '../telemetry-store.ts';

const CHUNKS_PER_CALL = 256;
const ROLLUPS_PER_CALL = 2000;
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
  readonly #statements;

  constructor(database: Database.Database) {
    this.#database = database;
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
        const workers = this.#deleteRollups('worker_rollups', rollupsBefore);
        const deployments = this.#deleteRollups('deployment_rollups', rollupsBefore);
        return {
          deletedChunks: raw + metrics,
          deletedRollups: workers + deployments,
          more:
            raw === CHUNKS_PER_CALL ||
            metrics === CHUNKS_PER_CALL ||
            workers >= ROLLUPS_PER_CALL ||
            deployments >= ROLLUPS_PER_CALL,
        };
      })
      .immediate();
    this.#shrinkFile();
    return outcome;
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

  /** Old buckets of each (deployment, resolution), found by stepping through the primary key. */
  #deleteRollups(table: 'worker_rollups' | 'deployment_rollups', beforeUnixNs: bigint): number {
    const nextKind = this.#database.prepare<
      [string, bigint],
      { deployment: string; resolutionNs: bigint }
    >(
      `SELECT deployment, resolution_ns AS resolutionNs FROM ${table}
       WHERE (deployment, resolution_ns) > (?, ?) ORDER BY deployment, resolution_ns LIMIT 1`,
    );
    const remove = this.#database.prepare<[string, bigint, bigint, number]>(
      `DELETE FROM ${table} WHERE rowid IN (
         SELECT rowid FROM ${table}
         WHERE deployment = ? AND resolution_ns = ? AND bucket_start_unix_ns <= ?
         ORDER BY bucket_start_unix_ns LIMIT ?)`,
    );
    let deleted = 0;
    let kind = nextKind.get('', -1n);
    while (kind !== undefined && deleted < ROLLUPS_PER_CALL) {
      const { changes } = remove.run(
        kind.deployment,
        kind.resolutionNs,
        beforeUnixNs - kind.resolutionNs,
        ROLLUPS_PER_CALL - deleted,
      );
      deleted += changes;
      kind = nextKind.get(kind.deployment, kind.resolutionNs);
    }
    return deleted;
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
