/**
 * Hours and days of `worker_rollups` and `deployment_rollups`: sums of their minutes and hours, made
 * in SQL. Under the negative bucket length stand the sums over each group's workers, worker_id
 * "group/*", rank their number: trends read nothing else.
 */
import type Database from 'better-sqlite3';
import { ROLLUP_LEVELS_NS } from '../rollup-levels.ts';
import {
  DEPLOYMENT_COLUMNS,
  GROUP_SUFFIX,
  LENGTH_COLUMNS,
  markPartition,
  SUM_GROUPS,
  SUMMED_NS,
  SUMS_NS,
  WORKER_COLUMNS,
} from './rollup-statements.ts';
import type { StaleMark, StaleMarks } from './stale-marks.ts';

/** Workers that one call adds up: 60 rows each at most. */
const WORKERS_PER_CALL = 32;

export class PartitionSums {
  readonly #database: Database.Database;
  readonly #marks: StaleMarks;
  readonly #workersAfter;
  readonly #sumWorkers;
  readonly #sumGroups;
  readonly #sumDeployment;

  constructor(database: Database.Database, marks: StaleMarks) {
    this.#database = database;
    this.#marks = marks;
    const lengths = LENGTH_COLUMNS.map((name) => `sum(${name})`).join(', ');
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
       SELECT deployment, ?, ?, worker_id, group_name, role, rank, sum(events), ${lengths}
       FROM worker_rollups
       WHERE deployment = ? AND resolution_ns = ?
         AND bucket_start_unix_ns >= ? AND bucket_start_unix_ns < ?
         AND worker_id > ? AND worker_id <= ?
       GROUP BY worker_id`,
    );
    this.#sumGroups = database.prepare<[string, string, number, bigint]>(SUM_GROUPS);
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

  /** The next workers of the bucket after `afterWorker`: the last of them, or null after all. */
  sumWorkers(mark: StaleMark, afterWorker: string): string | null {
    const { deployment, resolutionNs, bucketStartUnixNs: from } = mark;
    const to = from + BigInt(resolutionNs);
    const fineNs = finerThan(resolutionNs);
    const most = WORKERS_PER_CALL;
    const workers = this.#workersAfter.all(deployment, fineNs, from, to, afterWorker, most);
    const last = workers.at(-1);
    if (last === undefined) return null;
    this.#sumWorkers.run(resolutionNs, from, deployment, fineNs, from, to, afterWorker, last);
    return last;
  }

  /** After all workers. */
  sumDeployment({ deployment, resolutionNs, bucketStartUnixNs: from }: StaleMark): void {
    const to = from + BigInt(resolutionNs);
    this.#sumDeployment.run(resolutionNs, from, deployment, finerThan(resolutionNs), from, to);
    this.#sumGroups.run(GROUP_SUFFIX, deployment, resolutionNs, from);
    markPartition(this.#marks, deployment, resolutionNs, from);
  }

  /** Hours of a database that was made before there were any: marked once. */
  markAllOnce(): void {
    const known = this.#database
      .prepare<[string]>('SELECT 1 FROM meta WHERE name = ?')
      .get(HOURS_MARKED);
    if (known !== undefined) return;
    const hours = this.#database
      .prepare<[bigint, number], { deployment: string; hour: bigint }>(
        `SELECT DISTINCT deployment, bucket_start_unix_ns - bucket_start_unix_ns % ? AS hour
         FROM deployment_rollups WHERE resolution_ns = ?`,
      )
      .all(BigInt(SUMS_NS), SUMMED_NS);
    this.#database
      .transaction(() => {
        for (const { deployment, hour } of hours) {
          markPartition(this.#marks, deployment, SUMMED_NS, hour);
        }
        this.#database
          .prepare<[string]>('INSERT INTO meta (name, value) VALUES (?, 1)')
          .run(HOURS_MARKED);
      })
      .immediate();
  }
}

const HOURS_MARKED = 'partition_hours_marked';

function finerThan(resolutionNs: number): number {
  return ROLLUP_LEVELS_NS[ROLLUP_LEVELS_NS.indexOf(resolutionNs) - 1] ?? SUMMED_NS;
}
