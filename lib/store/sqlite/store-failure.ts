/** SQLite's error codes in the store's words. */
import Database from 'better-sqlite3';
import { fileProblem } from '#lib/base/file-problem.ts';
import { type StoreFailureReason, StoreUnavailableError } from '../store-errors.ts';

const REASONS: readonly (readonly [code: string, reason: StoreFailureReason, what: string])[] = [
  ['SQLITE_FULL', 'disk-full', 'the disk is full'],
  ['SQLITE_BUSY', 'locked', 'another program holds the database'],
  ['SQLITE_LOCKED', 'locked', 'another program holds the database'],
  ['SQLITE_IOERR', 'disk-error', 'the disk failed'],
  ['SQLITE_CANTOPEN', 'folder-gone', 'the database cannot be opened'],
  ['SQLITE_READONLY', 'read-only', 'the database cannot be written'],
  ['SQLITE_NOMEM', 'memory', 'memory is short'],
  ['SQLITE_CORRUPT', 'damaged', 'the database is damaged'],
  ['SQLITE_NOTADB', 'damaged', 'the file is not a database'],
];

/** What to throw for `cause`: a StoreUnavailableError where the disk or a lock is the reason. */
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
  return new StoreUnavailableError(reason, `${path}: ${what} (${inner.code}: ${inner.message})`);
}

const FILE_REASONS: Readonly<Record<string, StoreFailureReason>> = {
  ENOSPC: 'disk-full',
  EDQUOT: 'disk-full',
  EROFS: 'read-only',
  EACCES: 'read-only',
  EPERM: 'read-only',
  ENOENT: 'folder-gone',
};

function fileReason(error: unknown): StoreFailureReason {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return FILE_REASONS[code] ?? 'disk-error';
}
