/**
 * Opens the store that the configuration names.
 *
 *     store       data        what opens
 *     sqlite      folder      afdscope.db in the folder, made where it is missing (writers)
 *     memory:     any         this process's memory, one store per data text: tests
 *     http(s)://…             ClickHouse: not in this version
 *
 * A writer takes the folder's lock and upgrades the schema; it must be opened, used and closed in
 * one thread. Readers open read-only and work beside it.
 */
import { join } from 'node:path';
import type Database from 'better-sqlite3';
import type { StepUnpacker } from '#lib/table/packed-table.ts';
import { MemoryStateStore } from './memory-state-store.ts';
import { MemoryStore } from './memory-store.ts';
import type { DamageListener } from './sqlite/damage.ts';
import { databaseIdentity } from './sqlite/database-files.ts';
import { describeLogDamage, findLogDamage, keepDamagedLog } from './sqlite/log-damage.ts';
import {
  CURRENT_SCHEMA,
  DATABASE_FILE,
  type DatabaseSchema,
  openReaderDatabase,
  openWriterDatabase,
} from './sqlite/open-database.ts';
import { quickCheck } from './sqlite/quick-check.ts';
import { SqliteReader } from './sqlite/sqlite-reader.ts';
import { SqliteStateStore } from './sqlite/sqlite-state-store.ts';
import { SqliteStore } from './sqlite/sqlite-store.ts';
import { storeFailure } from './sqlite/store-failure.ts';
import { acquireWriterLock, type WriterLock, type WriterPart } from './sqlite/writer-lock.ts';
import type { StateStore } from './state-store.ts';
import { NoDatabaseError, UnsupportedStoreError } from './store-errors.ts';
import type { TelemetryReader, TelemetryStore } from './telemetry-store.ts';

export interface StoreLocation {
  /** Data folder. */
  readonly data: string;
  /** As the `store` key of the configuration; default `sqlite`. */
  readonly store?: string;
  /** Folder of the migrations where it is not `drizzle/` of the checkout. */
  readonly migrations?: string;
  /** Told once about each stored chunk that cannot be read. */
  readonly onDamagedChunk?: DamageListener;
  /** Told by a writer before it opens a database whose log is damaged, in words. */
  readonly onDamagedLog?: (what: string) => void;
  /** Makes events of packed steps; without it `scanEvents` fails where it meets some. */
  readonly unpacker?: StepUnpacker;
}

/**
 * @throws DataFolderLockedError, DatabaseVersionError, StoreUnavailableError (not a database, no
 * right to write), UnsupportedStoreError
 */
export async function openTelemetryWriter(location: StoreLocation): Promise<TelemetryStore> {
  if (kindOf(location) === 'memory') return memoryOf(location).telemetry;
  const lock = lockOf(location, 'telemetry');
  try {
    reportLogDamage(location);
    const database = openWriterDatabase(location.data, schemaOf(location));
    return new SqliteStore(database, lock, location);
  } catch (cause) {
    lock.release();
    throw storeFailure(cause, location.data);
  }
}

/** @throws NoDatabaseError, DatabaseVersionError, UnsupportedStoreError */
export async function openTelemetryReader(location: StoreLocation): Promise<TelemetryReader> {
  if (kindOf(location) === 'memory') return existingMemoryOf(location).telemetry;
  return readable(location, (database) => new SqliteReader(database, location));
}

/**
 * Shares the folder's lock with a telemetry writer of the same thread.
 * @throws DataFolderLockedError, DatabaseVersionError, StoreUnavailableError (not a database, no
 * right to write), UnsupportedStoreError
 */
export async function openStateWriter(location: StoreLocation): Promise<StateStore> {
  if (kindOf(location) === 'memory') return memoryOf(location).state;
  const lock = lockOf(location, 'state');
  try {
    return new SqliteStateStore(openWriterDatabase(location.data, schemaOf(location)), lock);
  } catch (cause) {
    lock.release();
    throw storeFailure(cause, location.data);
  }
}

