/** Large commits write workers once a second: nothing of it may be lost or counted twice. */
import type Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { openWriterDatabase } from '#lib/store/sqlite/open-database.ts';
import { SqliteStore } from '#lib/store/sqlite/sqlite-store.ts';
import { acquireWriterLock } from '#lib/store/sqlite/writer-lock.ts';
import type { TelemetryStore } from '#lib/store/telemetry-store.ts';
import { afdTable } from '#test/support/afd-table.ts';
import { packedTableOf } from '#test/support/packed-table.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';
import { BASE, batchOf } from '#test/support/telemetry-batch.ts';

const WORKERS = 40;

function open(data: string): { store: TelemetryStore; database: Database.Database } {
  const lock = acquireWriterLock(data, 'telemetry');
  const database = openWriterDatabase(data);
  const store = new SqliteStore(database, lock);
  onTestFinished(() => store.close());
  return { store, database };
}

/** A step of each worker; each is its own data-parallel domain. */
async function appendStep(store: TelemetryStore, step: number): Promise<void> {
  const table = packedTableOf(
    afdTable({
      role: 'ffn',
      workers: WORKERS,
      steps: 1,
      layers: 1,
      microbatches: 1,
      firstStep: step,
      seed: step,
      baseUnixNs: BASE + BigInt(step) * 50_000_000n,
    }),
  );
  const packed = { ...table, domain: Int32Array.from(table.worker) };
  await store.append([batchOf(`b${step}`, { packed: [packed] })]);
}

const numbers = (database: Database.Database, sql: string): number[] =>
  database
    .prepare<[], bigint>(sql)
    .pluck()
    .all()
    .map((value) => Number(value));
const EVENTS = 'SELECT events FROM workers ORDER BY rank';

test('what waits in memory is written by `retain` and at the end, once', async () => {
  const data = scratchFolder();
  const first = open(data);
  for (let step = 0; step < 5; step++) await appendStep(first.store, step);
  // New workers and domains are there at once, what came then waits.
  expect(numbers(first.database, EVENTS)).toEqual(new Array(WORKERS).fill(3));
  await first.store.retain(
    { rawNs: 1e18, rawBytes: 1e18, rollupsNs: 1e18 },
    batchOf('').receivedUnixNs,
  );
  expect(numbers(first.database, EVENTS)).toEqual(new Array(WORKERS).fill(15));
  expect((await first.store.deployments())[0]).toMatchObject({
    steps: 5 * WORKERS,
    events: 15 * WORKERS,
    groups: [{ group: 'ffn', role: 'ffn', workers: WORKERS }],
  });
  for (let step = 5; step < 8; step++) await appendStep(first.store, step);
  await first.store.close();
  const { database } = open(data);
  expect(numbers(database, EVENTS)).toEqual(new Array(WORKERS).fill(24));
  expect(numbers(database, 'SELECT steps FROM step_domains')).toEqual(new Array(WORKERS).fill(8));
});

test('after a crash the steps are all there', async () => {
  const data = scratchFolder();
  const first = open(data);
  for (let step = 0; step < 6; step++) await appendStep(first.store, step);
  expect(numbers(first.database, 'SELECT steps FROM step_domains')[0]).toBeLessThan(6);
  first.database.close();
  await first.store.close();
  const { store } = open(data);
  expect((await store.deployments())[0]).toMatchObject({
    steps: 6 * WORKERS,
    events: 18 * WORKERS,
  });
});

test('a commit that fails leaves nothing to be written later', async () => {
  const { store, database } = open(scratchFolder());
  await appendStep(store, 0);
  database.exec(
    `CREATE TEMP TRIGGER refuse BEFORE INSERT ON main.journal
     BEGIN SELECT RAISE(ABORT, 'not now'); END`,
  );
  await expect(appendStep(store, 1)).rejects.toThrow(/not now/);
  database.exec('DROP TRIGGER refuse');
  await appendStep(store, 1);
  await store.retain({ rawNs: 1e18, rawBytes: 1e18, rollupsNs: 1e18 }, batchOf('').receivedUnixNs);
  expect(numbers(database, EVENTS)).toEqual(new Array(WORKERS).fill(6));
  expect((await store.deployments())[0]).toMatchObject({ steps: 2 * WORKERS });
});
