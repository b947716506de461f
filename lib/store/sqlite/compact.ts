/** Merges small chunks of columns and of metric points (merge-groups.ts; replaced-chunks.ts). */
import type Database from 'better-sqlite3';
import { ChunkFormatError } from '#lib/table/chunk-frame.ts';
import { earliest } from '#lib/table/instants.ts';
import { concatMetrics } from '#lib/table/metric-tables.ts';
import { CHUNK_ROWS } from '../append-plan.ts';
import { MERGED_ROWS, mergeGroups, type SmallChunk } from '../merge-groups.ts';
import { packEvents, packMetrics, unpackEvents, unpackMetrics } from './blob.ts';
import type { ChunkTable } from './chunk-scan.ts';
import { PackedCompaction } from './compact-packed.ts';
import { stepRange } from './pack-plan.ts';
import { ReplacedChunks } from './replaced-chunks.ts';

const MAX_SEQUENCE = 2n ** 62n;
const CANDIDATES = 4096;
const ROWS_PER_CALL = 65_536;

type MergedTable = Exclude<ChunkTable, 'packed_chunks'>;

interface Merged {
  readonly blob: Uint8Array;
  readonly minStep: number;
  readonly maxStep: number;
}

interface Layout {
  readonly rows: 'events' | 'points';
  readonly total: 'raw_bytes' | 'metric_bytes';
  readonly longest: 'longest_chunk_ns' | 'longest_metric_chunk_ns';
  readonly bucketNs: bigint;
  readonly merge: (blobs: readonly Uint8Array[]) => Merged;
}

const LAYOUTS: Readonly<Record<MergedTable, Layout>> = {
  chunks: {
    rows: 'events',
    total: 'raw_bytes',
    longest: 'longest_chunk_ns',
    bucketNs: 60_000_000_000n,
    merge: (blobs) => {
      const tables = blobs.map((blob) => unpackEvents(blob));
      return { blob: packEvents(tables), ...stepRange(tables) };
    },
  },
  metric_chunks: {
    rows: 'points',
    total: 'metric_bytes',
    longest: 'longest_metric_chunk_ns',
    bucketNs: 600_000_000_000n,
    merge: (blobs) => {
      const tables = blobs.map(unpackMetrics);
      const bases = tables.map((table) => table.baseUnixNs);
      const table = concatMetrics(tables, earliest(bases, bases[0]!));
      return { blob: packMetrics(table), minStep: -1, maxStep: -1 };
    },
  },
};

export class Compaction {
  readonly #database: Database.Database;
  readonly #packed: PackedCompaction;
  readonly #tables: readonly TableCompaction[];

  constructor(database: Database.Database) {
    this.#database = database;
    this.#packed = new PackedCompaction(database);
    this.#tables = (['chunks', 'metric_chunks'] as const).map(
      (table) => new TableCompaction(database, table, LAYOUTS[table]),
    );
  }

  /** One bounded slice. true: there is more to merge. */
  compact(nowUnixNs: bigint): boolean {
    let more = this.#packed.compact(nowUnixNs);
    for (const table of this.#tables) {
      const merges = table.plan();
      this.#database.transaction(() => table.write(merges, nowUnixNs)).immediate();
      more ||= merges.more;
    }
    return more;
  }
}

interface Part extends SmallChunk {
  readonly sequence: number;
}

interface MergedParts {
  readonly parts: readonly Part[];
  readonly merged: Merged;
}

interface Merges {
  readonly done: readonly MergedParts[];
  readonly more: boolean;
}

class TableCompaction {
  readonly #layout: Layout;
  readonly #statements;
  /** Chunks that cannot be read; scans report them. */
  readonly #unreadable = new Set<number>();
  readonly #replaced: ReplacedChunks;
  readonly #keepsSequence: boolean;

