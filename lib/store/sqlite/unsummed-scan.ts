/** What is stored and not in the stage rollups: by sequence, one row at a time. */
import type Database from 'better-sqlite3';
import { ChunkFormatError } from '#lib/table/chunk-frame.ts';
import type { UnsummedPart } from '../telemetry-store.ts';
import { unpackEvents, unpackSteps } from './blob.ts';

const SOURCES = [
  { table: 'chunks', index: 'chunks_by_seq', events: true },
  { table: 'packed_chunks', index: 'packed_chunks_by_seq', events: false },
  { table: 'journal', index: null, events: false },
] as const;

export class UnsummedScan {
  readonly #through;
  readonly #setThrough;
  readonly #sources;

  constructor(database: Database.Database) {
    this.#through = database
      .prepare<[], bigint>("SELECT value FROM meta WHERE name = 'stage_rollups_through'")
      .pluck();
    this.#setThrough = database.prepare<[number]>(
      `INSERT INTO meta (name, value) VALUES ('stage_rollups_through', ?)
       ON CONFLICT DO UPDATE SET value = max(value, excluded.value)`,
    );
    this.#sources = SOURCES.map(({ table, index, events }) => ({
      events,
      keys: database.prepare<[bigint], { id: bigint; seq: bigint }>(
        `SELECT id, seq FROM ${table} ${index === null ? '' : `INDEXED BY ${index}`}
         WHERE seq > ? ${index === null ? '' : 'AND seq > 0 AND replaced_by IS NULL'}`,
      ),
      blob: database
        .prepare<[bigint], Uint8Array>(`SELECT blob FROM ${table} WHERE id = ?`)
        .pluck(),
    }));
  }

  /** Appends up to this one are summed; null: nobody sums. */
  through(): number | null {
    const through = this.#through.get();
    return through === undefined ? null : Number(through);
  }

  /** Inside the caller's transaction. */
  setThrough(sequence: number): void {
    this.#setThrough.run(sequence);
  }

  /** A damaged row is passed over: scans report it. */
  *parts(): Generator<UnsummedPart> {
    const through = BigInt(this.through() ?? 0);
    const keys = this.#sources
      .flatMap((source) => source.keys.all(through).map((key) => ({ ...key, source })))
      .sort((a, b) => Number(a.seq - b.seq));
    for (const { id, seq, source } of keys) {
      const blob = source.blob.get(id);
      if (blob === undefined) continue;
      const sequence = Number(seq);
      const part = readable(() =>
        source.events
          ? { sequence, events: unpackEvents(blob), packed: null }
          : { sequence, events: null, packed: unpackSteps(blob) },
      );
      if (part !== null) yield part;
    }
  }
}

function readable<T>(read: () => T): T | null {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof ChunkFormatError) return null;
    throw cause;
  }
}
