/**
 * Rows of `stage_rollups`: one blob a worker and bucket. Under the negative bucket length stand, for
 * each bucket, what pictures and reports of many workers read instead of every worker's row:
 *
 *     resolution_ns   worker_id        blob
 *      1e9            attention/0      stages and layers, slices of 50 ms
 *     -1e9            attention/*      the sum over the group's workers, without slices
 *     -1e9            *                bands: all workers by stage
 */
import type Database from 'better-sqlite3';
import { type ColumnRoom, FRESH_ROOM } from '#lib/base/column-room.ts';
import { floorTo, type UnixNanos, unixNanos } from '#lib/base/units.ts';
import { laterOf } from '#lib/table/instants.ts';
import { roleOf, StageBandSums, type StageBands } from '#lib/table/stage-bands.ts';
import {
  decodeStageBands,
  decodeStageRollup,
  decodeStageSlices,
  encodeStageBands,
  type StageRollupContent,
} from '#lib/table/stage-rollup-codec.ts';
import { mergeStageRollups } from '#lib/table/stage-rollup-merge.ts';
import type { StageRollup } from '#lib/table/stage-rollups.ts';
import { ROLLUP_LEVELS_NS } from '../rollup-levels.ts';
import type { RollupSelection, StageRollupSelection, StageSliceRow } from '../telemetry-store.ts';
import { type DamageListener, readable } from './damage.ts';
import { compress, decompress, STAMP_SQL, StageBlobs, stampOf, stampOfText } from './stage-blob.ts';
import { StageRowCache } from './stage-row-cache.ts';
import type { StaleMarks } from './stale-marks.ts';

export const BANDS_ID = '*';

/** The row that holds the sum over a group's workers. */
export function groupSumId(group: string): string {
  return `${group}/*`;
}

interface RowKey {
  readonly id: bigint;
  readonly bucketStartUnixNs: bigint;
  readonly workerId: string;
  readonly group: string;
  readonly role: string;
  readonly rank: bigint;
}

interface Row extends RowKey {
  readonly blob: Uint8Array;
}

/** Without its blob, which is read where the stamp says that it is another than before. */
interface StampedRow extends RowKey {
  readonly stamp: string;
}

/** More single look-ups than this cost more than reading every worker's row. */
const MAX_LOOKUPS = 20_000;

const KEY_COLUMNS = `rowid AS id, bucket_start_unix_ns AS bucketStartUnixNs, worker_id AS workerId,
                     group_name AS "group", role, rank`;
const COLUMNS = `${KEY_COLUMNS}, blob`;

export class StageRollupReader {
  readonly #onDamage;
  readonly #room: ColumnRoom;
  readonly #cache = new StageRowCache();
  readonly #inWindow;
  readonly #stamped;
  readonly #blob;
  readonly #inSnapshot;
  readonly #one;
  readonly #any;
  readonly #first;
  readonly #last;

