/**
 * The workers that journal rows name by id. A commit holds a step or two of each of hundreds of
 * workers: written out, the workers would take as much room as a tenth of the steps, and reading
 * them back most of a query's time.
 */
import type Database from 'better-sqlite3';
import { damaged } from '#lib/table/chunk-frame.ts';
import { parseWorker } from '#lib/table/chunk-header.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';
import { workerKey } from '#lib/table/worker-key.ts';
import { readable } from './damage.ts';

/** A reader that meets more begins anew. */
const MAX_KNOWN = 65_536;

export class JournalWorkerReader {
  readonly #find;
  readonly #byId = new Map<number, WorkerInfo>();

  constructor(database: Database.Database) {
    this.#find = database
      .prepare<[number], string>('SELECT info FROM journal_workers WHERE id = ?')
      .pluck();
  }

  /** null: it is not there, or cannot be read. */
  readonly workerOf = (id: number): WorkerInfo | null => {
    const known = this.#byId.get(id);
    if (known !== undefined) return known;
    const text = this.#find.get(id);
    const info = text === undefined ? null : readable(() => parseWorker(parsed(text, id)));
    if (info === null) return null;
    if (this.#byId.size >= MAX_KNOWN) this.#byId.clear();
    this.#byId.set(id, info);
    return info;
  };
}

function parsed(text: string, id: number): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw damaged(`worker ${id} of the journal is not JSON`);
  }
}

export class JournalWorkerWriter {
  readonly #insert;
  readonly #clear;
  readonly #idByKey = new Map<string, number>();
  /** Not committed yet. */
  readonly #young: string[] = [];

  constructor(database: Database.Database) {
    this.#insert = database.prepare<[string]>('INSERT INTO journal_workers (info) VALUES (?)');
    this.#clear = database.prepare<[]>('DELETE FROM journal_workers');
  }

  /** Inside the caller's transaction; `keep` or `forget` tells how that ended. */
  readonly idOf = (info: WorkerInfo): number => {
    const key = workerKey(info);
    const known = this.#idByKey.get(key);
    if (known !== undefined) return known;
    const id = Number(this.#insert.run(JSON.stringify(info)).lastInsertRowid);
    this.#idByKey.set(key, id);
    this.#young.push(key);
    return id;
  };

  keep(): void {
    this.#young.length = 0;
  }

  forget(): void {
    for (const key of this.#young) this.#idByKey.delete(key);
    this.#young.length = 0;
  }

  /** More entries than are worth keeping; empty the journal, then `clear`. */
  get isFull(): boolean {
    return this.#idByKey.size > MAX_KNOWN;
  }

  /** Inside the caller's transaction, when no journal row is left. */
  clear(): void {
    this.#clear.run();
    this.#idByKey.clear();
  }
}
