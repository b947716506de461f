/**
 * Is the database that is open still the one at its path? A file that was deleted, moved, or put
 * in its place by somebody else goes on taking writes through an open connection, and all of them
 * are lost with the connection; so a writer looks after every commit, before it says "stored".
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { StoreUnavailableError } from '../store-errors.ts';
import { DATABASE_FILE } from './open-database.ts';

/** Tells one file from another; null where there is none. */
export function databaseIdentity(dataFolder: string): string | null {
  return identityOf(join(dataFolder, DATABASE_FILE));
}

export class DatabaseFiles {
  readonly #path: string;
  readonly #database: string | null;
  /** SQLite makes the log with the first write, and keeps it while a connection is open. */
  #log: string | null;

  /** `path`: of a database that was just opened. */
  constructor(path: string) {
    this.#path = path;
    this.#database = identityOf(path);
    this.#log = identityOf(`${path}-wal`);
  }

  /** Two stat calls. @throws StoreUnavailableError `folder-gone` */
  assertInPlace(): void {
    if (identityOf(this.#path) !== this.#database) throw this.#gone(this.#path);
    const log = identityOf(`${this.#path}-wal`);
    if (log === this.#log) return;
    if (this.#log !== null) throw this.#gone(`${this.#path}-wal`);
    this.#log = log;
  }

  #gone(path: string): StoreUnavailableError {
    return new StoreUnavailableError(
      'folder-gone',
      `${path} is no longer the file that the collector has open: it was deleted, moved or replaced`,
    );
  }
}

function identityOf(path: string): string | null {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return null;
  }
}
