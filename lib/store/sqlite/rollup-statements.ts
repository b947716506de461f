/** Rollups: one typed row a bucket, read back in order of bucket, then worker. */
import type Database from 'better-sqlite3';
import { floorTo, unixNanos } from '#lib/base/units.ts';
import {
  type DeploymentRollup,
  type GroupRollup,
  ROLLUP_LENGTHS,
  type RollupBucket,
  type RollupLengthName,
  type RollupLengths,
  type WorkerRollup,
} from '#lib/table/rollups.ts';
import { ROLLUP_LEVELS_NS } from '../rollup-levels.ts';
import type { RollupSelection } from '../telemetry-store.ts';
import type { StaleMarks } from './stale-marks.ts';

/** Minutes and what is coarser are added up to the next coarser rows; finer ones come as they are. */
const FIRST_SUMMED = 2;
export const SUMMED_NS = ROLLUP_LEVELS_NS[FIRST_SUMMED]!;
/** The finest rows that are made here (partition-sums.ts). */
export const SUMS_NS = ROLLUP_LEVELS_NS[FIRST_SUMMED + 1]!;

/** The row that holds the sum over a group's workers; its rank is their number. */
export const GROUP_SUFFIX = '/*';

/** "activeBubbleNs" is kept in column active_bubble_ns. */
function columnOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

export const LENGTH_COLUMNS = ROLLUP_LENGTHS.map(columnOf);
export const WORKER_COLUMNS = [
  'deployment',
  'resolution_ns',
  'bucket_start_unix_ns',
  'worker_id',
  'group_name',
  'role',
  'rank',
  'events',
  ...LENGTH_COLUMNS,
];

/**
 * Sums over groups stand beside the rows of every length that are put in or made: a second of 700
 * workers is two rows of a trend. Binds: suffix, deployment, length, bucket.
 */
export const SUM_GROUPS = `
  INSERT OR REPLACE INTO worker_rollups (${WORKER_COLUMNS.join(', ')})
  SELECT deployment, -resolution_ns, bucket_start_unix_ns, group_name || ?, group_name, role,
         count(*), sum(events), ${LENGTH_COLUMNS.map((name) => `sum(${name})`).join(', ')}
  FROM worker_rollups
  WHERE deployment = ? AND resolution_ns = ? AND bucket_start_unix_ns = ?
  GROUP BY group_name`;

const DEPLOYMENT_NUMBERS = [
  'steps',
  'stepLatencySumNs',
  'stepLatencyMaxNs',
  'tokens',
  'periodSumNs',
  'periodCount',
  'idealPeriodSumNs',
  'idealPeriodCount',
] as const satisfies readonly (keyof DeploymentRollup)[];
export const DEPLOYMENT_COLUMNS = [
  'deployment',
  'resolution_ns',
  'bucket_start_unix_ns',
  ...DEPLOYMENT_NUMBERS.map(columnOf),
];

type Cell = string | number | bigint;

export class RollupWriter {
  readonly #putWorker;
  readonly #putDeployment;
  readonly #sumGroups;
  readonly #marks: StaleMarks;

  constructor(database: Database.Database, marks: StaleMarks) {
    this.#marks = marks;
    this.#putWorker = database.prepare<Cell[]>(replaceInto('worker_rollups', WORKER_COLUMNS));
    this.#putDeployment = database.prepare<Cell[]>(
      replaceInto('deployment_rollups', DEPLOYMENT_COLUMNS),
    );
    this.#sumGroups = database.prepare<[string, string, number, bigint]>(SUM_GROUPS);
  }

  /** Inside the caller's transaction. */
  put(workers: readonly WorkerRollup[], deployments: readonly DeploymentRollup[]): void {
    for (const rollup of workers) {
      this.#putWorker.run(
        rollup.deployment,
        rollup.resolutionNs,
        rollup.bucketStartUnixNs,
        rollup.workerId,
        rollup.group,
        rollup.role,
        rollup.rank,
        rollup.events,
        ...ROLLUP_LENGTHS.map((name) => rollup.lengths[name]),
      );
    }
    for (const rollup of deployments) {
      this.#putDeployment.run(
        rollup.deployment,
        rollup.resolutionNs,
        rollup.bucketStartUnixNs,
        ...DEPLOYMENT_NUMBERS.map((name) => rollup[name]),
      );
    }
    for (const { deployment, resolutionNs, bucketStartUnixNs } of bucketsOf(workers)) {
      this.#sumGroups.run(GROUP_SUFFIX, deployment, resolutionNs, bucketStartUnixNs);
    }
    for (const { deployment, resolutionNs, bucketStartUnixNs } of bucketsOf([
      ...workers,
      ...deployments,
    ])) {
      if (resolutionNs < SUMMED_NS) continue;
      markPartition(this.#marks, deployment, resolutionNs, bucketStartUnixNs);
    }
  }
}

