/**
 * Opens `afdscope.db`. The writer makes it, refuses one of a newer version, copies an older one
 * before it upgrades it, and sets what must be set; the reader changes nothing.
 * Every connection reads integers as bigint.
 */
import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { drizzle } from 'drizzle-orm/better-sqlite3';
import { migrate } from 'drizzle-orm/better-sqlite3/migrator';
import { DatabaseVersionError, NoDatabaseError } from '../store-errors.ts';
import { SCHEMA_VERSION } from './schema.ts';

export const DATABASE_FILE = 'afdscope.db';

/** Of new databases: at full rate a fifth less work than with 4096; docs/decisions/0006 has the figures. */
const PAGE_BYTES = 8192;
/** The writer's thread stands still meanwhile: longer, and requests are refused until it is free. */
const WRITER_BUSY_TIMEOUT_MS = 1000;
const READER_BUSY_TIMEOUT_MS = 5000;
/** Log before a commit moves it into the database. */
const CHECKPOINT_BYTES = 16 * 1024 * 1024;
const LOG_LIMIT_BYTES = 64 * 1024 * 1024;

export interface DatabaseSchema {
  readonly version: number;
  readonly migrationsFolder: string;
}

/** This program's; the migrations are where the checkout and the package keep them. */
export const CURRENT_SCHEMA: DatabaseSchema = {
  version: SCHEMA_VERSION,
  migrationsFolder: fileURLToPath(new URL('../../../drizzle', import.meta.url)),
};

/**
 * The writer's connection; the caller holds the folder's lock.
 * @throws DatabaseVersionError for a database of a newer version
 */
export function openWriterDatabase(
  dataFolder: string,
  schema: DatabaseSchema = CURRENT_SCHEMA,
): Database.Database {
  const path = join(dataFolder, DATABASE_FILE);
  const database = new Database(path, { timeout: WRITER_BUSY_TIMEOUT_MS });
  try {
    const found = readVersion(database);
    if (found > schema.version) throw new DatabaseVersionError(path, found, schema.version);
    // Both take effect only before the first table is made.
    database.pragma(`page_size = ${PAGE_BYTES}`);
    database.pragma('auto_vacuum = INCREMENTAL');
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    const pageBytes = Number(database.pragma('page_size', { simple: true }));
    database.pragma(`wal_autocheckpoint = ${Math.ceil(CHECKPOINT_BYTES / pageBytes)}`);
    database.pragma(`journal_size_limit = ${LOG_LIMIT_BYTES}`);
    if (found < schema.version) {
      if (found > 0) backUp(database, `${path}.bak-v${found}`);
      migrate(drizzle(database), { migrationsFolder: schema.migrationsFolder });
      database.pragma(`user_version = ${schema.version}`);
    }
    database.defaultSafeIntegers(true);
    return database;
  } catch (cause) {
    database.close();
    throw cause;
  }
}

/**
 * A read-only connection, which works while the writer writes.
 * @throws NoDatabaseError, DatabaseVersionError
 */
export function openReaderDatabase(dataFolder: string): Database.Database {
  const path = join(dataFolder, DATABASE_FILE);
  if (!existsSync(path)) throw new NoDatabaseError(path);
  const database = new Database(path, {
    readonly: true,
    fileMustExist: true,
    timeout: READER_BUSY_TIMEOUT_MS,
  });
  try {
    const found = readVersion(database);
    // Zero: the writer is making it at this moment.
    if (found === 0) throw new NoDatabaseError(path);
    if (found !== SCHEMA_VERSION) throw new DatabaseVersionError(path, found, SCHEMA_VERSION);
    database.defaultSafeIntegers(true);
    return database;
  } catch (cause) {
    database.close();
    throw cause;
  }
}

function readVersion(database: Database.Database): number {
  return Number(database.pragma('user_version', { simple: true }));
}

/** A consistent copy under its final name only when it is whole. */
function backUp(database: Database.Database, path: string): void {
  const partial = `${path}.partial`;
  rmSync(partial, { force: true });
  database.prepare('VACUUM INTO ?').run(partial);
  renameSync(partial, path);
}