  /**
   * Rows that cannot be read are left out of every answer, and told to `onDamage`. `room`: where
   * the memory of answers comes from.
   */
  constructor(
    database: Database.Database,
    onDamage: DamageListener = () => {},
    room: ColumnRoom = FRESH_ROOM,
  ) {
    this.#onDamage = onDamage;
    this.#room = room;
    const inWindow = <T>(columns: string) =>
      database.prepare<[string, number, bigint, bigint], T>(
        `SELECT ${columns} FROM stage_rollups
         WHERE deployment = ? AND resolution_ns = ?
           AND bucket_start_unix_ns > ? AND bucket_start_unix_ns < ?
         ORDER BY bucket_start_unix_ns, worker_id`,
      );
    this.#inWindow = inWindow<Row>(COLUMNS);
    this.#stamped = inWindow<StampedRow>(`${KEY_COLUMNS}, ${STAMP_SQL} AS stamp`);
    this.#blob = database
      .prepare<[bigint], Uint8Array>('SELECT blob FROM stage_rollups WHERE rowid = ?')
      .pluck();
    // In one transaction, so that a row is there when its blob is read.
    this.#inSnapshot = database.transaction((selection: StageRollupSelection) =>
      this.#readStamped(selection),
    );
    this.#one = database.prepare<[string, number, bigint, string], Row>(
      `SELECT ${COLUMNS} FROM stage_rollups
       WHERE deployment = ? AND resolution_ns = ? AND bucket_start_unix_ns = ? AND worker_id = ?`,
    );
    this.#any = database
      .prepare<[string, number, bigint], bigint>(
        `SELECT 1 FROM stage_rollups
         WHERE deployment = ? AND resolution_ns = ? AND bucket_start_unix_ns = ? LIMIT 1`,
      )
      .pluck();
    const edge = (order: 'ASC' | 'DESC') =>
      database
        .prepare<[string, number], bigint>(
          `SELECT bucket_start_unix_ns FROM stage_rollups
           WHERE deployment = ? AND resolution_ns = ?
           ORDER BY bucket_start_unix_ns ${order} LIMIT 1`,
        )
        .pluck();
    this.#first = edge('ASC');
    this.#last = edge('DESC');
  }

  /** Workers' rows by bucket, then worker. */
  workers(selection: StageRollupSelection): StageRollup[] {
    this.#cache.startReading();
    if (selection.sketches === false && selection.workers === undefined) {
      return this.#inSnapshot(selection);
    }
    return this.#rows(selection).flatMap((row) => this.#rollup(selection, row, selection.sketches));
  }

  /** Without sketches; blobs are read only of rows that are not known as they are. */
  #readStamped({ deployment, resolutionNs, window }: StageRollupSelection): StageRollup[] {
    const from = window.fromUnixNs - BigInt(resolutionNs);
    return this.#stamped
      .all(deployment, resolutionNs, from, window.toUnixNs)
      .flatMap((row): StageRollup | [] => {
        const content = this.#read(deployment, row, () => {
          const stamp = stampOfText(row.stamp) ?? stampOf(this.#blob.get(row.id)!);
          return this.#cache.content(row.id, stamp, () =>
            decodeStageRollup(decompress(this.#blob.get(row.id)!), false),
          );
        });
        return content === null ? [] : rollupOf({ deployment, resolutionNs }, row, content);
      });
  }

  /** Sums over groups by bucket, then group. */
  groups(selection: RollupSelection): StageRollup[] {
    return this.#sums(selection)
      .filter(({ workerId }) => workerId !== BANDS_ID)
      .flatMap((row) => this.#rollup(selection, row));
  }

  /** By bucket. */
  bands(selection: RollupSelection): StageBands[] {
    const { deployment, resolutionNs } = selection;
    const wanted = { ...selection, resolutionNs: -resolutionNs, workers: [BANDS_ID] };
    return this.#rows(wanted).flatMap(
      (row) => this.#read(deployment, row, () => decodeStageBands(decompress(row.blob))) ?? [],
    );
  }

  /** Of seconds, by second, then worker; without the cells. */
  slices(selection: Omit<StageRollupSelection, 'resolutionNs'>): StageSliceRow[] {
    const found: StageSliceRow[] = [];
    for (const row of this.#rows({ ...selection, resolutionNs: ROLLUP_LEVELS_NS[0]! })) {
      const decode = () => decodeStageSlices(decompress(row.blob));
      const { slices, stageNames } = this.#read(selection.deployment, row, decode) ?? NO_SLICES;
      if (slices === null) continue;
      found.push({
        bucketStartUnixNs: unixNanos(row.bucketStartUnixNs),
        workerId: row.workerId,
        group: row.group,
        role: row.role,
        rank: Number(row.rank),
        stageNames,
        slices,
      });
    }
    return found;
  }

  /** Is anything of this bucket stored? */
  has(deployment: string, resolutionNs: number, bucketStartUnixNs: bigint): boolean {
    return this.#any.get(deployment, resolutionNs, bucketStartUnixNs) !== undefined;
  }

  one(
    deployment: string,
    resolutionNs: number,
    bucketStartUnixNs: bigint,
    workerId: string,
  ): StageRollup | null {
    const row = this.#one.get(deployment, resolutionNs, bucketStartUnixNs, workerId);
    if (row === undefined) return null;
    return this.#rollup({ deployment, resolutionNs }, row)[0] ?? null;
  }

  bandsOf(deployment: string, resolutionNs: number, bucketStartUnixNs: bigint): StageBands | null {
    const row = this.#one.get(deployment, -resolutionNs, bucketStartUnixNs, BANDS_ID);
    if (row === undefined) return null;
    return this.#read(deployment, row, () => decodeStageBands(decompress(row.blob)));
  }

  /** One, or none where it is damaged. */
  #rollup(
    of: { readonly deployment: string; readonly resolutionNs: number },
    row: Row,
    sketches = true,
  ): StageRollup[] {
    const decode = (): StageRollupContent =>
      sketches
        ? decodeStageRollup(decompress(row.blob), true, this.#room)
        : this.#cache.content(row.id, stampOf(row.blob), () =>
            decodeStageRollup(decompress(row.blob), false),
          );
    const content = this.#read(of.deployment, row, decode);
    return content === null ? [] : [rollupOf(of, row, content)];
  }

  #read<T>(deployment: string, row: RowKey, decode: () => T): T | null {
    const tell = (message: string): void =>
      this.#onDamage({
        table: 'stage_rollups',
        id: Number(row.id),
        deployment,
        rows: 1,
        message,
      });
    return readable(decode, tell);
  }

  #sums(selection: RollupSelection): Row[] {
    return this.#rows({ ...selection, resolutionNs: -selection.resolutionNs });
  }

  #rows({ deployment, resolutionNs, window, workers }: StageRollupSelection): Row[] {
    const lengthNs = BigInt(Math.abs(resolutionNs));
    const from = window.fromUnixNs - lengthNs;
    if (workers === undefined)
      return this.#inWindow.all(deployment, resolutionNs, from, window.toUnixNs);
    const first = this.#first.get(deployment, resolutionNs);
    const last = this.#last.get(deployment, resolutionNs);
    if (first === undefined || last === undefined) return [];
    const start = floorTo(window.fromUnixNs, lengthNs);
    const begin = laterOf(start, unixNanos(first));
    const end = window.toUnixNs <= last ? window.toUnixNs : last + 1n;
    const wanted = [...new Set(workers)].sort();
    if (Number((end - begin) / lengthNs) * wanted.length > MAX_LOOKUPS) {
      const ids = new Set(wanted);
      const all = this.#inWindow.iterate(deployment, resolutionNs, from, window.toUnixNs);
      return [...all].filter(({ workerId }) => ids.has(workerId));
    }
    const rows: Row[] = [];
    for (let bucket: bigint = begin; bucket < end; bucket += lengthNs) {
      for (const workerId of wanted) {
        const row = this.#one.get(deployment, resolutionNs, bucket, workerId);
        if (row !== undefined) rows.push(row);
      }
    }
    return rows;
  }
}

const NO_SLICES = { slices: null, stageNames: [] };

function rollupOf(
  { deployment, resolutionNs }: { readonly deployment: string; readonly resolutionNs: number },
  row: RowKey,
  content: StageRollupContent,
): StageRollup {
  return {
    deployment,
    resolutionNs: Math.abs(resolutionNs),
    bucketStartUnixNs: unixNanos(row.bucketStartUnixNs),
    workerId: row.workerId,
    group: row.group,
    role: roleOf(row.role),
    rank: Number(row.rank),
    ...content,
  };
}

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