  constructor(database: Database.Database, table: MergedTable, layout: Layout) {
    this.#layout = layout;
    this.#replaced = new ReplacedChunks(database, table);
    this.#keepsSequence = table === 'chunks';
    const { rows } = layout;
    const events = table === 'chunks';
    const stepColumns = events ? 'min_step, max_step,' : '';
    const stepValues = events ? '@minStep, @maxStep,' : '';
    this.#statements = {
      small: database.prepare<
        [bigint, number],
        {
          id: bigint;
          deployment: string;
          rows: bigint;
          fromUnixNs: bigint;
          toUnixNs: bigint;
          sequence: bigint;
        }
      >(
        `SELECT id, deployment, ${rows} AS rows, from_unix_ns AS fromUnixNs, to_unix_ns AS toUnixNs,
           ${events ? 'seq' : '0'} AS sequence
         FROM ${table} WHERE replaced_by IS NULL AND ${rows} < ${MERGED_ROWS} AND sequence <= ?
         ORDER BY id DESC LIMIT ?`,
      ),
      through: database
        .prepare<[], bigint>("SELECT value FROM meta WHERE name = 'stage_rollups_through'")
        .pluck(),
      blob: database
        .prepare<[number], Uint8Array>(`SELECT blob FROM ${table} WHERE id = ?`)
        .pluck(),
      insert: database.prepare<[Record<string, unknown>]>(
        `INSERT INTO ${table} (deployment, from_unix_ns, to_unix_ns, ${stepColumns} ${rows},
           blob_bytes, replaces_from, replaces_to, blob ${events ? ', seq' : ''})
         VALUES (@deployment, @fromUnixNs, @toUnixNs, ${stepValues} @rows,
           @blobBytes, @replacesFrom, @replacesTo, @blob ${events ? ', @sequence' : ''})`,
      ),
      longest: database.prepare<[bigint, string]>(
        `UPDATE deployments SET ${layout.longest} = max(${layout.longest}, ?) WHERE deployment = ?`,
      ),
      addTotal: database.prepare<[bigint]>(
        `UPDATE meta SET value = value + ? WHERE name = '${layout.total}'`,
      ),
    };
  }

  /** Reads and merges, outside the transaction: only this process writes. */
  plan(): Merges {
    const small = this.#statements.small
      .all(this.#summedThrough(), CANDIDATES)
      .map((row) => ({
        ...row,
        id: Number(row.id),
        rows: Number(row.rows),
        sequence: Number(row.sequence),
      }))
      .filter(({ id }) => !this.#unreadable.has(id));
    const groups = mergeGroups(small, this.#layout.bucketNs, CHUNK_ROWS);
    const done: MergedParts[] = [];
    let rows = 0;
    let next = 0;
    for (; next < groups.length && rows < ROWS_PER_CALL; next++) {
      const parts = groups[next]!;
      rows += parts.reduce((sum, part) => sum + part.rows, 0);
      const blobs = parts.map(({ id }) => this.#statements.blob.get(id)!);
      try {
        done.push({ parts, merged: this.#layout.merge(blobs) });
      } catch (cause) {
        if (!(cause instanceof ChunkFormatError)) throw cause;
        this.#setUnreadableAside(parts, blobs);
      }
    }
    return { done, more: next < groups.length };
  }

  /** What is not in the stage rollups yet waits, so that a crash leaves whole chunks to sum up. */
  #summedThrough(): bigint {
    return this.#statements.through.get() ?? MAX_SEQUENCE;
  }

  write({ done }: Merges, nowUnixNs: bigint): void {
    let addedBytes = 0n;
    for (const { parts, merged } of done) {
      const { deployment } = parts[0]!;
      const fromUnixNs = parts.reduce((a, b) => (b.fromUnixNs < a.fromUnixNs ? b : a)).fromUnixNs;
      const toUnixNs = parts.reduce((a, b) => (b.toUnixNs > a.toUnixNs ? b : a)).toUnixNs;
      const { lastInsertRowid } = this.#statements.insert.run({
        deployment,
        fromUnixNs,
        toUnixNs,
        minStep: merged.minStep,
        maxStep: merged.maxStep,
        rows: parts.reduce((sum, part) => sum + part.rows, 0),
        blobBytes: merged.blob.byteLength,
        replacesFrom: parts[0]!.id,
        replacesTo: parts.at(-1)!.id,
        ...(this.#keepsSequence
          ? { sequence: parts.reduce((newest, part) => Math.max(newest, part.sequence), 0) }
          : {}),
        blob: merged.blob,
      });
      const id = BigInt(lastInsertRowid);
      this.#replaced.replace(
        parts.map((part) => part.id),
        id,
        nowUnixNs,
      );
      this.#statements.longest.run(toUnixNs - fromUnixNs, deployment);
      addedBytes += BigInt(merged.blob.byteLength);
    }
    addedBytes -= this.#replaced.removeOld(nowUnixNs);
    if (addedBytes !== 0n) this.#statements.addTotal.run(addedBytes);
  }

  #setUnreadableAside(parts: readonly SmallChunk[], blobs: readonly Uint8Array[]): void {
    for (const [index, { id }] of parts.entries()) {
      try {
        this.#layout.merge([blobs[index]!]);
      } catch {
        this.#unreadable.add(id);
      }
    }
  }
}
