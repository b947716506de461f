import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openTelemetryReader, openTelemetryWriter } from '#lib/store/open-store.ts';
import { describeLogDamage, findLogDamage } from '#lib/store/sqlite/log-damage.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';
import { batchOf, collect, spans } from '#test/support/telemetry-batch.ts';

const HEADER = 32;
const FRAME = 24 + 4096;
const COMMITS = 12;

/** A database and its log as a crash leaves them: `COMMITS` rows, one commit each, none moved. */
interface Files {
  readonly database: Buffer;
  readonly log: Buffer;
}

function crashed(folder: string, before: (database: Database.Database) => void): Files {
  const path = join(folder, 'live.db');
  const database = new Database(path);
  database.pragma('journal_mode = WAL');
  database.pragma('wal_autocheckpoint = 0');
  database.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, data BLOB)');
  before(database);
  database.pragma('wal_checkpoint(RESTART)');
  const insert = database.prepare('INSERT INTO t (data) VALUES (randomblob(9000))');
  for (let i = 0; i < COMMITS; i++) insert.run();
  const copy = { database: readFileSync(path), log: readFileSync(`${path}-wal`) };
  database.close();
  return copy;
}

/** Rows that SQLite finds in these files. */
function rowsOf(folder: string, { database, log }: Files): number {
  mkdirSync(folder);
  writeFileSync(join(folder, 'a.db'), database);
  writeFileSync(join(folder, 'a.db-wal'), log);
  const opened = new Database(join(folder, 'a.db'));
  const count = opened.prepare<[], number>('SELECT count(*) FROM t').pluck().get();
  opened.close();
  return count ?? 0;
}

function damageOf(folder: string, log: Uint8Array) {
  writeFileSync(join(folder, 'b.db-wal'), log);
  return findLogDamage(join(folder, 'b.db'));
}

describe('findLogDamage', () => {
  test('a whole log, one cut anywhere, and one over an older round have none', () => {
    const folder = scratchFolder();
    // The round before was longer, so its frames still stand behind those of this one.
    const files = crashed(folder, (database) => {
      const insert = database.prepare('INSERT INTO t (data) VALUES (zeroblob(40000))');
      for (let i = 0; i < 2 * COMMITS; i++) insert.run();
      database.exec('DELETE FROM t');
    });
    expect(files.log.length).toBeGreaterThan(HEADER + 100 * FRAME);
    expect(damageOf(folder, files.log)).toBeNull();
    for (let at = 0; at < HEADER + 20 * FRAME; at += 1009) {
      expect(damageOf(folder, files.log.subarray(0, at))).toBeNull();
    }
    expect(findLogDamage(join(folder, 'none.db'))).toBeNull();
  });

  test('wherever a bit flips: it is told whenever SQLite would lose a commit behind it', () => {
    const folder = scratchFolder();
    const files = crashed(folder, () => undefined);
    const whole = rowsOf(join(folder, 'whole'), files);
    expect(whole).toBe(COMMITS);
    let n = 0;
    let told = 0;
    fc.assert(
      fc.property(fc.nat(files.log.length - 1), fc.integer({ min: 0, max: 7 }), (at, bit) => {
        const log = Buffer.from(files.log);
        log[at]! ^= 1 << bit;
        const damage = damageOf(folder, log);
        const left = rowsOf(join(folder, `n${n++}`), { ...files, log });
        const lost = COMMITS - left;
        // The commit of the damaged frame cannot be told from one that was being written.
        if (lost > 1) {
          told++;
          expect(damage).not.toBeNull();
          if (damage?.lostCommits !== null) expect(damage?.lostCommits).toBeLessThanOrEqual(lost);
          if (damage?.lostCommits !== null)
            expect(damage?.lostCommits).toBeGreaterThanOrEqual(lost - 1);
        }
        if (lost === 0) expect(damage).toBeNull();
      }),
      { numRuns: 150 },
    );
    expect(told).toBeGreaterThan(50);
  });

  test('in words', () => {
    const log = { path: 'a.db-wal', atByte: 4152 };
    expect(describeLogDamage({ ...log, lostCommits: 3 })).toBe(
      'a.db-wal is damaged at byte 4152: the last 3 commits are lost',
    );
    expect(describeLogDamage({ ...log, lostCommits: 1 })).toContain('unless the power failed');
    expect(describeLogDamage({ ...log, lostCommits: null })).toContain('all in it is lost');
  });
});

test('a writer tells it, keeps a copy of the log, and goes on with what is left', async () => {
  const data = scratchFolder();
  const live = await openTelemetryWriter({ data });
  for (let i = 0; i < 8; i++) {
    await live.append([batchOf(`b${i}`, { events: [spans([[i * 1000, 10, i]])] })]);
  }
  const after = join(scratchFolder(), 'after');
  mkdirSync(after);
  for (const name of ['afdscope.db', 'afdscope.db-wal']) {
    copyFileSync(join(data, name), join(after, name));
  }
  await live.close();
  const logPath = join(after, 'afdscope.db-wal');
  const log = readFileSync(logPath);
  const frames = (log.length - HEADER) / FRAME;
  const damaged = HEADER + Math.floor(frames * 0.6) * FRAME + 500;
  log.fill(0xa5, damaged, damaged + 512);
  writeFileSync(logPath, log);

  const told: string[] = [];
  const onDamagedLog = (what: string) => told.push(what);
  const writer = await openTelemetryWriter({ data: after, onDamagedLog });
  expect(told).toHaveLength(1);
  const [, lost, copy] =
    /the last (?:(\d+) )?commits? (?:are|is) lost.*; a copy is at (.*)$/.exec(told[0]!) ?? [];
  expect(Number(lost)).toBeGreaterThan(0);
  expect(readFileSync(copy!).equals(log)).toBe(true);
  const left = (await collect(writer.scanEvents({ deployment: 'prod' }))).reduce(
    (n, t) => n + t.length,
    0,
  );
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThan(8);
  expect(await writer.append([batchOf('new', { events: [spans([[9e6, 10, 99]])] })])).toHaveLength(
    1,
  );
  await writer.close();
  const again: string[] = [];
  await (
    await openTelemetryWriter({ data: after, onDamagedLog: (what) => again.push(what) })
  ).close();
  expect(again).toEqual([]);
  const reader = await openTelemetryReader({ data: after });
  const found = (await collect(reader.scanEvents({ deployment: 'prod' }))).reduce(
    (n, t) => n + t.length,
    0,
  );
  await reader.close();
  expect(found).toBe(left + 1);
  expect(existsSync(copy!)).toBe(true);
  truncateSync(copy!, 0);
});
