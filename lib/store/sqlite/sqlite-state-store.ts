/** What people write, through drizzle: small, rarely changed, many shapes to come. */
import type Database from 'better-sqlite3';
import { and, asc, desc, eq, gte, lte } from 'drizzle-orm';
import { type BetterSQLite3Database, drizzle } from 'drizzle-orm/better-sqlite3';
import type { UnixNanos } from '#lib/base/units.ts';
import type { Annotation, ImportRecord, StateStore } from '../state-store.ts';
import { annotations, imports } from './schema.ts';
import { storeFailure } from './store-failure.ts';
import type { WriterLock } from './writer-lock.ts';

export class SqliteStateStore implements StateStore {
  readonly #connection: Database.Database;
  readonly #lock: WriterLock | null;
  readonly #database: BetterSQLite3Database;

  /** Takes over the connection and the lock (null: read-only); `close` gives both back. */
  constructor(connection: Database.Database, lock: WriterLock | null) {
    this.#connection = connection;
    this.#lock = lock;
    this.#database = drizzle(connection);
  }

  async annotations(
    deployment: string,
    from: UnixNanos,
    to: UnixNanos,
  ): Promise<readonly Annotation[]> {
    return this.#database
      .select()
      .from(annotations)
      .where(
        and(
          eq(annotations.deployment, deployment),
          lte(annotations.fromUnixNs, to),
          gte(annotations.toUnixNs, from),
        ),
      )
      .orderBy(asc(annotations.fromUnixNs), asc(annotations.id))
      .all();
  }

  async putAnnotation(annotation: Annotation): Promise<void> {
    this.#guarded(() =>
      this.#database
        .insert(annotations)
        .values(annotation)
        .onConflictDoUpdate({ target: annotations.id, set: annotation })
        .run(),
    );
  }

  async deleteAnnotation(id: string): Promise<boolean> {
    const { changes } = this.#guarded(() =>
      this.#database.delete(annotations).where(eq(annotations.id, id)).run(),
    );
    return changes > 0;
  }

  async imports(): Promise<readonly ImportRecord[]> {
    return this.#database
      .select()
      .from(imports)
      .orderBy(desc(imports.createdUnixNs), asc(imports.id))
      .all();
  }

  async putImport(record: ImportRecord): Promise<void> {
    this.#guarded(() =>
      this.#database
        .insert(imports)
        .values(record)
        .onConflictDoUpdate({ target: imports.id, set: record })
        .run(),
    );
  }

  async deleteImport(id: string): Promise<boolean> {
    const { changes } = this.#guarded(() =>
      this.#database.delete(imports).where(eq(imports.id, id)).run(),
    );
    return changes > 0;
  }

  async close(): Promise<void> {
    this.#connection.close();
    this.#lock?.release();
  }

  #guarded<T>(work: () => T): T {
    try {
      return work();
    } catch (cause) {
      throw storeFailure(cause, this.#connection.name);
    }
  }
}
