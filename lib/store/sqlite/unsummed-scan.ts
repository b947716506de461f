/**
 * What is stored and not in the stage rollups: by sequence, one row at a time. Journal rows come from
 * memory, where they stay for as long as somebody reads: in the file they may move meanwhile.
 */
import type Database from 'better-sqlite3';
import { selectSteps } from '#lib/table/packed-tables.ts';
import type { UnsummedPart } from '../telemetry-store.ts';
import { unpackEvents } from './blob.ts';
import { readable } from './damage.ts';
import type { JournalRow } from './journal.ts';
import { unpackSteps } from './step-blob.ts';

const SOURCES = [
  { table: 'chunks', where: 'seq > ? AND seq > 0 AND replaced_by IS NULL' },
  { table: 'packed_chunks', where: 'seq > ? AND replaced_by IS NULL' },
] as const;
type SourceTable = (typeof SOURCES)[number]['table'];

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
    this.#sources = SOURCES.map(({ table, where }) => ({
      table,
      keys: database.prepare<[bigint], { id: bigint; seq: bigint }>(
        `SELECT id, seq FROM ${table} WHERE ${where}`,
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

  /** A damaged row is passed over: scans report it. `journal`: its rows as they are now. */
  *parts(journal: readonly JournalRow[]): Generator<UnsummedPart> {
    const through = this.through() ?? 0;
    const parts = this.#sources.flatMap(({ table, keys, blob }) =>
      keys.all(BigInt(through)).map(({ id, seq }) => {
        const sequence = Number(seq);
        return { sequence, read: () => this.#partOf(table, blob.get(id), sequence, through) };
      }),
    );
    for (const { sequence, table } of journal) {
      if (sequence <= through) continue;
      parts.push({ sequence, read: () => ({ sequence, events: null, packed: table }) });
    }
    parts.sort((a, b) => a.sequence - b.sequence);
    for (const { read } of parts) {
      const part = readable(read);
      if (part !== null) yield part;
    }
  }

  #partOf(
    table: SourceTable,
    blob: Uint8Array | undefined,
    sequence: number,
    through: number,
  ): UnsummedPart | null {
    if (blob === undefined) return null;
    if (table === 'chunks') return { sequence, events: unpackEvents(blob), packed: null };
    const { table: steps, sequences } = unpackSteps(blob);
    if (sequences === null) return { sequence, events: null, packed: steps };
    // A packed chunk holds steps of many appends, and some may be summed.
    const rows = new Uint32Array(steps.length);
    let count = 0;
    for (let i = 0; i < steps.length; i++) if (sequences[i]! > through) rows[count++] = i;
    if (count === 0) return null;
    return { sequence, events: null, packed: selectSteps(steps, rows.subarray(0, count)) };
  }
}