/** Each bucket once. */
function bucketsOf(rows: readonly RollupBucket[]): readonly RollupBucket[] {
  const found = new Map<string, RollupBucket>();
  for (const row of rows) {
    const key = `${row.resolutionNs} ${row.bucketStartUnixNs} ${row.deployment}`;
    if (!found.has(key)) found.set(key, row);
  }
  return [...found.values()];
}

/**
 * The bucket that holds this one is to be made anew; one some of whose finer rows are deleted stays
 * as it is.
 */
export function markPartition(
  marks: StaleMarks,
  deployment: string,
  resolutionNs: number,
  bucketStartUnixNs: bigint,
): void {
  const coarserNs = ROLLUP_LEVELS_NS[ROLLUP_LEVELS_NS.indexOf(resolutionNs) + 1];
  if (coarserNs === undefined) return;
  const start = floorTo(bucketStartUnixNs, BigInt(coarserNs));
  if (start < marks.keptFrom('partition', resolutionNs)) return;
  const kind = 'partition';
  marks.mark({ deployment, kind, resolutionNs: coarserNs, bucketStartUnixNs: start });
}

type Row = readonly Cell[];

export class RollupReader {
  readonly #workers;
  readonly #workerSums;
  readonly #groups;
  readonly #groupSums;
  readonly #buckets;
  readonly #deployments;

  constructor(database: Database.Database) {
    this.#workerSums = database
      .prepare<[string, number, bigint, bigint], Row>(
        `SELECT deployment, resolution_ns, min(bucket_start_unix_ns), worker_id, group_name, role,
                rank, sum(events), ${LENGTH_COLUMNS.map((name) => `sum(${name})`).join(', ')}
         FROM worker_rollups
         WHERE deployment = ? AND resolution_ns = ?
           AND bucket_start_unix_ns > ? AND bucket_start_unix_ns < ?
         GROUP BY worker_id`,
      )
      .raw();
    this.#groupSums = database
      .prepare<[string, number, bigint, bigint], Row>(
        `SELECT ${WORKER_COLUMNS.join(', ')} FROM worker_rollups
         WHERE deployment = ? AND resolution_ns = -?
           AND bucket_start_unix_ns > ? AND bucket_start_unix_ns < ?
         ORDER BY bucket_start_unix_ns, group_name`,
      )
      .raw();
    // One look into the index a bucket: DISTINCT would walk over the rows of all workers.
    this.#buckets = database
      .prepare<[BucketRange], bigint>(
        `WITH RECURSIVE buckets (start) AS (
           SELECT min(bucket_start_unix_ns) FROM worker_rollups
           WHERE deployment = $deployment AND resolution_ns = $resolutionNs
             AND bucket_start_unix_ns > $after AND bucket_start_unix_ns < $before
           UNION ALL
           SELECT (SELECT min(bucket_start_unix_ns) FROM worker_rollups
                   WHERE deployment = $deployment AND resolution_ns = $resolutionNs
                     AND bucket_start_unix_ns > start AND bucket_start_unix_ns < $before)
           FROM buckets WHERE start IS NOT NULL)
         SELECT start FROM buckets WHERE start IS NOT NULL`,
      )
      .pluck();
    this.#groups = database
      .prepare<[string, number, bigint], Row>(
        `SELECT deployment, resolution_ns, bucket_start_unix_ns, group_name, role, count(*),
                sum(events), ${LENGTH_COLUMNS.map((name) => `sum(${name})`).join(', ')}
         FROM worker_rollups
         WHERE deployment = ? AND resolution_ns = ? AND bucket_start_unix_ns = ?
         GROUP BY group_name`,
      )
      .raw();
    this.#workers = database
      .prepare<[string, number, bigint, bigint], Row>(
        selectWindow('worker_rollups', WORKER_COLUMNS, 'bucket_start_unix_ns, worker_id'),
      )
      .raw();
    this.#deployments = database
      .prepare<[string, number, bigint, bigint], Row>(
        selectWindow('deployment_rollups', DEPLOYMENT_COLUMNS, 'bucket_start_unix_ns'),
      )
      .raw();
  }

