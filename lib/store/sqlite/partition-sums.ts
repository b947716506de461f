/** Hours of `worker_rollups` and `deployment_rollups`: sums of their minutes, made in SQL. */
import type Database from 'better-sqlite3';
import {
  DEPLOYMENT_COLUMNS,
  LENGTH_COLUMNS,
  SUMMED_NS,
  SUMS_NS,
  WORKER_COLUMNS,
} from './rollup-statements.ts';
import type { StaleMark, StaleMarks } from './stale-marks.ts';

/** Workers that one call adds up: 60 rows each. */
const WORKERS_PER_CALL = 32;

export class PartitionSums {
  readonly #database: Database.Database;
  readonly #workersAfter;
  readonly #sumWorkers;
  readonly #sumDeployment;

  constructor(database: Database.Database) {
    this.#database = database;
    this.#workersAfter = database
      .prepare<[string, number, bigint, bigint, string, number], string>(
        `SELECT DISTINCT worker_id FROM worker_rollups
         WHERE deployment = ? AND resolution_ns = ?
           AND bucket_start_unix_ns >= ? AND bucket_start_unix_ns < ? AND worker_id > ?
         ORDER BY worker_id LIMIT ?`,
      )
      .pluck();
    this.#sumWorkers = database.prepare<
      [number, bigint, string, number, bigint, bigint, string, string]
    >(
      `INSERT OR REPLACE INTO worker_rollups (${WORKER_COLUMNS.join(', ')})
       SELECT deployment, ?, ?, worker_id, group_name, role, rank, sum(events),
              ${LENGTH_COLUMNS.map((name) => `sum(${name})`).join(', ')}
       FROM worker_rollups
       WHERE deployment = ? AND resolution_ns = ?
         AND bucket_start_unix_ns >= ? AND bucket_start_unix_ns < ?
         AND worker_id > ? AND worker_id <= ?
       GROUP BY worker_id`,
    );
    const sums = DEPLOYMENT_COLUMNS.slice(3).map((name) =>
      name === 'step_latency_max_ns' ? `max(${name})` : `sum(${name})`,
    );
    this.#sumDeployment = database.prepare<[number, bigint, string, number, bigint, bigint]>(
      `INSERT OR REPLACE INTO deployment_rollups (${DEPLOYMENT_COLUMNS.join(', ')})
       SELECT deployment, ?, ?, ${sums.join(', ')}
       FROM deployment_rollups
       WHERE deployment = ? AND resolution_ns = ?
         AND bucket_start_unix_ns >= ? AND bucket_start_unix_ns < ?
       GROUP BY deployment`,
    );
  }

  /** The next workers of the hour after `afterWorker`: the last of them, or null after all. */
  sumWorkers(mark: StaleMark, afterWorker: string): string | null {
    const { deployment, bucketStartUnixNs: from } = mark;
    const to = from + BigInt(SUMS_NS);
    const workers = this.#workersAfter.all(
      deployment,
      SUMMED_NS,
      from,
      to,
      afterWorker,
      WORKERS_PER_CALL,
    );
    const last = workers.at(-1);
    if (last === undefined) return null;
    this.#sumWorkers.run(SUMS_NS, from, deployment, SUMMED_NS, from, to, afterWorker, last);
    return last;
  }

  sumDeployment({ deployment, bucketStartUnixNs: from }: StaleMark): void {
    const to = from + BigInt(SUMS_NS);
    this.#sumDeployment.run(SUMS_NS, from, deployment, SUMMED_NS, from, to);
  }

  /** Hours of a database that was made before there were any: marked once. */
  markAllOnce(marks: StaleMarks): void {
    const known = this.#database
      .prepare<[string]>('SELECT 1 FROM meta WHERE name = ?')
      .get(HOURS_MARKED);
    if (known !== undefined) return;
    const hours = this.#database
      .prepare<[bigint, bigint, number], { deployment: string; hour: bigint }>(
        `SELECT DISTINCT deployment,
                bucket_start_unix_ns - bucket_start_unix_ns % ? AS hour
         FROM deployment_rollups WHERE bucket_start_unix_ns >= ? AND resolution_ns = ?`,
      )
      .all(BigInt(SUMS_NS), 0n, SUMMED_NS);
    this.#database
      .transaction(() => {
        for (const { deployment, hour } of hours) {
          marks.mark({
            deployment,
            kind: 'partition',
            resolutionNs: SUMS_NS,
            bucketStartUnixNs: hour,
          });
        }
        this.#database
          .prepare<[string]>('INSERT INTO meta (name, value) VALUES (?, 1)')
          .run(HOURS_MARKED);
      })
      .immediate();
  }
}

const HOURS_MARKED = 'partition_hours_marked';
