/** What becomes of a running collector when its store does not work, and that it comes back. */
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { scratchFolder } from '#test/support/scratch-folder.ts';
import { CAN_MOUNT, SmallDisk } from '#test/support/small-disk.ts';
import { once, RunningCollector, storedSteps } from './running-collector.ts';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Not ready, said once in the log, one gauge: the same for every state of the store. */
async function expectState(collector: RunningCollector, name: string): Promise<void> {
  await collector.conditions(name);
  const ready = await collector.ready();
  expect(ready.httpStatus).toBe(503);
  expect(ready.reasons).toHaveLength(1);
  expect(ready.reasons[0]).toMatch(new RegExp(`^${name}: `));
  expect(ready.conditions[0]).toMatchObject({ name, severity: 'critical', notReady: true });
  expect(Math.abs(Date.now() - ready.conditions[0]!.sinceUnixMs)).toBeLessThan(20_000);
  expect(await collector.metric(`afdscope_condition{condition="${name}"}`)).toBe(1);
  expect((await fetch(`${collector.admin}/livez`)).status).toBe(200);
}

async function expectOver(collector: RunningCollector, name: string): Promise<void> {
  await collector.conditions();
  expect((await collector.ready()).httpStatus).toBe(200);
  expect(await collector.metric(`afdscope_condition{condition="${name}"}`)).toBe(0);
  const told = collector.told(name);
  expect(told.map(({ level }) => level)).toEqual(['error', 'info']);
  expect(told[1]?.message).toMatch(/: over after \d+\.\d s$/);
}

describe.skipIf(!CAN_MOUNT)('a full disk (needs the right to mount)', () => {
  test('refuses nothing that can wait, and stores it once there is room', async () => {
    const disk = new SmallDisk(6 << 20);
    const collector = await new RunningCollector(disk.path).start();
    expect((await collector.send(1)).status).toBe(200);
    disk.fill();
    const waiting = [2, 3, 4].map((step) => collector.send(step));
    await expectState(collector, 'disk-full');
    const late = collector.send(5);
    await pause(300);
    disk.free();
    for (const answer of await Promise.all([...waiting, late])) expect(answer.status).toBe(200);
    await expectOver(collector, 'disk-full');
    expect(await storedSteps(disk.path)).toEqual(once(1, 2, 3, 4, 5));
  });

  test('at the start: it comes up, says so, and makes its database when there is room', async () => {
    const disk = new SmallDisk(2 << 20);
    disk.fill();
    const collector = await new RunningCollector(disk.path).start();
    await expectState(collector, 'disk-full');
    const waiting = collector.send(1);
    disk.free();
    expect((await waiting).status).toBe(200);
    await expectOver(collector, 'disk-full');
    expect(await storedSteps(disk.path)).toEqual(once(1));
  });
});

describe('a locked database', () => {
  test('is waited for; who waits too long is told when to come again', async () => {
    const dataDir = scratchFolder();
    const collector = await new RunningCollector(dataDir).start();
    expect((await collector.send(1)).status).toBe(200);
    const other = new Database(join(dataDir, 'afdscope.db'));
    other.exec('BEGIN EXCLUSIVE');
    const first = collector.send(2);
    await expectState(collector, 'locked');
    const refused = await first;
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('5');
    const second = collector.send(2);
    await pause(200);
    other.exec('ROLLBACK');
    other.close();
    expect((await second).status).toBe(200);
    await expectOver(collector, 'locked');
    expect((await collector.ready()).refused).toMatchObject({ unavailable: 1 });
    expect(await storedSteps(dataDir)).toEqual(once(1, 2));
  });
});

