/** Limits and peers of the ingest benchmark, measured in the same run, on one thread. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import Database from 'better-sqlite3';

const ROUNDS = 3;
const CRC_BYTES = 64 * 2 ** 20;
const ROWS = 60_000;
const ROWS_PER_COMMIT = 20_000;

/** Events a second whose bytes zlib's crc32 gets through: nothing that looks at all bytes is faster. */
export function crcLimit(bytesPerEvent: number): number {
  const bytes = new Uint8Array(CRC_BYTES);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Math.imul(i, 0x9e3779b1) >>> 24;
  return best(() => crc32(bytes), CRC_BYTES / bytesPerEvent);
}

/**
 * Events a second as one row each, with the one index that a window needs, through a prepared
 * statement in large transactions, synced to disk like ours.
 */
export async function rowLimit(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'afdscope-rows-'));
  try {
    const db = new Database(join(folder, 'rows.db'));
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    db.exec(
      `create table event (worker integer, stage integer, kind integer, step integer, layer integer,
         microbatch integer, start_ns integer, duration_ns integer, tokens integer, bytes integer);
       create index event_by_worker on event (worker, start_ns);`,
    );
    const insert = db.prepare('insert into event values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
    const commit = db.transaction((from: number) => {
      for (let i = from; i < from + ROWS_PER_COMMIT; i++) {
        insert.run(i % 12, i % 4, 0, i, i % 61, i % 3, i * 1000, 270_000 + (i % 977), 128, 917_504);
      }
    });
    let row = 0;
    const rate = best(() => {
      for (const end = row + ROWS; row < end; row += ROWS_PER_COMMIT) commit(row);
    }, ROWS);
    db.close();
    return rate;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Processor time counts, not the clock: others may be at work on the machine. */
function best(work: () => void, events: number): number {
  let rate = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.threadCpuUsage();
    work();
    const { user, system } = process.threadCpuUsage(before);
    rate = Math.max(rate, (events * 1e6) / (user + system));
  }
  return rate;
}
