/** What only the SQLite store promises: restarts, readers beside the writer, damage, a full disk. */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  openStateWriter,
  openTelemetryReader,
  openTelemetryWriter,
} from '#lib/store/open-store.ts';
import type { DamagedChunk } from '#lib/store/sqlite/damage.ts';
import { openWriterDatabase } from '#lib/store/sqlite/open-database.ts';
import { SqliteStore } from '#lib/store/sqlite/sqlite-store.ts';
import { acquireWriterLock } from '#lib/store/sqlite/writer-lock.ts';
import { StoreUnavailableError } from '#lib/store/store-errors.ts';
import type { TelemetryStore } from '#lib/store/telemetry-store.ts';
import { afdTable } from '#test/support/afd-table.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';
import { eventRows } from '#test/support/table-rows.ts';
import { BASE, batchOf, collect, spans, window } from '#test/support/telemetry-batch.ts';

const connections = new WeakMap<TelemetryStore, Database.Database>();

/** As `openTelemetryWriter` does it, but the test can reach the connection. */
async function opened(data: string): Promise<TelemetryStore> {
  const lock = acquireWriterLock(data, 'telemetry');
  const database = openWriterDatabase(data);
  const store = new SqliteStore(database, lock);
  connections.set(store, database);
  onTestFinished(() => store.close());
  return store;
}

function connectionOf(store: TelemetryStore): Database.Database {
  return connections.get(store)!;
}

const prod = { deployment: 'prod' };

test('after a restart data is there, retries are known, counts go on', async () => {
  const data = scratchFolder();
  const batch = batchOf('a', {
    events: [spans([[0, 10, 7]])],
    rejected: new Map([['prod', { late: 1 }]]),
  });
  const first = await openTelemetryWriter({ data });
  await first.append([batch]);
  await first.pin('p', 'prod', window(0, 10));
  await first.close();
  const again = await opened(data);
  expect(await again.append([batch])).toMatchObject([{ duplicate: true }]);
  await again.append([batchOf('b', { events: [spans([[20, 10, 7]])] })]);
  expect(eventRows(await collect(again.scanEvents(prod)))).toHaveLength(2);
  expect((await again.deployments())[0]).toMatchObject({ steps: 1, events: 2 });
  expect((await again.ingestTotals())[0]).toMatchObject({
    acceptedEvents: 2,
    rejected: { late: 1, duplicate: 1 },
  });
});

test('a closed store says so', async () => {
  const store = await openTelemetryWriter({ data: scratchFolder() });
  await store.close();
  await expect(store.append([batchOf('a')])).rejects.toThrow(StoreUnavailableError);
  await store.close();
});

describe('a reader beside the writer', () => {
  test('sees each commit, and a scan is not disturbed by later ones or by retention', async () => {
    const data = scratchFolder();
    const writer = await opened(data);
    const put = (i: number) =>
      writer.append([batchOf(`b${i}`, { events: [spans([[i * 1e9, 1000]])] })]);
    for (let i = 0; i < 20; i++) await put(i);
    const reader = await openTelemetryReader({ data });
    onTestFinished(() => reader.close());
    const seen: number[] = [];
    for await (const table of reader.scanEvents(prod)) {
      seen.push(Math.round(Number(table.baseUnixNs - BASE) / 1e9 + table.startNs[0]! / 1e9));
      if (seen.length === 5) {
        for (let i = 20; i < 30; i++) await put(i);
        await writer.retain(
          { rawNs: 19e9, rawBytes: 1e12, rollupsNs: 1e18 },
          window(29e9, 0).fromUnixNs,
        );
      }
    }
    expect(seen).toEqual([0, 1, 2, 3, 4, ...Array.from({ length: 10 }, (_, i) => 10 + i)]);
    expect(await collect(reader.scanEvents(prod))).toHaveLength(20);
  });

  test('does not keep the log from being emptied between its slices', async () => {
    const data = scratchFolder();
    const writer = await opened(data);
    for (let i = 0; i < 5; i++) {
      await writer.append([batchOf(`b${i}`, { events: [spans([[i * 1e9, 1000]])] })]);
    }
    const reader = await openTelemetryReader({ data });
    onTestFinished(() => reader.close());
    const scan = reader.scanEvents(prod)[Symbol.asyncIterator]();
    await scan.next();
    const other = new Database(join(data, 'afdscope.db'));
    const [result] = other.pragma('wal_checkpoint(TRUNCATE)') as [{ busy: number }];
    other.close();
    expect(result.busy).toBe(0);
    expect((await scan.next()).done).toBe(false);
  });
});

test('a damaged chunk is left out, told once and counted', async () => {
  const data = scratchFolder();
  const writer = await opened(data);
  for (let i = 0; i < 3; i++) {
    await writer.append([
      batchOf(`b${i}`, {
        events: [
          spans([
            [i * 1000, 10],
            [i * 1000 + 20, 10],
          ]),
        ],
      }),
    ]);
  }
  const vandal = new Database(join(data, 'afdscope.db'));
  vandal.exec('UPDATE chunks SET blob = zeroblob(50) WHERE id = 2');
  vandal.close();
  const damage: DamagedChunk[] = [];
  const reader = await openTelemetryReader({ data, onDamagedChunk: (chunk) => damage.push(chunk) });
  onTestFinished(() => reader.close());
  for (let round = 0; round < 2; round++) {
    expect(eventRows(await collect(reader.scanEvents(prod)))).toHaveLength(4);
  }
  expect(damage).toMatchObject([{ table: 'chunks', id: 2, deployment: 'prod', rows: 2 }]);
  expect(damage[0]?.message).toMatch(/cannot be decompressed/);
  expect((await reader.size()).damagedChunks).toBe(1);
});