describe('a damaged database', () => {
  const overwrite = (path: string, fromBytes: number) => {
    const file = openSync(path, 'r+');
    const garbage = Buffer.alloc(statSync(path).size - fromBytes, 0xa5);
    writeSync(file, garbage, 0, garbage.length, fromBytes);
    closeSync(file);
  };
  const files = ['afdscope.db', 'afdscope.db-wal'];

  test('is written no more; a new one is begun when it was moved away', async () => {
    const dataDir = scratchFolder();
    const collector = await new RunningCollector(dataDir).start();
    expect((await collector.send(1)).status).toBe(200);
    // Afterwards all pages are in the file, and the writer's cache no longer counts.
    const other = new Database(join(dataDir, 'afdscope.db'));
    other.pragma('wal_checkpoint(TRUNCATE)');
    other.close();
    overwrite(join(dataDir, 'afdscope.db'), 4096);
    const waiting: Promise<Response>[] = [];
    for (let step = 2; step < 6; step++) waiting.push(collector.send(step));
    await expectState(collector, 'damaged');
    const [condition] = (await collector.ready()).conditions;
    expect(condition?.detail).toContain(join(dataDir, 'afdscope.db'));
    expect(condition?.remedy).toContain('afdscope doctor');
    const before = files.map((name) => readFileSync(join(dataDir, name)));
    await pause(2500);
    for (const [i, name] of files.entries()) {
      expect(readFileSync(join(dataDir, name)).equals(before[i]!)).toBe(true);
    }
    const kept = join(dataDir, 'kept');
    mkdirSync(kept);
    for (const name of [...files, 'afdscope.db-shm']) {
      renameSync(join(dataDir, name), join(kept, name));
    }
    await expectOver(collector, 'damaged');
    const answers = await Promise.all(waiting);
    const stored = answers.flatMap(({ status }, i) => (status === 200 ? [i + 2] : []));
    // What was acknowledged since is in the new database, whatever was acknowledged.
    const found = await storedSteps(dataDir);
    for (const step of stored) expect(found.get(step)).toBe(1);
    expect((await collector.send(9)).status).toBe(200);
    expect((await storedSteps(dataDir)).get(9)).toBe(1);
  });

  test('at the start: the collector comes up, says so, and goes on with a new one', async () => {
    const dataDir = scratchFolder();
    writeFileSync(join(dataDir, 'afdscope.db'), Buffer.alloc(100_000, 'not a database'));
    const collector = await new RunningCollector(dataDir).start();
    await expectState(collector, 'damaged');
    await pause(1500);
    expect(readFileSync(join(dataDir, 'afdscope.db')).length).toBe(100_000);
    const waiting = collector.send(1);
    renameSync(join(dataDir, 'afdscope.db'), join(dataDir, 'damaged.db'));
    expect((await waiting).status).toBe(200);
    await expectOver(collector, 'damaged');
    expect(await storedSteps(dataDir)).toEqual(once(1));
  });
});

test('a write-ahead log that was damaged while nobody ran: said, a copy kept, and it goes on', async () => {
  const dataDir = scratchFolder();
  const before = await new RunningCollector(dataDir).start();
  for (let step = 0; step < 8; step++) expect((await before.send(step)).status).toBe(200);
  // As a crash leaves it: the last connection would else empty the log.
  const after = scratchFolder();
  for (const name of ['afdscope.db', 'afdscope.db-wal']) {
    copyFileSync(join(dataDir, name), join(after, name));
  }
  const log = readFileSync(join(after, 'afdscope.db-wal'));
  log.fill(0xa5, Math.floor(log.length / 2), Math.floor(log.length / 2) + 64);
  writeFileSync(join(after, 'afdscope.db-wal'), log);
  const collector = await new RunningCollector(after).start();
  await collector.conditions('data-lost');
  const ready = await collector.ready();
  expect(ready.httpStatus).toBe(200);
  expect(ready.conditions[0]?.detail).toMatch(/is damaged at byte \d+: .* lost.*a copy is at /);
  expect(collector.told('data-lost')).toHaveLength(1);
  expect((await collector.send(99)).status).toBe(200);
  const stored = await storedSteps(after);
  expect(stored.get(99)).toBe(1);
  expect(stored.size).toBeLessThan(9);
});

describe('the data folder', () => {
  test('that is moved away stops the store without traffic; moved back, all goes on', async () => {
    const parent = scratchFolder();
    const dataDir = join(parent, 'data');
    const collector = await new RunningCollector(dataDir).start();
    expect((await collector.send(1)).status).toBe(200);
    renameSync(dataDir, join(parent, 'elsewhere'));
    await expectState(collector, 'folder-gone');
    const waiting = collector.send(2);
    await pause(300);
    renameSync(join(parent, 'elsewhere'), dataDir);
    expect((await waiting).status).toBe(200);
    await expectOver(collector, 'folder-gone');
    await collector.stop();
    expect(await storedSteps(dataDir)).toEqual(once(1, 2));
  });

  test('that was deleted takes no answer with it: nothing is acknowledged into it', async () => {
    const dataDir = join(scratchFolder(), 'data');
    const collector = await new RunningCollector(dataDir).start();
    expect((await collector.send(1)).status).toBe(200);
    rmSync(dataDir, { recursive: true });
    // At once, so before anybody looked: the commit itself must notice.
    const waiting = collector.send(2);
    await expectState(collector, 'folder-gone');
    mkdirSync(dataDir);
    expect((await waiting).status).toBe(200);
    await expectOver(collector, 'folder-gone');
    await collector.stop();
    expect(await storedSteps(dataDir)).toEqual(once(2));
  });
});

describe.skipIf(!CAN_MOUNT)('a read-only file system (needs the right to mount)', () => {
  test('is refused at the start in one line', async () => {
    const disk = new SmallDisk(2 << 20, 'ro');
    const collector = new RunningCollector(disk.path);
    await expect(collector.start()).rejects.toThrow(/may not be written: .*read-only file system/);
  });
});
