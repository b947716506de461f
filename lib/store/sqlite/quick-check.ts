/** SQLite's own look at a database: every page once, tables but not whether indexes agree. */
import { openReaderDatabase } from './open-database.ts';
import { storeFailure } from './store-failure.ts';

const MAX_PROBLEMS = 5;

/**
 * What is wrong with the structure, in SQLite's words; empty: nothing. Reads the whole file.
 * @throws NoDatabaseError, DatabaseVersionError, StoreUnavailableError (`damaged`: not even that)
 */
export function quickCheck(dataFolder: string): readonly string[] {
  try {
    const database = openReaderDatabase(dataFolder);
    try {
      const rows = database
        .prepare<[], string>(`PRAGMA quick_check(${MAX_PROBLEMS})`)
        .pluck()
        .all();
      return rows.filter((row) => row !== 'ok');
    } finally {
      database.close();
    }
  } catch (cause) {
    throw storeFailure(cause, dataFolder);
  }
}
