/**
 * Chunks that a merge replaced: each stays readable by its id for GRACE_NS, since a scan lists its
 * keys first; it goes on with the chunks that it listed and never meets an event twice.
 */
import type Database from 'better-sqlite3';
import type { ChunkTable } from './chunk-scan.ts';

export const GRACE_NS = 300_000_000_000n;

const DELETES_PER_CALL = 512;

export class ReplacedChunks {
  readonly #replace;
  readonly #oldest;
  readonly #remove;
  /** When each young merge replaced its parts; one that is not here is as old as this process. */
  readonly #replacedAt = new Map<number, bigint>();
  #startedUnixNs: bigint | null = null;

  constructor(database: Database.Database, table: ChunkTable) {
    this.#replace = database.prepare<[bigint, number]>(
      `UPDATE ${table} SET replaced_by = ? WHERE id = ?`,
    );
    this.#oldest = database.prepare<
      [number],
      { id: bigint; replacedBy: bigint; blobBytes: bigint }
    >(
      `SELECT id, replaced_by AS replacedBy, blob_bytes AS blobBytes FROM ${table}
       WHERE replaced_by IS NOT NULL ORDER BY replaced_by LIMIT ?`,
    );
    this.#remove = database.prepare<[bigint]>(`DELETE FROM ${table} WHERE id = ?`);
  }

  /** Inside the caller's transaction. */
  replace(ids: readonly number[], heir: bigint, nowUnixNs: bigint): void {
    for (const id of ids) this.#replace.run(heir, id);
    this.#replacedAt.set(Number(heir), nowUnixNs);
  }

  /** Deletes those that are old, a bounded number, and says how many bytes they had. */
  removeOld(nowUnixNs: bigint): bigint {
    this.#startedUnixNs ??= nowUnixNs;
    let bytes = 0n;
    // Oldest merges first, so the first young one ends the walk.
    for (const { id, replacedBy, blobBytes } of this.#oldest.all(DELETES_PER_CALL)) {
      const heir = Number(replacedBy);
      if (nowUnixNs - (this.#replacedAt.get(heir) ?? this.#startedUnixNs) < GRACE_NS) break;
      this.#remove.run(id);
      bytes += blobBytes;
    }
    for (const [heir, since] of this.#replacedAt) {
      // Twice the time: whatever a bounded call leaves behind is old by the process's start too.
      if (nowUnixNs - since > 2n * GRACE_NS) this.#replacedAt.delete(heir);
    }
    return bytes;
  }
}