  workers(selection: RollupSelection): readonly WorkerRollup[] {
    return this.#workers.all(...bounds(selection)).map(workerOf);
  }

  /** One row a worker: its sums over the buckets, as if they began at the first of them. */
  workerSums(selection: RollupSelection): readonly WorkerRollup[] {
    return this.#workerSums.all(...bounds(selection)).map(workerOf);
  }

  groups(selection: RollupSelection): readonly GroupRollup[] {
    const { deployment, resolutionNs } = selection;
    const rows = this.#groupSums.all(...bounds(selection)).map(sumAsGroup);
    const summed = new Set(rows.map(([, , bucket]) => BigInt(bucket!)));
    const [, , after, before] = bounds(selection);
    // Rows that a version before this one put in have no sums beside them.
    const without = this.#buckets
      .all({ deployment, resolutionNs, after, before })
      .filter((bucket) => !summed.has(bucket));
    for (const bucket of without) {
      for (const row of this.#groups.all(deployment, resolutionNs, bucket)) rows.push(row);
    }
    if (without.length > 0) rows.sort(byBucketAndGroup);
    return rows.map((row) => ({
      deployment: String(row[0]),
      resolutionNs,
      bucketStartUnixNs: unixNanos(BigInt(row[2]!)),
      group: String(row[3]),
      role: String(row[4]),
      workers: Number(row[5]),
      events: Number(row[6]),
      lengths: lengthsOf(row, 7),
    }));
  }

  deployments(selection: RollupSelection): readonly DeploymentRollup[] {
    return this.#deployments.all(...bounds(selection)).map((row) => ({
      deployment: String(row[0]),
      resolutionNs: Number(row[1]),
      bucketStartUnixNs: unixNanos(BigInt(row[2]!)),
      steps: Number(row[3]),
      stepLatencySumNs: Number(row[4]),
      stepLatencyMaxNs: Number(row[5]),
      tokens: Number(row[6]),
      periodSumNs: Number(row[7]),
      periodCount: Number(row[8]),
      idealPeriodSumNs: Number(row[9]),
      idealPeriodCount: Number(row[10]),
    }));
  }
}

function workerOf(row: Row): WorkerRollup {
  return {
    deployment: String(row[0]),
    resolutionNs: Number(row[1]),
    bucketStartUnixNs: unixNanos(BigInt(row[2]!)),
    workerId: String(row[3]),
    group: String(row[4]),
    role: String(row[5]),
    rank: Number(row[6]),
    events: Number(row[7]),
    lengths: lengthsOf(row, 8),
  };
}

interface BucketRange {
  readonly deployment: string;
  readonly resolutionNs: number;
  readonly after: bigint;
  readonly before: bigint;
}

function byBucketAndGroup(a: Row, b: Row): number {
  return Number(BigInt(a[2]!) - BigInt(b[2]!)) || (String(a[3]) < String(b[3]) ? -1 : 1);
}

/** From the columns of a worker to those of a group. */
function sumAsGroup(row: Row): Row {
  const [deployment, resolutionNs, bucket, , group, role, workers, ...rest] = row;
  return [deployment!, resolutionNs!, bucket!, group!, role!, workers!, ...rest];
}

function lengthsOf(row: Row, from: number): RollupLengths {
  const entries = ROLLUP_LENGTHS.map((name, index) => [name, Number(row[from + index])]);
  return Object.fromEntries(entries) as Record<RollupLengthName, number>;
}

/** A bucket overlaps the window where it starts before its end and ends after its start. */
function bounds({
  deployment,
  resolutionNs,
  window,
}: RollupSelection): [string, number, bigint, bigint] {
  return [
    deployment,
    resolutionNs,
    window.fromUnixNs - BigInt(Math.round(resolutionNs)),
    window.toUnixNs,
  ];
}

function replaceInto(table: string, columns: readonly string[]): string {
  return `INSERT OR REPLACE INTO ${table} (${columns.join(', ')})
          VALUES (${columns.map(() => '?').join(', ')})`;
}

function selectWindow(table: string, columns: readonly string[], order: string): string {
  return `SELECT ${columns.join(', ')} FROM ${table}
          WHERE deployment = ? AND resolution_ns = ?
            AND bucket_start_unix_ns > ? AND bucket_start_unix_ns < ?
          ORDER BY ${order}`;
}
