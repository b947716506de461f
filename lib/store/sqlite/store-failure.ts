/** SQLite's and the system's error codes in the store's words. */
import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import Database from 'better-sqlite3';
import { fileProblem } from '#lib/base/file-problem.ts';
import { type StoreFailureReason, StoreUnavailableError } from '../store-errors.ts';
import { DATABASE_FILE } from './open-database.ts';

/** The first whose code begins an error's code is its reason, so longer ones come first. */
const REASONS: readonly (readonly [code: string, reason: StoreFailureReason, what: string])[] = [
  ['SQLITE_FULL', 'disk-full', 'the disk is full'],
  ['SQLITE_BUSY', 'locked', 'another program holds the database'],
  ['SQLITE_LOCKED', 'locked', 'another program holds the database'],
  ['SQLITE_IOERR_CORRUPTFS', 'damaged', 'the file system is damaged'],
  ['SQLITE_IOERR_DATA', 'damaged', 'a checksum of the file system does not match'],
  ['SQLITE_IOERR', 'disk-error', 'the disk failed'],
  ['SQLITE_CANTOPEN', 'read-only', 'the database cannot be opened'],
  ['SQLITE_READONLY_DBMOVED', 'folder-gone', 'the database was moved or deleted'],
  ['SQLITE_READONLY', 'read-only', 'the database cannot be written'],
  ['SQLITE_PERM', 'read-only', 'the database cannot be written'],
  ['SQLITE_NOMEM', 'memory', 'memory is short'],
  ['SQLITE_CORRUPT', 'damaged', 'the database is damaged'],
  ['SQLITE_NOTADB', 'damaged', 'the file is not a database'],
];

const FILE_REASONS: Readonly<Record<string, StoreFailureReason>> = {
  ENOSPC: 'disk-full',
  EDQUOT: 'disk-full',
  EROFS: 'read-only',
  EACCES: 'read-only',
  EPERM: 'read-only',
  ENOENT: 'folder-gone',
};

/** SQLite needs a page or two, and a piece of the -shm file, to do anything at all. */
const NO_ROOM_BYTES = 64 * 1024;

/**
 * What to throw for `cause`: a StoreUnavailableError where the disk or a lock is the reason.
 * `path`: the data folder, or the database in it.
 */
export function storeFailure(cause: unknown, path: string): unknown {
  // drizzle wraps the driver's error.
  const inner = cause instanceof Error && cause.cause !== undefined ? cause.cause : cause;
  if (!(inner instanceof Database.SqliteError)) {
    const problem = fileProblem(inner, path);
    return problem === null ? cause : new StoreUnavailableError(fileReason(inner), problem);
  }
  const known = REASONS.find(([code]) => inner.code.startsWith(code));
  if (known === undefined) return cause;
  const [, reason, what] = known;
  const code = `(${inner.code}: ${inner.message})`;
  const folder = basename(path) === DATABASE_FILE ? dirname(path) : path;
  // What is wrong with a folder shows as several codes: the folder itself knows better.
  if (reason === 'read-only' || reason === 'disk-error') {
    if (!existsSync(folder)) {
      return new StoreUnavailableError('folder-gone', `${folder} is not there any more ${code}`);
    }
    if (isFull(folder)) {
      return new StoreUnavailableError('disk-full', `${path}: the disk is full ${code}`);
    }
    if (!isWritable(folder)) {
      const words = 'may not be written: wrong user, or a read-only file system';
      return new StoreUnavailableError('read-only', `${folder} ${words} ${code}`);
    }
  }
  return new StoreUnavailableError(reason, `${path}: ${what} ${code}`);
}

function isFull(folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize < NO_ROOM_BYTES;
  } catch {
    return false;
  }
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function fileReason(error: unknown): StoreFailureReason {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return FILE_REASONS[code] ?? 'disk-error';
}
