/** What people write and alerting remembers, through drizzle: small, rarely changed, many shapes. */
import type Database from 'better-sqlite3';
import { and, asc, desc, eq, gte, inArray, lt, lte, sql } from 'drizzle-orm';
import { type BetterSQLite3Database, drizzle } from 'drizzle-orm/better-sqlite3';
import type { UnixNanos } from '#lib/base/units.ts';
import {
  type Annotation,
  DOCUMENT_KINDS,
  type DocumentKind,
  type DocumentQuery,
  type ImportRecord,
  LOG_TOPICS,
  type LogEntry,
  type LogQuery,
  type StateChanges,
  type StateDocument,
  type StateStore,
} from '../state-store.ts';
import { annotations, documents, imports, logEntries } from './schema.ts';
import { storeFailure } from './store-failure.ts';
import type { WriterLock } from './writer-lock.ts';

const MAX_ROWS = 10_000;
/** Deleting must not hold up what senders wait for. */
const FORGOTTEN_AT_ONCE = 1_000;

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

  async documents(query: DocumentQuery): Promise<readonly StateDocument[]> {
    const { kind, deployment, statuses, sinceUnixNs, limit = MAX_ROWS } = query;
    const rows = this.#database
      .select()
      .from(documents)
      .where(
        and(
          eq(documents.kind, kind),
          deployment === undefined ? undefined : eq(documents.deployment, deployment),
          statuses === undefined ? undefined : inArray(documents.status, [...statuses]),
          sinceUnixNs === undefined ? undefined : gte(documents.updatedUnixNs, sinceUnixNs),
        ),
      )
      .orderBy(desc(documents.updatedUnixNs), asc(documents.id))
      .limit(limit)
      .all();
    return rows.map(documentOf);
  }

  async document(kind: DocumentKind, id: string): Promise<StateDocument | null> {
    const row = this.#database
      .select()
      .from(documents)
      .where(and(eq(documents.kind, kind), eq(documents.id, id)))
      .get();
    return row === undefined ? null : documentOf(row);
  }

  async logged(query: LogQuery): Promise<readonly LogEntry[]> {
    const { topic, deployment, subject, fromUnixNs, toUnixNs, order, limit = MAX_ROWS } = query;
    const byTime = order === 'newest' ? desc(logEntries.atUnixNs) : asc(logEntries.atUnixNs);
    const rows = this.#database
      .select()
      .from(logEntries)
      .where(
        and(
          eq(logEntries.topic, topic),
          deployment === undefined ? undefined : eq(logEntries.deployment, deployment),
          subject === undefined ? undefined : eq(logEntries.subject, subject),
          fromUnixNs === undefined ? undefined : gte(logEntries.atUnixNs, fromUnixNs),
          toUnixNs === undefined ? undefined : lt(logEntries.atUnixNs, toUnixNs),
        ),
      )
      .orderBy(byTime, asc(logEntries.subject), asc(logEntries.part))
      .limit(limit)
      .all();
    return rows.map(({ topic: name, ...row }) => ({ ...row, topic: oneOf(LOG_TOPICS, name) }));
  }

  async change(changes: StateChanges): Promise<{ readonly removed: number }> {
    return this.#guarded(() =>
      this.#database.transaction((database) => {
        let removed = 0;
        for (const document of changes.put ?? []) {
          database
            .insert(documents)
            .values(document)
            .onConflictDoUpdate({ target: [documents.kind, documents.id], set: document })
            .run();
        }
        for (const { kind, id } of changes.remove ?? []) {
          const gone = and(eq(documents.kind, kind), eq(documents.id, id));
          removed += database.delete(documents).where(gone).run().changes;
        }
        for (const entry of changes.log ?? []) {
          database
            .insert(logEntries)
            .values(entry)
            .onConflictDoUpdate({
              target: [logEntries.topic, logEntries.atUnixNs, logEntries.subject, logEntries.part],
              set: entry,
            })
            .run();
        }
        for (const { topic, beforeUnixNs } of changes.forget ?? []) {
          database.run(sql`DELETE FROM log_entries WHERE rowid IN (
            SELECT rowid FROM log_entries WHERE topic = ${topic} AND at_unix_ns < ${beforeUnixNs}
            ORDER BY at_unix_ns LIMIT ${FORGOTTEN_AT_ONCE})`);
        }
        return { removed };
      }),
    );
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

function documentOf(row: typeof documents.$inferSelect): StateDocument {
  return { ...row, kind: oneOf(DOCUMENT_KINDS, row.kind) };
}

/** What another version wrote under a name of its own is never asked for by that name. */
function oneOf<T extends string>(names: readonly T[], name: string): T {
  const found = names.find((one) => one === name);
  if (found === undefined) throw new Error(`the database holds a "${name}", which is unknown`);
  return found;
}
