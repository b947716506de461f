/**
 * One writer for a data folder. The lock is SQLite's own exclusive lock on a side file: the
 * operating system drops it when the process ends, however it ends, so nothing needs cleaning up
 * after a crash. `writer.pid` only names the holder in the message for the second one.
 */
import { readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { makeFolder } from '../make-folder.ts';
import { DataFolderLockedError } from '../store-errors.ts';

export type WriterPart = 'telemetry' | 'state';

interface Held {
  readonly connection: Database.Database;
  readonly parts: Set<WriterPart>;
}

/** The telemetry and the state store of one thread share the folder's lock. */
const heldByFolder = new Map<string, Held>();

export interface WriterLock {
  /** Gives this part's share back; the last one frees the folder. */
  release(): void;
}

/** @throws DataFolderLockedError where another process, thread or store of the same part holds it. */
export function acquireWriterLock(dataFolder: string, part: WriterPart): WriterLock {
  makeFolder(dataFolder);
  const folder = realpathSync(dataFolder);
  const pidPath = join(folder, 'writer.pid');
  let held = heldByFolder.get(folder);
  if (held?.parts.has(part)) throw new DataFolderLockedError(dataFolder, process.pid);
  if (held === undefined) {
    const connection = new Database(join(folder, 'writer.lock'), { timeout: 0 });
    try {
      connection.exec('BEGIN EXCLUSIVE');
    } catch (cause) {
      connection.close();
      if (cause instanceof Database.SqliteError && cause.code.startsWith('SQLITE_BUSY')) {
        throw new DataFolderLockedError(dataFolder, readPid(pidPath));
      }
      throw cause;
    }
    held = { connection, parts: new Set() };
    heldByFolder.set(folder, held);
    writeFileSync(pidPath, `${process.pid}\n`);
  }
  const { connection, parts } = held;
  parts.add(part);
  let released = false;
  return {
    release: () => {
      if (released) return;
      released = true;
      parts.delete(part);
      if (parts.size > 0) return;
      heldByFolder.delete(folder);
      rmSync(pidPath, { force: true });
      connection.close();
    },
  };
}

function readPid(path: string): number | null {
  try {
    const pid = Number.parseInt(readFileSync(path, 'utf8'), 10);
    return Number.isInteger(pid) ? pid : null;
  } catch {
    return null;
  }
}
