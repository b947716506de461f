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
import { floorTo, unixNanos } from '#lib/base/units.ts';
import { laterOf } from '#lib/table/instants.ts';
import { roleOf, type StageBands } from '#lib/table/stage-bands.ts';
import {
  decodeStageBands,
  decodeStageRollup,
  decodeStageSlices,
  type StageRollupContent,
} from '#lib/table/stage-rollup-codec.ts';
import type { StageRollup } from '#lib/table/stage-rollups.ts';
import { ROLLUP_LEVELS_NS } from '../rollup-levels.ts';
import type { RollupSelection, StageRollupSelection, StageSliceRow } from '../telemetry-store.ts';
import { type DamageListener, readable } from './damage.ts';
import { decompress, STAMP_SQL, stampOf, stampOfText } from './stage-blob.ts';
import { StageRowCache } from './stage-row-cache.ts';

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
          const stamp = stampOfText(row.stamp);
          if (stamp === null) return this.#withoutSketches(row.id, this.#blob.get(row.id)!);
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
        : this.#withoutSketches(row.id, row.blob);
    const content = this.#read(of.deployment, row, decode);
    return content === null ? [] : [rollupOf(of, row, content)];
  }

  #withoutSketches(id: bigint, blob: Uint8Array): StageRollupContent {
    return this.#cache.content(id, stampOf(blob), () => decodeStageRollup(decompress(blob), false));
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
