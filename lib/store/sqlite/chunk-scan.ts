/**
 * Scans: the keys of all chunks first (in short slices), then one blob at a time, so that no read
 * transaction lasts. A chunk that retention deletes meanwhile is skipped; one that a merge replaced
 * stays readable for a while (see compact.ts).
 */
import type Database from 'better-sqlite3';
import { ChunkFormatError } from '#lib/table/chunk-frame.ts';
import { ScanExpiredError } from '../store-errors.ts';
import type { TimeWindow } from '../telemetry-store.ts';

export type ChunkTable = 'chunks' | 'metric_chunks';

/** A stored chunk that cannot be read: skipped and counted, never silent. */
export interface DamagedChunk {
  readonly table: ChunkTable;
  readonly id: number;
  readonly deployment: string;
  /** Events or points that it held. */
  readonly rows: number;
  readonly message: string;
}

const KEYS_PER_SLICE = 4096;
const MIN_INSTANT = -(2n ** 63n);
const MAX_INSTANT = 2n ** 63n - 1n;

interface KeyRow {
  readonly id: bigint;
  readonly fromUnixNs: bigint;
  readonly toUnixNs: bigint;
}

export class ChunkScan {
  readonly #table: ChunkTable;
  readonly #newestId;
  readonly #longest;
  readonly #keys;
  readonly #blob;
  readonly #heir;
  readonly #reportDamage: (chunk: DamagedChunk) => void;

  constructor(
    database: Database.Database,
    table: ChunkTable,
    reportDamage: (chunk: DamagedChunk) => void,
  ) {
    const rows = table === 'chunks' ? 'events' : 'points';
    const longest = table === 'chunks' ? 'longest_chunk_ns' : 'longest_metric_chunk_ns';
    this.#table = table;
    this.#reportDamage = reportDamage;
    this.#newestId = database
      .prepare<[], bigint>(`SELECT coalesce(max(id), 0) FROM ${table}`)
      .pluck();
    this.#longest = database
      .prepare<[string], bigint>(`SELECT ${longest} FROM deployments WHERE deployment = ?`)
      .pluck();
    // Chunks that end at most one longest chunk after the window ends are all that can overlap it.
    this.#keys = database.prepare<
      [string, bigint, bigint, bigint, bigint, bigint, bigint, number],
      KeyRow
    >(
      `SELECT id, from_unix_ns AS fromUnixNs, to_unix_ns AS toUnixNs FROM ${table}
       WHERE deployment = ? AND (to_unix_ns, id) > (?, ?) AND to_unix_ns <= ?
         AND from_unix_ns < ? AND id <= ? AND (replaced_by IS NULL OR replaced_by > ?)
       ORDER BY to_unix_ns, id LIMIT ?`,
    );
    this.#blob = database.prepare<[bigint], { blob: Uint8Array; rows: bigint }>(
      `SELECT blob, ${rows} AS rows FROM ${table} WHERE id = ?`,
    );
    this.#heir = database.prepare<[string, bigint, bigint]>(
      `SELECT 1 FROM ${table} WHERE deployment = ? AND replaces_from <= ? AND replaces_to >= ?`,
    );
  }

  /** Decoded chunks that may overlap `window`, by start. @throws ScanExpiredError */
  *tables<T>(
    deployment: string,
    window: TimeWindow | undefined,
    unpack: (blob: Uint8Array) => T,
  ): Generator<T> {
    for (const key of this.#listKeys(deployment, window)) {
      const row = this.#blob.get(key.id);
      if (row === undefined) {
        if (this.#heir.get(deployment, key.id, key.id) !== undefined) throw new ScanExpiredError();
        continue;
      }
      let table: T;
      try {
        table = unpack(row.blob);
      } catch (cause) {
        if (!(cause instanceof ChunkFormatError)) throw cause;
        this.#reportDamage({
          table: this.#table,
          id: Number(key.id),
          deployment,
          rows: Number(row.rows),
          message: cause.message,
        });
        continue;
      }
      yield table;
    }
  }

  #listKeys(deployment: string, window: TimeWindow | undefined): readonly KeyRow[] {
    const longest = this.#longest.get(deployment);
    if (longest === undefined) return [];
    const newestId = this.#newestId.get()!;
    const toUnixNs = window?.toUnixNs ?? MAX_INSTANT;
    const lastEnd = toUnixNs > MAX_INSTANT - longest ? MAX_INSTANT : toUnixNs + longest;
    const keys: KeyRow[] = [];
    let afterEnd: bigint = window?.fromUnixNs ?? MIN_INSTANT;
    // Ends equal to the window's start do not overlap it: begin after the largest id of that end.
    let afterId = MAX_INSTANT;
    for (;;) {
      const slice = this.#keys.all(
        deployment,
        afterEnd,
        afterId,
        lastEnd,
        toUnixNs,
        newestId,
        newestId,
        KEYS_PER_SLICE,
      );
      for (const key of slice) keys.push(key);
      const last = slice.at(-1);
      if (last === undefined || slice.length < KEYS_PER_SLICE) break;
      afterEnd = last.toUnixNs;
      afterId = last.id;
    }
    return keys.sort((a, b) => Number(a.fromUnixNs - b.fromUnixNs) || Number(a.id - b.id));
  }
}
