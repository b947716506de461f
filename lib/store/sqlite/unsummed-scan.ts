/** What is stored and not in the stage rollups: by sequence, one row at a time. */
import type Database from 'better-sqlite3';
import { selectSteps } from '#lib/table/packed-tables.ts';
import type { UnsummedPart } from '../telemetry-store.ts';
import { unpackEvents } from './blob.ts';
import { readable } from './damage.ts';
import { JournalWorkerReader } from './journal-workers.ts';
import { unpackSteps } from './step-blob.ts';

const SOURCES = [
  { table: 'chunks', where: 'seq > ? AND seq > 0 AND replaced_by IS NULL' },
  { table: 'packed_chunks', where: 'seq > ? AND replaced_by IS NULL' },
  { table: 'journal', where: 'seq > ?' },
] as const;
type SourceTable = (typeof SOURCES)[number]['table'];

export class UnsummedScan {
  readonly #through;
  readonly #setThrough;
  readonly #sources;
  readonly #workers: JournalWorkerReader;

  constructor(database: Database.Database) {
    this.#through = database
      .prepare<[], bigint>("SELECT value FROM meta WHERE name = 'stage_rollups_through'")
      .pluck();
    this.#setThrough = database.prepare<[number]>(
      `INSERT INTO meta (name, value) VALUES ('stage_rollups_through', ?)
       ON CONFLICT DO UPDATE SET value = max(value, excluded.value)`,
    );
    this.#workers = new JournalWorkerReader(database);
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

  /** A damaged row is passed over: scans report it. */
  *parts(): Generator<UnsummedPart> {
    const through = BigInt(this.through() ?? 0);
    const keys = this.#sources
      .flatMap((source) => source.keys.all(through).map((key) => ({ ...key, source })))
      .sort((a, b) => Number(a.seq - b.seq));
    for (const { id, seq, source } of keys) {
      const blob = source.blob.get(id);
      if (blob === undefined) continue;
      const part = readable(() => this.#partOf(source.table, blob, Number(seq), Number(through)));
      if (part !== null) yield part;
    }
  }

  #partOf(
    table: SourceTable,
    blob: Uint8Array,
    sequence: number,
    through: number,
  ): UnsummedPart | null {
    if (table === 'chunks') return { sequence, events: unpackEvents(blob), packed: null };
    const { table: steps, sequences } = unpackSteps(blob, this.#workers.workerOf);
    if (sequences === null) return { sequence, events: null, packed: steps };
    // A packed chunk holds steps of many appends, and some may be summed.
    const rows = new Uint32Array(steps.length);
    let count = 0;
    for (let i = 0; i < steps.length; i++) if (sequences[i]! > through) rows[count++] = i;
    if (count === 0) return null;
    return { sequence, events: null, packed: selectSteps(steps, rows.subarray(0, count)) };
  }
}
