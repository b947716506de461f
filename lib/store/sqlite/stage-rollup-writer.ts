/** Writes rows of `stage_rollups` (stage-rollup-reader.ts says what they are): parts are added to what is stored. */
import type Database from 'better-sqlite3';
import { floorTo, type UnixNanos } from '#lib/base/units.ts';
import { StageBandSums, type StageBands } from '#lib/table/stage-bands.ts';
import { encodeStageBands } from '#lib/table/stage-rollup-codec.ts';
import { mergeStageRollups } from '#lib/table/stage-rollup-merge.ts';
import type { StageRollup } from '#lib/table/stage-rollups.ts';
import { ROLLUP_LEVELS_NS } from '../rollup-levels.ts';
import type { DamageListener } from './damage.ts';
import { compress, StageBlobs } from './stage-blob.ts';
import { BANDS_ID, groupSumId, StageRollupReader } from './stage-rollup-reader.ts';
import type { StaleMarks } from './stale-marks.ts';

type Cell = string | number | bigint | Uint8Array;

export class StageRollupWriter {
  readonly #reader: StageRollupReader;
  readonly #marks: StaleMarks;
  readonly #put;

  /** A row that cannot be read is told to `onDamage` before another takes its place. */
  constructor(database: Database.Database, marks: StaleMarks, onDamage?: DamageListener) {
    this.#reader = new StageRollupReader(database, onDamage);
    this.#marks = marks;
    this.#put = database.prepare<Cell[]>(
      `INSERT INTO stage_rollups (deployment, resolution_ns, bucket_start_unix_ns, worker_id,
                                  group_name, role, rank, blob)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET group_name = excluded.group_name, role = excluded.role,
                                 rank = excluded.rank, blob = excluded.blob`,
    );
  }

  /**
   * Works out what adding the parts of the finest level to what is stored comes to, some rows at a
   * time, and changes nothing. Where a bucket's own level is deleted already, its parts go to the
   * finest row that is kept; what is older than all is left out.
   */
  *prepare(parts: readonly StageRollup[]): Generator<void, PreparedSums> {
    const keptFrom = this.#keptFrom();
    const prepared: PreparedSums = { keptFrom, rows: [], buckets: [] };
    for (const bucket of byBucket(parts, keptFrom)) {
      prepared.buckets.push(bucket);
      // Coarser rows may be made anew meanwhile: parts that are late for their own are added at once.
      if (bucket.level === 0) yield* this.#bucketRows(bucket, prepared.rows);
    }
    return prepared;
  }

  /**
   * Inside the caller's transaction. false: rows were given up since `prepare`, which is to be done
   * again; nothing was written.
   */
  write({ keptFrom, rows, buckets }: PreparedSums): boolean {
    if (this.#keptFrom().some((instant, level) => instant !== keptFrom[level])) return false;
    for (const row of rows) this.#put.run(...row);
    for (const bucket of buckets) {
      if (bucket.level > 0) {
        const late: Cell[][] = [];
        for (const _ of this.#bucketRows(bucket, late));
        for (const row of late) this.#put.run(...row);
      }
      this.markCoarser(bucket.deployment, bucket.level, bucket.bucketStartUnixNs);
    }
    return true;
  }

  #keptFrom(): readonly bigint[] {
    return ROLLUP_LEVELS_NS.map((levelNs) => this.#marks.keptFrom('stage', levelNs));
  }

  *#bucketRows(bucket: Bucket, rows: Cell[][]): Generator<void> {
    const { deployment, level, bucketStartUnixNs, parts } = bucket;
    const resolutionNs = ROLLUP_LEVELS_NS[level]!;
    // Mostly it is new: one question instead of one for each worker.
    const isNew = !this.#reader.has(deployment, resolutionNs, bucketStartUnixNs);
    const stored = (bucketNs: number, workerId: string): StageRollup | null =>
      isNew ? null : this.#reader.one(deployment, bucketNs, bucketStartUnixNs, workerId);
    for (const own of groupBy(parts, ({ workerId }) => workerId)) {
      const { workerId } = own[0]!;
      const old = stored(resolutionNs, workerId);
      rows.push(rollupRow(merged(old, own, resolutionNs), resolutionNs));
      if (rows.length % ROWS_AT_ONCE === 0) yield;
    }
    for (const own of groupBy(parts, ({ group }) => group)) {
      const sum = groupSum(own, resolutionNs);
      const old = stored(-resolutionNs, sum.workerId);
      rows.push(rollupRow(merged(old, [sum], resolutionNs), -resolutionNs));
      yield;
    }
    const bands = new StageBandSums();
    const old = this.#reader.bandsOf(deployment, resolutionNs, bucketStartUnixNs);
    if (old !== null) bands.addBands(old);
    for (const part of parts) bands.addRollup(part);
    rows.push(bandsRow(bands.finish(deployment, resolutionNs, bucketStartUnixNs)));
  }

  put(rollup: StageRollup): void {
    this.#put.run(...rollupRow(rollup, rollup.resolutionNs));
  }

  putGroup(rollup: StageRollup): void {
    this.#put.run(...rollupRow(rollup, -rollup.resolutionNs));
  }

  putBands(bands: StageBands): void {
    this.#put.run(...bandsRow(bands));
  }

  /** The bucket of the next level that holds this one is to be made anew. */
  markCoarser(deployment: string, level: number, bucketStartUnixNs: bigint): void {
    const coarserNs = ROLLUP_LEVELS_NS[level + 1];
    if (coarserNs === undefined) return;
    this.#marks.mark({
      deployment,
      kind: 'stage',
      resolutionNs: coarserNs,
      bucketStartUnixNs: floorTo(bucketStartUnixNs, BigInt(coarserNs)),
    });
  }
}

