/**
 * Merges small chunks (merge-groups.ts) and removes what a merge replaced. A replaced chunk stays
 * readable by its id for GRACE_NS, since a scan lists its keys first: it goes on with the chunks
 * that it listed and never meets an event twice.
 */
import type Database from 'better-sqlite3';
import { ChunkFormatError } from '#lib/table/chunk-frame.ts';
import { concatTables } from '#lib/table/event-tables.ts';
import { earliest } from '#lib/table/instants.ts';
import { concatMetrics } from '#lib/table/metric-tables.ts';
import { CHUNK_ROWS } from '../append-plan.ts';
import { MERGED_ROWS, mergeGroups, type SmallChunk } from '../merge-groups.ts';
import { packEvents, packMetrics, unpackEvents, unpackMetrics } from './blob.ts';
import type { ChunkTable } from './chunk-scan.ts';
import { stepRange } from './pack-plan.ts';

export const GRACE_NS = 300_000_000_000n;

const CANDIDATES = 4096;
const ROWS_PER_CALL = 65_536;
const DELETES_PER_CALL = 512;

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
      const table = concatTables(blobs.map(unpackEvents));
      return { blob: packEvents(table), ...stepRange(table) };
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
  readonly #tables: readonly TableCompaction[];

  constructor(database: Database.Database) {
    this.#database = database;
    this.#tables = (['chunks', 'metric_chunks'] as const).map(
      (table) => new TableCompaction(database, table, LAYOUTS[table]),
    );
  }

  /** One bounded slice. true: there is more to merge. */
  compact(nowUnixNs: bigint): boolean {
    let more = false;
    for (const table of this.#tables) {
      const merges = table.plan();
      this.#database.transaction(() => table.write(merges, nowUnixNs)).immediate();
      more ||= merges.more;
    }
    return more;
  }
}

interface Merges {
  readonly done: readonly { readonly parts: readonly SmallChunk[]; readonly merged: Merged }[];
  readonly more: boolean;
}

class TableCompaction {
  readonly #layout: Layout;
  readonly #statements;
  /** Chunks that cannot be read; scans report them. */
  readonly #unreadable = new Set<number>();
  /** When each young merge replaced its parts; one that is not here is as old as this process. */
  readonly #replacedAt = new Map<number, bigint>();
  #startedUnixNs: bigint | null = null;

  constructor(database: Database.Database, table: MergedTable, layout: Layout) {
    this.#layout = layout;
    const { rows } = layout;
    const stepColumns = table === 'chunks' ? 'min_step, max_step,' : '';
    const stepValues = table === 'chunks' ? '@minStep, @maxStep,' : '';
    this.#statements = {
      small: database.prepare<
        [number],
        { id: bigint; deployment: string; rows: bigint; fromUnixNs: bigint; toUnixNs: bigint }
      >(
        `SELECT id, deployment, ${rows} AS rows, from_unix_ns AS fromUnixNs, to_unix_ns AS toUnixNs
         FROM ${table} WHERE replaced_by IS NULL AND ${rows} < ${MERGED_ROWS}
         ORDER BY id DESC LIMIT ?`,
      ),
      blob: database
        .prepare<[number], Uint8Array>(`SELECT blob FROM ${table} WHERE id = ?`)
        .pluck(),
      insert: database.prepare<[Record<string, unknown>]>(
        `INSERT INTO ${table} (deployment, from_unix_ns, to_unix_ns, ${stepColumns} ${rows},
           blob_bytes, replaces_from, replaces_to, blob)
         VALUES (@deployment, @fromUnixNs, @toUnixNs, ${stepValues} @rows,
           @blobBytes, @replacesFrom, @replacesTo, @blob)`,
      ),
      replace: database.prepare<[bigint, number]>(
        `UPDATE ${table} SET replaced_by = ? WHERE id = ?`,
      ),
      longest: database.prepare<[bigint, string]>(
        `UPDATE deployments SET ${layout.longest} = max(${layout.longest}, ?) WHERE deployment = ?`,
      ),
      replaced: database.prepare<[number], { id: bigint; replacedBy: bigint; blobBytes: bigint }>(
        `SELECT id, replaced_by AS replacedBy, blob_bytes AS blobBytes FROM ${table}
         WHERE replaced_by IS NOT NULL ORDER BY replaced_by LIMIT ?`,
      ),
      remove: database.prepare<[bigint]>(`DELETE FROM ${table} WHERE id = ?`),
      addTotal: database.prepare<[bigint]>(
        `UPDATE meta SET value = value + ? WHERE name = '${layout.total}'`,
      ),
    };
  }

  /** Reads and merges, outside the transaction: only this process writes. */
  plan(): Merges {
    const small = this.#statements.small
      .all(CANDIDATES)
      .map((row) => ({ ...row, id: Number(row.id), rows: Number(row.rows) }))
      .filter(({ id }) => !this.#unreadable.has(id));
    const groups = mergeGroups(small, this.#layout.bucketNs, CHUNK_ROWS);
    const done: { parts: readonly SmallChunk[]; merged: Merged }[] = [];
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
        blob: merged.blob,
      });
      const id = BigInt(lastInsertRowid);
      for (const part of parts) this.#statements.replace.run(id, part.id);
      this.#replacedAt.set(Number(id), nowUnixNs);
      this.#statements.longest.run(toUnixNs - fromUnixNs, deployment);
      addedBytes += BigInt(merged.blob.byteLength);
    }
    addedBytes -= this.#removeReplaced(nowUnixNs);
    if (addedBytes !== 0n) this.#statements.addTotal.run(addedBytes);
  }

  /** Oldest merges first, so the first young one ends the walk. */
  #removeReplaced(nowUnixNs: bigint): bigint {
    this.#startedUnixNs ??= nowUnixNs;
    let bytes = 0n;
    for (const { id, replacedBy, blobBytes } of this.#statements.replaced.all(DELETES_PER_CALL)) {
      const heir = Number(replacedBy);
      if (nowUnixNs - (this.#replacedAt.get(heir) ?? this.#startedUnixNs) < GRACE_NS) break;
      this.#statements.remove.run(id);
      bytes += blobBytes;
    }
    for (const [heir, since] of this.#replacedAt) {
      // Twice the time: whatever a bounded call leaves behind is old by the process's start too.
      if (nowUnixNs - since > 2n * GRACE_NS) this.#replacedAt.delete(heir);
    }
    return bytes;
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
