/**
 * The journal: packed steps as they were committed, one row a commit and deployment, and the way from
 * there into packed chunks. What the rows hold stays in memory too, so that moving them reads
 * nothing; after a crash they are read back. Nothing is unpacked or packed again on the way.
 */
import type Database from 'better-sqlite3';
import { releaseMemory } from '#lib/base/release-memory.ts';
import type { PackedTable } from '#lib/table/packed-table.ts';
import { packedSpan, REACH_NS } from '#lib/table/packed-tables.ts';
import { type DamageListener, readable } from './damage.ts';
import { JournalWorkerReader, JournalWorkerWriter } from './journal-workers.ts';
import { PackedChunkWriter } from './packed-chunk-writer.ts';
import { allSteps, packSteps, unpackSteps } from './step-blob.ts';
import { workerPieces } from './worker-steps.ts';

export interface JournalLimits {
  /** A move takes about this much, which bounds how long it keeps commits waiting. */
  readonly moveBytes: number;
  /** Rows move when they are so old, however little they hold. */
  readonly moveAgeMs: number;
  /** Beyond this, moving has failed for long, and no more is taken. */
  readonly maxBytes: number;
}

export const JOURNAL_LIMITS: JournalLimits = {
  moveBytes: 16 * 1024 * 1024,
  moveAgeMs: 10_000,
  maxBytes: 128 * 1024 * 1024,
};

/** Steps of one append. */
export interface JournalRow {
  readonly sequence: number;
  readonly table: PackedTable;
}

interface Row extends JournalRow {
  readonly id: number;
  readonly deployment: string;
  readonly blobBytes: number;
  readonly fromUnixNs: bigint;
  readonly toUnixNs: bigint;
  readonly addedMs: number;
}

interface DamagedRow {
  readonly id: number;
  readonly blobBytes: number;
  readonly toUnixNs: bigint;
}

export class Journal {
  readonly #database: Database.Database;
  readonly #limits: JournalLimits;
  readonly #workers: JournalWorkerWriter;
  readonly #chunks: PackedChunkWriter;
  readonly #insert;
  readonly #remove;
  readonly #addTotal;
  /** By id. */
  #rows: Row[] = [];
  #young: Row[] = [];
  /** Rows that cannot be read: they stay until they are old, and scans report them. */
  #damaged: DamagedRow[] = [];
  #heldBytes = 0;
  #readers = 0;

