/**
 * Scans of one table of chunks: the keys first (in short slices), then one blob at a time, so that no
 * read transaction lasts. A chunk that retention deletes meanwhile is skipped; one that a merge
 * replaced stays readable for a while (see compact.ts).
 */
import type Database from 'better-sqlite3';
import { compareInstants } from '#lib/table/instants.ts';
import { ScanExpiredError } from '../store-errors.ts';
import type { TimeWindow } from '../telemetry-store.ts';
import { type DamageListener, readable } from './damage.ts';

export type ChunkTable = 'chunks' | 'packed_chunks' | 'metric_chunks';

/** What the chunks of a deployment are listed by. */
export interface ChunkSelection {
  readonly deployment: string;
  readonly window?: TimeWindow | undefined;
  /** Only with chunks that hold one worker each. */
  readonly worker?: { readonly group: string; readonly rank: number };
}

export interface ChunkKey {
  readonly id: bigint;
  readonly fromUnixNs: bigint;
  readonly toUnixNs: bigint;
  /** Of chunks that hold one worker each. */
  readonly group?: string;
  readonly rank?: bigint;
}

const KEYS_PER_SLICE = 4096;
const MIN_INSTANT = -(2n ** 63n);
const MAX_INSTANT = 2n ** 63n - 1n;

type Bounds = [bigint, bigint, bigint, bigint, bigint, bigint, number];

export class ChunkScan {
  readonly #table: ChunkTable;
  readonly #newestId;
  readonly #longest;
  readonly #keys;
  readonly #keysOfWorker;
  readonly #blob;
  readonly #heir;
  readonly #reportDamage: DamageListener;

  constructor(database: Database.Database, table: ChunkTable, reportDamage: DamageListener) {
    const rows = table === 'metric_chunks' ? 'points' : 'events';
    const longest = table === 'metric_chunks' ? 'longest_metric_chunk_ns' : 'longest_chunk_ns';
    this.#table = table;
    this.#reportDamage = reportDamage;
    this.#newestId = database
      .prepare<[], bigint>(`SELECT coalesce(max(id), 0) FROM ${table}`)
      .pluck();
    this.#longest = database
      .prepare<[string], bigint>(`SELECT ${longest} FROM deployments WHERE deployment = ?`)
      .pluck();
    this.#keys = database.prepare<[string, ...Bounds], ChunkKey>(
      selectKeys(table, 'deployment = ?'),
    );
    this.#keysOfWorker =
      table === 'packed_chunks'
        ? database.prepare<[string, string, number, ...Bounds], ChunkKey>(
            selectKeys(table, 'deployment = ? AND group_name = ? AND rank = ?'),
          )
        : null;
    this.#blob = database.prepare<[bigint], { blob: Uint8Array; rows: bigint }>(
      `SELECT blob, ${rows} AS rows FROM ${table} WHERE id = ?`,
    );
    const sameWorker = table === 'packed_chunks' ? 'AND group_name = ? AND rank = ?' : '';
    this.#heir = database.prepare<(string | bigint)[]>(
      `SELECT 1 FROM ${table}
       WHERE deployment = ? AND replaces_from <= ? AND replaces_to >= ? ${sameWorker}`,
    );
  }

  /** Chunks that come later have larger ids. */
  newestId(): bigint {
    return this.#newestId.get() ?? 0n;
  }

  /** Decoded chunks that may overlap the window, by start. @throws ScanExpiredError */
  *tables<T>(selection: ChunkSelection, unpack: (blob: Uint8Array) => T): Generator<T> {
    for (const key of this.keys(selection, this.newestId()).sort(compareKeys)) {
      const table = this.read(selection.deployment, key, unpack);
      if (table !== null) yield table;
    }
  }

  /** null: it is gone, or damaged (which is reported). @throws ScanExpiredError */
  read<T>(deployment: string, key: ChunkKey, unpack: (blob: Uint8Array) => T): T | null {
    const row = this.#blob.get(key.id);
    if (row === undefined) {
      const { id, group, rank } = key;
      const worker = group === undefined || rank === undefined ? [] : [group, rank];
      if (this.#heir.get(deployment, id, id, ...worker) !== undefined) throw new ScanExpiredError();
      return null;
    }
    return readable(
      () => unpack(row.blob),
      (message) => {
        const damage = { id: Number(key.id), deployment, rows: Number(row.rows), message };
        this.#reportDamage({ table: this.#table, ...damage });
      },
    );
  }

  /** Keys of the chunks up to `newestId` that may overlap the window, by end. */
  keys({ deployment, window, worker }: ChunkSelection, newestId: bigint): ChunkKey[] {
    const longest = this.#longest.get(deployment);
    if (longest === undefined) return [];
    const toUnixNs = window?.toUnixNs ?? MAX_INSTANT;
    // Chunks that end at most one longest chunk after the window ends are all that can overlap it.
    const lastEnd = toUnixNs > MAX_INSTANT - longest ? MAX_INSTANT : toUnixNs + longest;
    const keys: ChunkKey[] = [];
    let afterEnd: bigint = window?.fromUnixNs ?? MIN_INSTANT;
    // Ends equal to the window's start do not overlap it: begin after the largest id of that end.
    let afterId = MAX_INSTANT;
    for (;;) {
      const bounds: Bounds = [
        afterEnd,
        afterId,
        lastEnd,
        toUnixNs,
        newestId,
        newestId,
        KEYS_PER_SLICE,
      ];
      const slice =
        worker === undefined || this.#keysOfWorker === null
          ? this.#keys.all(deployment, ...bounds)
          : this.#keysOfWorker.all(deployment, worker.group, worker.rank, ...bounds);
      for (const key of slice) keys.push(key);
      const last = slice.at(-1);
      if (last === undefined || slice.length < KEYS_PER_SLICE) return keys;
      afterEnd = last.toUnixNs;
      afterId = last.id;
    }
  }
}

/** By start. */
export function compareKeys(a: ChunkKey, b: ChunkKey): number {
  return compareInstants(a.fromUnixNs, b.fromUnixNs) || compareInstants(a.id, b.id);
}

function selectKeys(table: ChunkTable, where: string): string {
  const worker = table === 'packed_chunks' ? ', group_name AS "group", rank' : '';
  return `SELECT id, from_unix_ns AS fromUnixNs, to_unix_ns AS toUnixNs${worker} FROM ${table}
    WHERE ${where} AND (to_unix_ns, id) > (?, ?) AND to_unix_ns <= ?
      AND from_unix_ns < ? AND id <= ? AND (replaced_by IS NULL OR replaced_by > ?)
    ORDER BY to_unix_ns, id LIMIT ?`;
}
