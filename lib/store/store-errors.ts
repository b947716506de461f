/** What can go wrong with a store, each with the facts; who shows it chooses the words around. */

export type StoreFailureReason =
  | 'disk-full'
  | 'locked'
  /** The database is damaged, or is none: writing on would make it worse. */
  | 'damaged'
  | 'read-only'
  /** The database that is open is no longer the one at its path. */
  | 'folder-gone'
  /** Any other error of the disk. */
  | 'disk-error'
  | 'memory'
  | 'closed';

/** The store cannot take data now; nothing of the call was stored. Try again later. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError';
  readonly reason: StoreFailureReason;

  constructor(reason: StoreFailureReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** There is nothing to read yet: no collector has made a database in this folder. */
export class NoDatabaseError extends Error {
  override readonly name = 'NoDatabaseError';
  readonly path: string;

  constructor(path: string) {
    super(`no database at ${path} yet: start the collector with this data folder first`);
    this.path = path;
  }
}

/** The database's schema is of another version than this program's. */
export class DatabaseVersionError extends Error {
  override readonly name = 'DatabaseVersionError';
  readonly found: number;
  readonly expected: number;

  constructor(path: string, found: number, expected: number) {
    super(
      found > expected
        ? `${path} was made by a newer afdscope (schema ${found}, this one knows ${expected}): upgrade afdscope, or use another data folder`
        : `${path} is of an older afdscope (schema ${found}, this one needs ${expected}): start the collector once, it upgrades the database after a backup`,
    );
    this.found = found;
    this.expected = expected;
  }
}

/** Another process writes to this data folder. */
export class DataFolderLockedError extends Error {
  override readonly name = 'DataFolderLockedError';
  readonly folder: string;
  /** Process that holds the folder; null where it did not say. */
  readonly pid: number | null;

  constructor(folder: string, pid: number | null) {
    super(
      `${folder} is in use by ${pid === null ? 'another process' : `process ${pid}`}: one collector writes to a data folder; stop that one, or choose another folder`,
    );
    this.folder = folder;
    this.pid = pid;
  }
}

/** The `store` setting names a store that this version does not have. */
export class UnsupportedStoreError extends Error {
  override readonly name = 'UnsupportedStoreError';
}

/** The scan took so long that a merge removed what it still had to read. */
export class ScanExpiredError extends Error {
  override readonly name = 'ScanExpiredError';

  constructor() {
    super('the scan took too long and its data was merged meanwhile: start it again');
  }
}

/** The store holds packed steps, and whoever opened it did not say how to unpack them. */
export class StepUnpackerMissingError extends Error {
  override readonly name = 'StepUnpackerMissingError';

  constructor() {
    super('the store holds packed steps: open it with an unpacker to read their events');
  }
}