  /** `onDamage` is told about the rows that cannot be read back. */
  constructor(
    database: Database.Database,
    limits: JournalLimits = JOURNAL_LIMITS,
    onDamage: DamageListener = () => {},
  ) {
    this.#database = database;
    this.#limits = limits;
    this.#workers = new JournalWorkerWriter(database);
    this.#chunks = new PackedChunkWriter(database);
    this.#insert = database.prepare<[number, string, bigint, bigint, number, number, Uint8Array]>(
      `INSERT INTO journal (seq, deployment, from_unix_ns, to_unix_ns, events, blob_bytes, blob)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#remove = database.prepare<[number]>('DELETE FROM journal WHERE id = ?');
    this.#addTotal = database.prepare<[number]>(
      "UPDATE meta SET value = value + ? WHERE name = 'raw_bytes'",
    );
    this.#readBack(onDamage);
  }

  /** What is held now, oldest first; until the next `move`. */
  rows(): readonly JournalRow[] {
    return this.#rows;
  }

  /** What is held now, oldest first, for as long as `use` runs; it may move meanwhile. */
  *reading<T>(use: (rows: readonly JournalRow[]) => Generator<T>): Generator<T> {
    this.#readers++;
    try {
      yield* use([...this.#rows]);
    } finally {
      this.#readers--;
    }
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** So much that nothing more should be taken before some of it has moved. */
  get isFull(): boolean {
    return this.#heldBytes >= this.#limits.maxBytes;
  }

  /** Is it time to `move`? */
  isDue(nowMs: number): boolean {
    const oldest = this.#rows[0];
    if (oldest === undefined) return false;
    return (
      this.#heldBytes >= this.#limits.moveBytes || nowMs - oldest.addedMs >= this.#limits.moveAgeMs
    );
  }

  /**
   * Adds a row inside the caller's transaction, whose end `keep` or `forget` tells. The tables' bytes
   * are copied. Returns the row's bytes and extent.
   */
  add(
    sequence: number,
    deployment: string,
    tables: readonly PackedTable[],
    nowMs: number,
  ): { readonly blobBytes: number; readonly spanNs: bigint } {
    const source = allSteps(tables);
    const workerIds = source.directory.workers.map(this.#workers.idOf);
    const { blob, table } = packSteps(source, { sequences: null, workerIds });
    const { fromUnixNs, toUnixNs } = packedSpan(table)!;
    const blobBytes = blob.byteLength;
    const { lastInsertRowid } = this.#insert.run(
      sequence,
      deployment,
      fromUnixNs,
      toUnixNs,
      table.events,
      blobBytes,
      blob,
    );
    const id = Number(lastInsertRowid);
    const span = { fromUnixNs, toUnixNs };
    this.#young.push({ id, sequence, deployment, blobBytes, table, ...span, addedMs: nowMs });
    return { blobBytes, spanNs: toUnixNs - fromUnixNs };
  }

  keep(): void {
    this.#workers.keep();
    for (const row of this.#young) {
      this.#rows.push(row);
      this.#heldBytes += row.blobBytes;
    }
    this.#young = [];
  }

  forget(): void {
    this.#workers.forget();
    this.#young = [];
  }

  /** Moves the oldest rows into packed chunks, in a transaction of its own; a bounded slice. */
  move(): void {
    const rows = this.#oldest();
    if (rows.length === 0) return;
    const pieces = workerPieces(
      rows.map(({ table, sequence }) => ({ table, sequences: sequence })),
    );
    const movesAll = rows.length === this.#rows.length;
    this.#database
      .transaction(() => {
        const chunkBytes = this.#chunks.add(pieces);
        for (const { id } of rows) this.#remove.run(id);
        this.#addTotal.run(chunkBytes - bytesOf(rows));
        if (movesAll && this.#workers.isFull) this.#workers.clear();
      })
      .immediate();
    this.#rows.splice(0, rows.length);
    this.#heldBytes -= bytesOf(rows);
    if (this.#readers === 0) for (const { table } of rows) releaseMemory(table.bytes);
  }

  /** Must some of it move, so that it can be deleted? */
  isWanted(beforeUnixNs: bigint, maxBytes: number): boolean {
    return this.#heldBytes > maxBytes || this.#rows.some((row) => row.toUnixNs <= beforeUnixNs);
  }

  /** Deletes damaged rows that are old. */
  dropDamaged(beforeUnixNs: bigint): void {
    const old = this.#damaged.filter(({ toUnixNs }) => toUnixNs <= beforeUnixNs);
    if (old.length === 0) return;
    this.#database
      .transaction(() => {
        for (const { id } of old) this.#remove.run(id);
        this.#addTotal.run(-bytesOf(old));
      })
      .immediate();
    this.#damaged = this.#damaged.filter(({ toUnixNs }) => toUnixNs > beforeUnixNs);
  }

  /** Rows that lie further apart than offsets reach are moved one after the other. */
  #oldest(): readonly Row[] {
    const rows: Row[] = [];
    let bytes = 0;
    let from: bigint | null = null;
    let to: bigint | null = null;
    for (const row of this.#rows) {
      from = from === null || row.fromUnixNs < from ? row.fromUnixNs : from;
      to = to === null || row.toUnixNs > to ? row.toUnixNs : to;
      if (rows.length > 0 && (to - from > REACH_NS || bytes >= this.#limits.moveBytes)) break;
      rows.push(row);
      bytes += row.blobBytes;
    }
    return rows;
  }

  #readBack(onDamage: DamageListener): void {
    const { workerOf } = new JournalWorkerReader(this.#database);
    const rows = this.#database
      .prepare<[], StoredRow>(
        `SELECT id, seq AS sequence, deployment, from_unix_ns AS fromUnixNs,
           to_unix_ns AS toUnixNs, events, blob_bytes AS blobBytes, blob
         FROM journal ORDER BY id`,
      )
      .iterate();
    let found = 0;
    for (const row of rows) {
      found++;
      const { deployment, fromUnixNs, toUnixNs } = row;
      const id = Number(row.id);
      const tell = (message: string, events: number): void =>
        onDamage({ table: 'journal', id, deployment, rows: events, message });
      const decoded = readable(
        () => unpackSteps(row.blob, workerOf),
        (message) => tell(message, Number(row.events)),
      );
      const lost = decoded?.unknownEvents ?? 0;
      if (lost > 0) tell(UNKNOWN_WORKER, lost);
      const blobBytes = Number(row.blobBytes);
      const table = decoded?.table ?? null;
      if (table === null || (table.length === 0 && lost > 0)) {
        this.#damaged.push({ id, blobBytes, toUnixNs });
        continue;
      }
      this.#rows.push({
        id,
        sequence: Number(row.sequence),
        deployment,
        blobBytes,
        table,
        fromUnixNs,
        toUnixNs,
        addedMs: Number.NEGATIVE_INFINITY,
      });
      this.#heldBytes += blobBytes;
    }
    if (found === 0) this.#workers.clear();
  }
}

/** What is told of steps whose worker the journal's list does not have. */
export const UNKNOWN_WORKER = 'a worker of the journal is not known: its steps are left out';

interface StoredRow {
  readonly id: bigint;
  readonly sequence: bigint;
  readonly deployment: string;
  readonly fromUnixNs: bigint;
  readonly toUnixNs: bigint;
  readonly events: bigint;
  readonly blobBytes: bigint;
  readonly blob: Uint8Array;
}

function bytesOf(rows: readonly { readonly blobBytes: number }[]): number {
  return rows.reduce((sum, { blobBytes }) => sum + blobBytes, 0);
}
