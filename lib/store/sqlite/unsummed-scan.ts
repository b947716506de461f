/**
 * What is stored and not in the stage rollups, one row at a time, by the newest append in each. Journal rows come from
 * memory, where they stay for as long as somebody reads: in the file they may move meanwhile.
 */
import type Database from 'better-sqlite3';
import { selectSteps } from '#lib/table/packed-tables.ts';
import { secondsThrough } from '../summed-ahead.ts';
import type { SummedAhead, UnsummedPart } from '../telemetry-store.ts';
import { unpackEvents } from './blob.ts';
import { readable } from './damage.ts';
import type { JournalRow } from './journal.ts';
import { unpackSteps } from './step-blob.ts';

const SOURCES = [
  { table: 'chunks', where: 'seq > ? AND seq > 0 AND replaced_by IS NULL' },
  { table: 'packed_chunks', where: 'seq > ? AND replaced_by IS NULL' },
] as const;
/** Rows of `meta`: a second, and through which append it is summed. */
const AHEAD = 'stage_rollups_ahead_';

type SourceTable = (typeof SOURCES)[number]['table'];

export class UnsummedScan {
  readonly #through;
  readonly #setThrough;
  readonly #ahead;
  readonly #forgetAhead;
  readonly #setAhead;
  readonly #sources;

  constructor(database: Database.Database) {
    this.#through = database
      .prepare<[], bigint>("SELECT value FROM meta WHERE name = 'stage_rollups_through'")
      .pluck();
    this.#setThrough = database.prepare<[number]>(
      `INSERT INTO meta (name, value) VALUES ('stage_rollups_through', ?)
       ON CONFLICT DO UPDATE SET value = max(value, excluded.value)`,
    );
    this.#ahead = database.prepare<[], { name: string; value: bigint }>(
      `SELECT name, value FROM meta WHERE name GLOB '${AHEAD}*'`,
    );
    this.#forgetAhead = database.prepare<[]>(`DELETE FROM meta WHERE name GLOB '${AHEAD}*'`);
    this.#setAhead = database.prepare<[string, number]>(
      'INSERT INTO meta (name, value) VALUES (?, ?)',
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
  setThrough(sequence: number, ahead: SummedAhead): void {
    this.#setThrough.run(sequence);
    this.#forgetAhead.run();
    for (const [second, through] of ahead) this.#setAhead.run(`${AHEAD}${second}`, through);
  }

  #readAhead(): SummedAhead {
    return new Map(
      this.#ahead
        .all()
        .map(({ name, value }) => [Number(name.slice(AHEAD.length)), Number(value)] as const),
    );
  }

  /** A damaged row is passed over: scans report it. `journal`: its rows as they are now. */
  *parts(journal: readonly JournalRow[]): Generator<UnsummedPart> {
    const through = this.through() ?? 0;
    const ahead = this.#readAhead();
    const parts: Found[] = this.#sources.flatMap(({ table, keys, blob }) =>
      keys.all(BigInt(through)).map(({ id, seq }) => {
        const sequence = Number(seq);
        const read = () => this.#partsOf(table, blob.get(id), sequence, through, ahead);
        return { sequence, read };
      }),
    );
    for (const { sequence, table } of journal) {
      if (sequence <= through) continue;
      const summedSeconds = secondsThrough(ahead, sequence);
      const part = { sequence, events: null, packed: table, summedSeconds };
      parts.push({ sequence, read: () => [part] });
    }
    parts.sort((a, b) => a.sequence - b.sequence);
    for (const { read } of parts) yield* readable(read) ?? [];
  }

  #partsOf(
    table: SourceTable,
    blob: Uint8Array | undefined,
    sequence: number,
    through: number,
    ahead: SummedAhead,
  ): UnsummedPart[] {
    if (blob === undefined) return [];
    const summedSeconds = secondsThrough(ahead, sequence);
    if (table === 'chunks') {
      return [{ sequence, events: unpackEvents(blob), packed: null, summedSeconds }];
    }
    const { table: steps, sequences } = unpackSteps(blob);
    if (sequences === null) return [{ sequence, events: null, packed: steps, summedSeconds }];
    // A packed chunk holds steps of many appends: some may be summed, others in some seconds only.
    const rowsOf = new Map<number, number[]>();
    for (let i = 0; i < steps.length; i++) {
      const own = sequences[i]!;
      if (own <= through) continue;
      const rows = rowsOf.get(own);
      if (rows === undefined) rowsOf.set(own, [i]);
      else rows.push(i);
    }
    return [...rowsOf].map(([own, rows]) => ({
      sequence: own,
      events: null,
      packed: selectSteps(steps, Uint32Array.from(rows)),
      summedSeconds: secondsThrough(ahead, own),
    }));
  }
}

interface Found {
  readonly sequence: number;
  readonly read: () => UnsummedPart[];
}
