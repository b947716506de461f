/**
 * Merges small packed chunks of a worker (merge-groups.ts): directories are joined, payloads copied
 * as they are. A light worker's ten seconds make a chunk of a few kilobytes; an hour of it would be
 * hundreds.
 */
import type Database from 'better-sqlite3';
import { CHUNK_ROWS } from '../append-plan.ts';
import { mergeGroups, type SmallChunk } from '../merge-groups.ts';
import { readable } from './damage.ts';
import { PackedChunkWriter } from './packed-chunk-writer.ts';
import { ReplacedChunks } from './replaced-chunks.ts';
import { unpackSteps } from './step-blob.ts';
import { type SequencedSteps, type WorkerPiece, workerPieces } from './worker-steps.ts';

/** Smaller than with columns: what a worker of a large cluster makes in a second stays as it is. */
const SMALL_EVENTS = 4096;
const CANDIDATES = 4096;
const EVENTS_PER_CALL = 262_144;
const BUCKET_NS = 60_000_000_000n;

interface SmallRow {
  readonly id: bigint;
  readonly deployment: string;
  readonly group: string;
  readonly rank: bigint;
  readonly rows: bigint;
  readonly fromUnixNs: bigint;
  readonly toUnixNs: bigint;
}

interface Merge {
  readonly ids: readonly number[];
  readonly pieces: readonly WorkerPiece[];
}

export class PackedCompaction {
  readonly #database: Database.Database;
  readonly #writer: PackedChunkWriter;
  readonly #replaced: ReplacedChunks;
  readonly #small;
  readonly #blob;
  readonly #addTotal;
  /** Chunks that cannot be read; scans report them. */
  readonly #unreadable = new Set<number>();

  constructor(database: Database.Database) {
    this.#database = database;
    this.#writer = new PackedChunkWriter(database);
    this.#replaced = new ReplacedChunks(database, 'packed_chunks');
    this.#small = database.prepare<[number], SmallRow>(
      `SELECT id, deployment, group_name AS "group", rank, events AS rows,
         from_unix_ns AS fromUnixNs, to_unix_ns AS toUnixNs
       FROM packed_chunks INDEXED BY packed_chunks_small
       WHERE replaced_by IS NULL AND events < 8192 AND events < ${SMALL_EVENTS}
       ORDER BY id DESC LIMIT ?`,
    );
    this.#blob = database
      .prepare<[number], Uint8Array>('SELECT blob FROM packed_chunks WHERE id = ?')
      .pluck();
    this.#addTotal = database.prepare<[bigint]>(
      "UPDATE meta SET value = value + ? WHERE name = 'raw_bytes'",
    );
  }

  /** One bounded slice. true: there is more to merge. */
  compact(nowUnixNs: bigint): boolean {
    const { merges, more } = this.#plan();
    this.#database
      .transaction(() => {
        let bytes = -this.#replaced.removeOld(nowUnixNs);
        for (const merge of merges) bytes += this.#write(merge, nowUnixNs);
        if (bytes !== 0n) this.#addTotal.run(bytes);
      })
      .immediate();
    return more;
  }

  /** Reads and joins, outside the transaction: only this process writes. */
  #plan(): { readonly merges: readonly Merge[]; readonly more: boolean } {
    const groups = mergeGroups(this.#candidates(), BUCKET_NS, CHUNK_ROWS);
    const merges: Merge[] = [];
    let events = 0;
    let next = 0;
    for (; next < groups.length && events < EVENTS_PER_CALL; next++) {
      const group = groups[next]!;
      events += group.reduce((sum, { rows }) => sum + rows, 0);
      const merge = this.#read(group);
      if (merge !== null) merges.push(merge);
    }
    return { merges, more: next < groups.length };
  }

  #candidates(): readonly SmallChunk[] {
    return this.#small
      .all(CANDIDATES)
      .map(({ id, deployment, group, rank, rows, fromUnixNs, toUnixNs }) => ({
        id: Number(id),
        deployment: JSON.stringify([deployment, group, Number(rank)]),
        rows: Number(rows),
        fromUnixNs,
        toUnixNs,
      }))
      .filter(({ id }) => !this.#unreadable.has(id));
  }

  #read(group: readonly SmallChunk[]): Merge | null {
    const ids: number[] = [];
    const parts: SequencedSteps[] = [];
    for (const { id } of group) {
      const decoded = readable(() => unpackSteps(this.#blob.get(id)!));
      if (decoded === null || decoded.sequences === null) {
        this.#unreadable.add(id);
        continue;
      }
      ids.push(id);
      parts.push({ table: decoded.table, sequences: decoded.sequences });
    }
    return ids.length < 2 ? null : { ids, pieces: workerPieces(parts) };
  }

  #write({ ids, pieces }: Merge, nowUnixNs: bigint): bigint {
    let bytes = 0n;
    let heir = 0n;
    for (const piece of pieces) {
      const made = this.#writer.addHeir(piece, {
        replacesFrom: ids[0]!,
        replacesTo: ids.at(-1)!,
      });
      bytes += BigInt(made.blobBytes);
      heir = made.id;
    }
    this.#replaced.replace(ids, heir, nowUnixNs);
    return bytes;
  }
}
