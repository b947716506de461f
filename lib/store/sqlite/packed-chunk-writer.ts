/** Writes packed chunks: pieces of one worker each, inside the caller's transaction. */
import type Database from 'better-sqlite3';
import { releaseMemory } from '#lib/base/release-memory.ts';
import { packedSpan } from '#lib/table/packed-tables.ts';
import { packSteps, type StepBlob, shrinkSteps, someSteps } from './step-blob.ts';
import type { WorkerPiece } from './worker-steps.ts';

/** Chunks of a group between two looks at whether compression pays. */
const TRY_EVERY = 64;
const MAX_GROUPS = 4096;

export interface Heirship {
  /** First and last id of the chunks that this one replaces. */
  readonly replacesFrom: number;
  readonly replacesTo: number;
}

export class PackedChunkWriter {
  readonly #insert;
  readonly #longest;
  readonly #untilTry = new Map<string, number>();

  constructor(database: Database.Database) {
    this.#insert = database.prepare<
      [
        string,
        string,
        number,
        bigint,
        bigint,
        number,
        number,
        number,
        number,
        number | null,
        number | null,
        Uint8Array,
      ]
    >(
      `INSERT INTO packed_chunks (deployment, group_name, rank, from_unix_ns, to_unix_ns, steps,
         events, seq, blob_bytes, replaces_from, replaces_to, blob)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#longest = database.prepare<[bigint, string]>(
      'UPDATE deployments SET longest_chunk_ns = max(longest_chunk_ns, ?) WHERE deployment = ?',
    );
  }

  /** The bytes of all chunks. */
  add(pieces: readonly WorkerPiece[]): number {
    const longest = new Map<string, bigint>();
    let bytes = 0;
    for (const piece of pieces) {
      const { blobBytes, spanNs } = this.#addOne(piece, null);
      bytes += blobBytes;
      const { deployment } = piece;
      if (spanNs > (longest.get(deployment) ?? 0n)) longest.set(deployment, spanNs);
    }
    for (const [deployment, spanNs] of longest) this.#longest.run(spanNs, deployment);
    return bytes;
  }

  /** A chunk that stands for others. */
  addHeir(piece: WorkerPiece, heirship: Heirship): { id: bigint; blobBytes: number } {
    const { id, blobBytes, spanNs } = this.#addOne(piece, heirship);
    this.#longest.run(spanNs, piece.deployment);
    return { id, blobBytes };
  }

  #addOne(
    piece: WorkerPiece,
    heirship: Heirship | null,
  ): { readonly id: bigint; readonly blobBytes: number; readonly spanNs: bigint } {
    const { sequences } = piece;
    const packed = packSteps(someSteps(piece.steps), { sequences, workerIds: null });
    const { table } = packed;
    const { fromUnixNs, toUnixNs } = packedSpan(table)!;
    const blob = this.#shrunk(piece, packed);
    const { lastInsertRowid } = this.#insert.run(
      piece.deployment,
      piece.group,
      piece.rank,
      fromUnixNs,
      toUnixNs,
      table.length,
      table.events,
      sequences.reduce((a, b) => Math.max(a, b), 0),
      blob.byteLength,
      heirship?.replacesFrom ?? null,
      heirship?.replacesTo ?? null,
      blob,
    );
    const spanNs = toUnixNs - fromUnixNs;
    const blobBytes = blob.byteLength;
    releaseMemory(blob);
    releaseMemory(packed.blob);
    return { id: BigInt(lastInsertRowid), blobBytes, spanNs };
  }
  /** A group's payloads resemble each other: what was not worth it is tried again after a while. */
  #shrunk({ deployment, group }: WorkerPiece, packed: StepBlob): Uint8Array {
    const key = `${deployment} ${group}`;
    const wait = this.#untilTry.get(key) ?? 0;
    if (wait > 0) {
      this.#untilTry.set(key, wait - 1);
      return packed.blob;
    }
    const shrunk = shrinkSteps(packed);
    if (shrunk !== null) return shrunk;
    if (this.#untilTry.size >= MAX_GROUPS) this.#untilTry.clear();
    this.#untilTry.set(key, TRY_EVERY);
    return packed.blob;
  }
}