describe('when the disk does not take it', () => {
  test('a full database refuses the whole append and goes on when there is room', async () => {
    const data = scratchFolder();
    const writer = await opened(data);
    await writer.append([batchOf('a', { events: [spans([[0, 1]])] })]);
    const before = [await writer.deployments(), await writer.ingestTotals(), await writer.size()];
    const big = batchOf('big', {
      events: [afdTable({ role: 'ffn', workers: 4, steps: 10 })],
      rejected: new Map([['prod', { clamped: 9 }]]),
    });
    // What is there plus a few pages: the next chunk does not fit.
    const limited = limitPages(writer, 4);
    await expect(writer.append([batchOf('small'), big])).rejects.toMatchObject({
      name: 'StoreUnavailableError',
      reason: 'disk-full',
    });
    const after = [await writer.deployments(), await writer.ingestTotals(), await writer.size()];
    expect(after).toEqual(before);
    limited.lift();
    expect(await writer.append([batchOf('small'), big])).toMatchObject([
      { duplicate: false },
      { duplicate: false },
    ]);
    expect((await writer.deployments())[0]?.events).toBe(1 + big.events[0]!.length);
  });

  /** max_page_count makes SQLite answer SQLITE_FULL; it belongs to the writer's own connection. */
  function limitPages(store: TelemetryStore, morePages: number): { lift: () => void } {
    const pages = Number(connectionOf(store).pragma('page_count', { simple: true }));
    connectionOf(store).pragma(`max_page_count = ${pages + morePages}`);
    return { lift: () => connectionOf(store).pragma('max_page_count = 1000000') };
  }

  test('a foreign lock refuses with its reason', async () => {
    const data = scratchFolder();
    const writer = await opened(data);
    connectionOf(writer).pragma('busy_timeout = 10');
    const other = new Database(join(data, 'afdscope.db'));
    other.exec('BEGIN IMMEDIATE');
    await expect(
      writer.append([batchOf('a', { events: [spans([[0, 1]])] })]),
    ).rejects.toMatchObject({
      name: 'StoreUnavailableError',
      reason: 'locked',
    });
    other.exec('ROLLBACK');
    other.close();
    expect(await writer.append([batchOf('a', { events: [spans([[0, 1]])] })])).toMatchObject([
      { duplicate: false },
    ]);
  });
});

test('the telemetry and the state store of one thread share the folder', async () => {
  const data = scratchFolder();
  const telemetry = await opened(data);
  const state = await openStateWriter({ data });
  await expect(openStateWriter({ data })).rejects.toThrow(/is in use by process/);
  await state.putAnnotation({
    id: 'a',
    deployment: 'prod',
    ...window(0, 1),
    author: '',
    text: '',
    createdUnixNs: window(0, 1).fromUnixNs,
  });
  await telemetry.append([batchOf('a', { events: [spans([[0, 1]])] })]);
  await state.close();
  await expect(openTelemetryWriter({ data })).rejects.toThrow(/is in use by process/);
});

test('deleted chunks give their pages back, a bounded number a call', async () => {
  const data = scratchFolder();
  const writer = await opened(data);
  for (let i = 0; i < 45; i++) {
    const table = afdTable({
      role: 'ffn',
      workers: 4,
      steps: 5,
      seed: i,
      baseUnixNs: BASE + BigInt(i * 1e9),
    });
    await writer.append([batchOf(`b${i}`, { events: [table] })]);
  }
  const pages = () => Number(connectionOf(writer).pragma('page_count', { simple: true }));
  const full = pages();
  for (let i = 0; i < 5; i++) {
    await writer.retain({ rawNs: 0, rawBytes: 0, rollupsNs: 0 }, window(1e15, 0).fromUnixNs);
  }
  expect(pages()).toBeLessThan(full / 3);
  expect((await writer.size()).rawBytes).toBe(0);
});

test('the ledger stays bounded, but forgets nothing younger than ten minutes', async () => {
  const data = scratchFolder();
  const writer = await opened(data);
  const database = connectionOf(writer);
  const addOld = (count: number, minutesAgo: bigint, prefix: string) =>
    database
      .prepare(
        `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
         INSERT INTO batches (batch_id, received_unix_ns) SELECT ? || i, ? FROM n`,
      )
      .run(count, prefix, BASE - minutesAgo * 60_000_000_000n);
  addOld(1500, 11n, 'old-');
  addOld(1500, 9n, 'young-');
  addOld(199_000, 11n, 'filler-');
  const many = Array.from({ length: 3000 }, (_, i) => batchOf(`new-${i}`));
  await writer.append(many);
  const left = (prefix: string) =>
    Number(
      database
        .prepare('SELECT count(*) FROM batches WHERE batch_id LIKE ?')
        .pluck()
        .get(`${prefix}-%`),
    );
  expect(left('old')).toBe(0);
  expect(left('young')).toBe(1500);
  expect(left('new')).toBe(3000);
  expect(left('filler')).toBeGreaterThanOrEqual(199_000 - 1500 - 3000);
  expect(await writer.append([batchOf('young-7'), many[0]!])).toMatchObject([
    { duplicate: true },
    { duplicate: true },
  ]);
});

test('a checkpoint moves the log into the database', async () => {
  const writer = (await opened(scratchFolder())) as SqliteStore;
  await writer.append([
    batchOf('a', { events: [afdTable({ role: 'ffn', workers: 4, steps: 9 })] }),
  ]);
  const before = await writer.size();
  await writer.checkpoint();
  const after = await writer.size();
  expect(after.databaseBytes).toBeGreaterThan(before.databaseBytes);
  expect(after.rawBytes).toBe(before.rawBytes);
});
