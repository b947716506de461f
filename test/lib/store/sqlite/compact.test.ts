import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { openTelemetryReader, openTelemetryWriter } from '#lib/store/open-store.ts';
import { GRACE_NS } from '#lib/store/sqlite/replaced-chunks.ts';
import { ScanExpiredError } from '#lib/store/store-errors.ts';
import type { TelemetryStore } from '#lib/store/telemetry-store.ts';
import { afdTable, seededRandom } from '#test/support/afd-table.ts';
import { gauge, metricTable } from '#test/support/metric-points.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';
import { eventRows, metricRows } from '#test/support/table-rows.ts';
import { BASE, batchOf, collect, window } from '#test/support/telemetry-batch.ts';

const KEEP = { rawNs: 1e18, rawBytes: 1e18, rollupsNs: 1e18 };
const at = (ns: number | bigint) => window(Number(ns), 0).fromUnixNs;
const prod = { deployment: 'prod' };

async function opened(data: string): Promise<TelemetryStore> {
  const store = await openTelemetryWriter({ data });
  onTestFinished(() => store.close());
  return store;
}

function table(i: number, everyNs: number) {
  return afdTable({
    role: 'attention',
    workers: 1,
    steps: 1,
    layers: 2,
    firstStep: i,
    seed: i,
    measures: i % 3 === 0,
    baseUnixNs: BASE + BigInt(i) * BigInt(everyNs),
  });
}

function inspect<T>(data: string, sql: string): T[] {
  const database = new Database(join(data, 'afdscope.db'), { readonly: true });
  try {
    return database.prepare<[], T>(sql).pluck().all();
  } finally {
    database.close();
  }
}

async function fill(store: TelemetryStore, count: number, everyNs: number): Promise<string[]> {
  const tables = [];
  for (let i = 0; i < count; i++) {
    tables.push(table(i, everyNs));
    const metrics = [
      metricTable(BASE + BigInt(i) * BigInt(everyNs), [[gauge(`m${i % 3}`), i, i / 7]]),
    ];
    await store.append([batchOf(`b${i}`, { events: [tables.at(-1)!], metrics })]);
  }
  return eventRows(tables);
}

test('small chunks become few, and every answer stays the same', async () => {
  const data = scratchFolder();
  const store = await opened(data);
  const everyNs = 2_000_000_000;
  const rows = await fill(store, 120, everyNs);
  const windows = Array.from({ length: 20 }, (_, i) => {
    const random = seededRandom(i);
    const from = random() * 120 * everyNs;
    return window(Math.round(from), Math.round(from + random() * 20e9));
  });
  const answers = async () => ({
    all: eventRows(await collect(store.scanEvents(prod))),
    windows: await Promise.all(
      windows.map(async (one) =>
        eventRows(await collect(store.scanEvents({ ...prod, window: one }))),
      ),
    ),
    metrics: metricRows(
      await collect(store.scanMetrics({ ...prod, window: window(0, 1e15), names: ['m1'] })),
    ),
    deployments: await store.deployments(),
  });
  const before = await answers();
  expect(before.all).toEqual(rows);
  for (let i = 0; (await store.retain(KEEP, at(i))).more; i++) expect(i).toBeLessThan(100);
  expect(await answers()).toEqual(before);
  const visible = 'SELECT count(*) FROM chunks WHERE replaced_by IS NULL';
  expect(inspect<number>(data, visible)[0]).toBeLessThan(70);
  expect(inspect<number>(data, visible.replace('chunks', 'metric_chunks'))[0]).toBeLessThan(20);

  // What was replaced goes after a while, and the running total follows.
  await store.retain(KEEP, at(GRACE_NS + 1_000_000n));
  expect(inspect(data, 'SELECT id FROM chunks WHERE replaced_by IS NOT NULL')).toEqual([]);
  expect(await answers()).toEqual(before);
  expect((await store.size()).rawBytes).toBe(
    inspect<number>(data, 'SELECT sum(blob_bytes) FROM chunks')[0],
  );
});

test('a scan under way meets every event once, though its chunks are merged meanwhile', async () => {
  const data = scratchFolder();
  const store = await opened(data);
  const rows = await fill(store, 40, 50_000_000);
  const reader = await openTelemetryReader({ data });
  onTestFinished(() => reader.close());
  const seen = [];
  for await (const slice of reader.scanEvents(prod)) {
    seen.push(slice);
    if (seen.length % 10 === 3) await store.retain(KEEP, at(seen.length));
  }
  expect(seen.length).toBe(40);
  expect(eventRows(seen)).toEqual(rows);
  const again = await collect(reader.scanEvents(prod));
  expect(again.length).toBeLessThan(20);
  expect(eventRows(again)).toEqual(rows);
});

test('a scan that outlives the grace fails in words instead of leaving events out', async () => {
  const store = await opened(scratchFolder());
  await fill(store, 40, 50_000_000);
  const scan = store.scanEvents(prod)[Symbol.asyncIterator]();
  await scan.next();
  await store.retain(KEEP, at(0));
  await store.retain(KEEP, at(GRACE_NS + 1n));
  await expect(scan.next()).rejects.toThrow(ScanExpiredError);
});

test('after a restart replaced chunks wait for a grace of their own, then go', async () => {
  const data = scratchFolder();
  const first = await openTelemetryWriter({ data });
  const rows = await fill(first, 20, 50_000_000);
  await first.retain(KEEP, at(0));
  await first.close();
  const store = await opened(data);
  const replaced = 'SELECT count(*) FROM chunks WHERE replaced_by IS NOT NULL';
  await store.retain(KEEP, at(GRACE_NS * 3n));
  expect(inspect<number>(data, replaced)[0]).toBeGreaterThan(0);
  await store.retain(KEEP, at(GRACE_NS * 4n));
  expect(inspect<number>(data, replaced)[0]).toBe(0);
  expect(eventRows(await collect(store.scanEvents(prod)))).toEqual(rows);
});

test('a damaged chunk stays apart and does not stop its neighbours from being merged', async () => {
  const data = scratchFolder();
  const store = await opened(data);
  await fill(store, 40, 50_000_000);
  const vandal = new Database(join(data, 'afdscope.db'));
  vandal.exec('UPDATE chunks SET blob = zeroblob(9) WHERE id = 5');
  vandal.close();
  for (let i = 0; i < 5; i++) await store.retain(KEEP, at(i));
  const visible = inspect<number>(data, 'SELECT id FROM chunks WHERE replaced_by IS NULL');
  expect(visible).toContain(5);
  expect(visible.length).toBeLessThan(20);
  const slices = await collect(store.scanEvents(prod));
  expect(slices.reduce((sum, { length }) => sum + length, 0)).toBe(39 * 18);
  expect((await store.size()).damagedChunks).toBe(1);
});

test('busy deployments are never written twice', async () => {
  const data = scratchFolder();
  const store = await opened(data);
  for (let i = 0; i < 20; i++) {
    const large = afdTable({
      role: 'ffn',
      workers: 4,
      steps: 4,
      seed: i,
      baseUnixNs: BASE + BigInt(i),
    });
    await store.append([batchOf(`b${i}`, { events: [large] })]);
  }
  expect((await store.retain(KEEP, at(0))).more).toBe(false);
  expect(inspect<number>(data, 'SELECT count(*) FROM chunks')[0]).toBe(20);
  expect(inspect<number>(data, 'SELECT count(replaced_by) FROM chunks')[0]).toBe(0);
});