/** Rows worked out between two pauses: about 2 ms. */
const ROWS_AT_ONCE = 16;

/** What `prepare` found. */
export interface PreparedSums {
  /** By level, as it was then. */
  readonly keptFrom: readonly bigint[];
  readonly rows: Cell[][];
  readonly buckets: Bucket[];
}

const blobs = new StageBlobs();

function rollupRow(rollup: StageRollup, resolutionNs: number): Cell[] {
  const { deployment, bucketStartUnixNs, workerId, group, role, rank } = rollup;
  const blob = blobs.of(rollup);
  return [deployment, resolutionNs, bucketStartUnixNs, workerId, group, role, rank, blob];
}

function bandsRow(bands: StageBands): Cell[] {
  const { deployment, resolutionNs, bucketStartUnixNs } = bands;
  const blob = compress(encodeStageBands(bands));
  return [deployment, -resolutionNs, bucketStartUnixNs, BANDS_ID, '', '', 0, blob];
}

interface Bucket {
  readonly deployment: string;
  readonly level: number;
  readonly bucketStartUnixNs: UnixNanos;
  readonly parts: StageRollup[];
}

function byBucket(parts: readonly StageRollup[], keptFrom: readonly bigint[]): Bucket[] {
  const placed = parts.flatMap((part) => {
    const level = keptFrom.findIndex((instant) => part.bucketStartUnixNs >= instant);
    if (level < 0) return [];
    const levelNs = BigInt(ROLLUP_LEVELS_NS[level]!);
    return [{ part, level, bucketStartUnixNs: floorTo(part.bucketStartUnixNs, levelNs) }];
  });
  return groupBy(placed, ({ part, level, bucketStartUnixNs }) =>
    JSON.stringify([part.deployment, level, String(bucketStartUnixNs)]),
  ).map((own) => {
    const { part, level, bucketStartUnixNs } = own[0]!;
    return {
      deployment: part.deployment,
      level,
      bucketStartUnixNs,
      parts: own.map((one) => one.part),
    };
  });
}

function merged(
  old: StageRollup | null,
  parts: readonly StageRollup[],
  resolutionNs: number,
): StageRollup {
  const all = old === null ? parts : [...parts, old];
  const [only] = all;
  if (all.length === 1 && only!.resolutionNs === resolutionNs) return only!;
  return mergeStageRollups(all, resolutionNs);
}

/** The rows of a group's workers as one. */
export function groupSum(rows: readonly StageRollup[], resolutionNs: number): StageRollup {
  const bare = rows.map((row) => ({ ...row, slices: null }));
  const sum = mergeStageRollups(bare, resolutionNs);
  return { ...sum, workerId: groupSumId(sum.group), rank: -1 };
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return [...groups.values()];
}