/** Its changing methods fail. @throws NoDatabaseError, DatabaseVersionError, UnsupportedStoreError */
export async function openStateReader(location: StoreLocation): Promise<StateStore> {
  if (kindOf(location) === 'memory') return existingMemoryOf(location).state;
  return readable(location, (database) => new SqliteStateStore(database, null));
}

/**
 * What is wrong with the structure of the stored files; empty: nothing. Reads all of them.
 * @throws NoDatabaseError, DatabaseVersionError, StoreUnavailableError (too damaged to be read)
 */
export function storedFileProblems(location: StoreLocation): readonly string[] {
  return kindOf(location) === 'memory' ? [] : quickCheck(location.data);
}

/** Damage in the log of a store that is not open for writing, in words; null: none is seen. */
export function storedLogDamage(location: StoreLocation): string | null {
  if (kindOf(location) === 'memory') return null;
  const damage = findLogDamage(join(location.data, DATABASE_FILE));
  return damage === null ? null : describeLogDamage(damage);
}

/** SQLite will write over what it does not understand, so the log is copied first. */
function reportLogDamage({ data, onDamagedLog }: StoreLocation): void {
  const damage = findLogDamage(join(data, DATABASE_FILE));
  if (damage === null) return;
  const copy = keepDamagedLog(damage);
  const kept = copy === null ? 'there was no room to keep a copy' : `a copy is at ${copy}`;
  onDamagedLog?.(`${describeLogDamage(damage)}; ${kept}`);
}

/** Tells a database file from one that took its place; null where there is no file. */
export function storedFileIdentity(location: StoreLocation): string | null {
  return kindOf(location) === 'memory' ? null : databaseIdentity(location.data);
}

function lockOf({ data }: StoreLocation, part: WriterPart): WriterLock {
  try {
    return acquireWriterLock(data, part);
  } catch (cause) {
    throw storeFailure(cause, data);
  }
}

function readable<T>({ data }: StoreLocation, open: (database: Database.Database) => T): T {
  let database: Database.Database | undefined;
  try {
    database = openReaderDatabase(data);
    return open(database);
  } catch (cause) {
    database?.close();
    throw storeFailure(cause, data);
  }
}

interface MemoryStores {
  readonly telemetry: MemoryStore;
  readonly state: StateStore;
}

const memoryStores = new Map<string, MemoryStores>();

function memoryOf(location: StoreLocation): MemoryStores {
  const known = memoryStores.get(location.data);
  if (known !== undefined) return withUnpacker(known, location);
  const made = { telemetry: new MemoryStore(), state: new MemoryStateStore() };
  memoryStores.set(location.data, made);
  return withUnpacker(made, location);
}

function existingMemoryOf(location: StoreLocation): MemoryStores {
  const known = memoryStores.get(location.data);
  if (known === undefined) throw new NoDatabaseError(`memory:${location.data}`);
  return withUnpacker(known, location);
}

/** Whoever knows how to unpack tells the store that all of this process share. */
function withUnpacker(stores: MemoryStores, { unpacker }: StoreLocation): MemoryStores {
  if (unpacker !== undefined) stores.telemetry.unpacker = unpacker;
  return stores;
}

function kindOf({ store = 'sqlite' }: StoreLocation): 'sqlite' | 'memory' {
  if (store === 'sqlite') return 'sqlite';
  if (store === 'memory:') return 'memory';
  if (/^(https?|clickhouse):\/\//i.test(store)) {
    throw new UnsupportedStoreError(
      `store ${store}: ClickHouse is not supported by this version; set store to sqlite`,
    );
  }
  throw new UnsupportedStoreError(`store ${store}: unknown; set store to sqlite`);
}

function schemaOf({ migrations }: StoreLocation): DatabaseSchema {
  return migrations === undefined
    ? CURRENT_SCHEMA
    : { ...CURRENT_SCHEMA, migrationsFolder: migrations };
}
