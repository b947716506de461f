/** Sizes of a window's chunks and journal rows; no blob is read, and no slice takes long. */
import type Database from 'better-sqlite3';
import { unixNanos } from '#lib/base/units.ts';
import { rawExtentOf, type StoredSpan } from '../raw-extent.ts';
import type { RawExtent, TimeWindow } from '../telemetry-store.ts';

const ROWS_PER_SLICE = 1024;
const MAX_ID = 2n ** 63n - 1n;

interface SizedRow {
  readonly id: bigint;
  readonly fromUnixNs: bigint;
  readonly toUnixNs: bigint;
  readonly blobBytes: bigint;
}

type Bounds = [deployment: string, afterEnd: bigint, afterId: bigint, toUnixNs: bigint];

export class RawExtentReader {
  readonly #chunks: readonly Database.Statement<[...Bounds, number], SizedRow>[];
  readonly #journal: Database.Statement<[string, bigint, bigint], SizedRow>;

  constructor(database: Database.Database) {
    const columns =
      'id, from_unix_ns AS fromUnixNs, to_unix_ns AS toUnixNs, blob_bytes AS blobBytes';
    this.#chunks = (['chunks', 'packed_chunks'] as const).map((table) =>
      database.prepare<[...Bounds, number], SizedRow>(
        `SELECT ${columns} FROM ${table}
         WHERE deployment = ? AND (to_unix_ns, id) > (?, ?) AND from_unix_ns < ?
           AND replaced_by IS NULL
         ORDER BY to_unix_ns, id LIMIT ?`,
      ),
    );
    this.#journal = database.prepare<[string, bigint, bigint], SizedRow>(
      `SELECT ${columns} FROM journal
       WHERE deployment = ? AND to_unix_ns > ? AND from_unix_ns < ?`,
    );
  }

  read(deployment: string, { fromUnixNs, toUnixNs }: TimeWindow): RawExtent {
    // First, since rows move on into chunks: they may be met twice, never missed.
    const found = this.#journal.all(deployment, fromUnixNs, toUnixNs).map(spanOf);
    for (const statement of this.#chunks) {
      let afterEnd: bigint = fromUnixNs;
      let afterId = MAX_ID;
      for (;;) {
        const slice = statement.all(deployment, afterEnd, afterId, toUnixNs, ROWS_PER_SLICE);
        for (const row of slice) found.push(spanOf(row));
        const last = slice.at(-1);
        if (last === undefined || slice.length < ROWS_PER_SLICE) break;
        afterEnd = last.toUnixNs;
        afterId = last.id;
      }
    }
    return rawExtentOf(found);
  }
}

function spanOf({ fromUnixNs, toUnixNs, blobBytes }: SizedRow): StoredSpan {
  return {
    fromUnixNs: unixNanos(fromUnixNs),
    toUnixNs: unixNanos(toUnixNs),
    bytes: Number(blobBytes),
  };
}
