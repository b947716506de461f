/** Packed steps on their way from the journal into chunks: moves, merges, restarts, damage. */

import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { unixNanos } from '#lib/base/units.ts';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { openTelemetryReader } from '#lib/store/open-store.ts';
import type { DamagedChunk } from '#lib/store/sqlite/damage.ts';
import { JOURNAL_LIMITS } from '#lib/store/sqlite/journal.ts';
import { openWriterDatabase } from '#lib/store/sqlite/open-database.ts';
import { GRACE_NS } from '#lib/store/sqlite/replaced-chunks.ts';
import { SqliteStore } from '#lib/store/sqlite/sqlite-store.ts';
import { acquireWriterLock } from '#lib/store/sqlite/writer-lock.ts';
import type { TelemetryStore } from '#lib/store/telemetry-store.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { afdTable } from '#test/support/afd-table.ts';
import { packedTableOf } from '#test/support/packed-table.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';
import { eventRows } from '#test/support/table-rows.ts';
import { BASE, batchOf, collect } from '#test/support/telemetry-batch.ts';

const KEEP = { rawNs: 1e18, rawBytes: 1e18, rollupsNs: 1e18 };
const NOW = unixNanos(BASE);
const prod = { deployment: 'prod' };

interface Opened {
  readonly store: TelemetryStore;
  readonly database: Database.Database;
  readonly damaged: DamagedChunk[];
  count(table: string): number;
}

/** `moveBytes` 1: everything moves at the next `retain`. */
function open(
  data: string,
  moveBytes = JOURNAL_LIMITS.moveBytes,
  maxBytes = JOURNAL_LIMITS.maxBytes,
): Opened {
  const lock = acquireWriterLock(data, 'telemetry');
  const database = openWriterDatabase(data);
  const damaged: DamagedChunk[] = [];
  const store = new SqliteStore(database, lock, {
    unpacker: new PackedUnpacker(),
    journal: { ...JOURNAL_LIMITS, moveBytes, maxBytes },
    onDamagedChunk: (chunk) => damaged.push(chunk),
  });
  onTestFinished(() => store.close());
  const count = (table: string) =>
    Number(database.prepare<[], bigint>(`SELECT count(*) FROM ${table}`).pluck().get());
  return { store, database, damaged, count };
}

function steps(first: number, count = 1, workers = 2): EventTable {
  return afdTable({
    role: 'ffn',
    workers,
    steps: count,
    layers: 3,
    firstStep: first,
    seed: first,
    baseUnixNs: BASE + BigInt(first) * 50_000_000n,
  });
}

const append = (store: TelemetryStore, table: EventTable) =>
  store.append([batchOf(`b${table.step[0]}`, { packed: [packedTableOf(table)] })]);
const rowsIn = async (store: TelemetryStore) => eventRows(await collect(store.scanEvents(prod)));

test('moves by size without being asked, and into chunks of one worker each', async () => {
  const { store, count, database } = open(scratchFolder(), 1);
  const tables = [0, 1, 2, 3, 4].map((i) => steps(i));
  for (const table of tables) {
    await append(store, table);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(count('journal')).toBe(0);
  const workers = database.prepare('SELECT DISTINCT rank FROM packed_chunks').pluck().all();
  expect(workers).toEqual([0n, 1n]);
  expect(await rowsIn(store)).toEqual(eventRows(tables));
});

test('what is in the journal at a crash is there, known and moved after the next start', async () => {
  const data = scratchFolder();
  const first = open(data);
  const tables = [0, 1, 2].map((i) => steps(i));
  for (const table of tables) await append(first.store, table);
  // As a crash leaves it: nothing is written at the end.
  first.database.close();
  await first.store.close();

  const { store, count } = open(data);
  expect(count('journal')).toBe(3);
  expect(await rowsIn(store)).toEqual(eventRows(tables));
  const [again] = await store.append([batchOf('new', { packed: [packedTableOf(tables[1]!)] })]);
  expect(again).toMatchObject({ sequence: 4, duplicateStepEvents: tables[1]!.length });
  await store.retain(KEEP, NOW);
  expect(count('journal')).toBe(0);
  expect(await rowsIn(store)).toEqual(eventRows(tables));
  expect((await store.deployments())[0]).toMatchObject({ steps: 3, events: 3 * 54 });
});

test('steps that moved are known after a restart too', async () => {
  const data = scratchFolder();
  const first = open(data, 1);
  await append(first.store, steps(7));
  await first.store.retain(KEEP, NOW);
  expect(first.count('journal')).toBe(0);
  await first.store.close();
  const { store } = open(data);
  const [again] = await store.append([batchOf('new', { packed: [packedTableOf(steps(7))] })]);
  expect(again?.freshPacked).toEqual([new Uint32Array(0)]);
});

test('a scan that began before a move, or a merge, meets every event once', async () => {
  const { store, count } = open(scratchFolder(), 1);
  const tables = Array.from({ length: 40 }, (_, i) => steps(i));
  for (const table of tables.slice(0, 30)) {
    await append(store, table);
    await store.retain(KEEP, NOW);
  }
  const before = count('packed_chunks');
  for (const table of tables.slice(30)) await append(store, table);
  const scan = store.scanEvents(prod)[Symbol.asyncIterator]();
  const seen: EventTable[] = [(await scan.next()).value];
  for (let more = true; more; ) ({ more } = await store.retain(KEEP, NOW));
  expect(count('journal')).toBe(0);
  for (let next = await scan.next(); next.done !== true; next = await scan.next()) {
    seen.push(next.value);
  }
  expect(eventRows(seen)).toEqual(eventRows(tables));
  // What was replaced goes after a while; what replaced it is all there is then.
  await store.retain(KEEP, unixNanos(NOW + GRACE_NS + 1n));
  expect(count('packed_chunks')).toBeLessThan(before);
  expect(await rowsIn(store)).toEqual(eventRows(tables));
});

test('a reader of its own sees every event once at any moment of moving and merging', async () => {
  const data = scratchFolder();
  const { store } = open(data, 1);
  await append(store, steps(0));
  const reader = await openTelemetryReader({ data, unpacker: new PackedUnpacker() });
  onTestFinished(() => reader.close());
  for (let i = 1; i < 24; i++) {
    await append(store, steps(i));
    const scan = reader.scanEvents(prod)[Symbol.asyncIterator]();
    const seen: EventTable[] = [(await scan.next()).value];
    if (i % 2 === 0) await store.retain(KEEP, NOW);
    for (let next = await scan.next(); next.done !== true; next = await scan.next()) {
      seen.push(next.value);
    }
    expect(seen.reduce((sum, { length }) => sum + length, 0)).toBe((i + 1) * 54);
  }
});

test('merged chunks still say which of their steps are not summed up', async () => {
  const { store, count } = open(scratchFolder(), 1);
  const sequences: number[] = [];
  for (let i = 0; i < 32; i++) {
    const [outcome] = await append(store, steps(i, 1, 1));
    sequences.push(outcome!.sequence);
    await store.retain(KEEP, NOW);
  }
  await store.retain(KEEP, unixNanos(NOW + GRACE_NS + 1n));
  expect(count('packed_chunks')).toBeLessThan(32);
  await store.addStageRollups([], sequences[19]!);
  const left = await collect(store.unsummed());
  expect(left.flatMap(({ packed }) => [...packed!.step]).sort((a, b) => a - b)).toEqual([
    20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
  ]);
});

test('what is unsummed is told whole, though the journal moves while somebody reads', async () => {
  const { store, count } = open(scratchFolder(), 1);
  for (let i = 0; i < 4; i++) await append(store, steps(i));
  const told: number[] = [];
  for await (const { packed } of store.unsummed()) {
    told.push(...new Set(packed!.step));
    while ((await store.retain(KEEP, NOW)).more);
    expect(count('journal')).toBe(0);
  }
  expect(told.sort((a, b) => a - b)).toEqual([0, 1, 2, 3]);
});

test('damage in the journal, a chunk or a payload is told and leaves the rest readable', async () => {
  const data = scratchFolder();
  const first = open(data, 1);
  const tables = [0, 1, 2].map((i) => steps(i, 1, 1));
  await append(first.store, tables[0]!);
  await first.store.retain(KEEP, NOW);
  const blobOf = (table: string) =>
    first.database.prepare<[], Uint8Array>(`SELECT blob FROM ${table}`).pluck().get()!;
  const chunk = blobOf('packed_chunks');
  chunk[chunk.byteLength - 5]! ^= 0xff;
  first.database.prepare('UPDATE packed_chunks SET blob = ?').run(chunk);
  await first.store.close();

  const second = open(data);
  await append(second.store, tables[1]!);
  const row = second.database.prepare<[], Uint8Array>('SELECT blob FROM journal').pluck().get()!;
  row[20]! ^= 0xff;
  second.database.prepare('UPDATE journal SET blob = ?').run(row);
  await second.store.close();

  const { store, damaged, count } = open(data, 1);
  await append(store, tables[2]!);
  await store.retain(KEEP, NOW);
  expect(await rowsIn(store)).toEqual(eventRows([tables[2]!]));
  expect(damaged.map(({ table }) => table).sort()).toEqual(['journal', 'packed_chunks']);
  expect((await store.size()).damagedChunks).toBe(2);
  expect(count('journal')).toBe(1);
  await store.retain({ ...KEEP, rawNs: 0 }, unixNanos(NOW + 10n ** 12n));
  expect(count('journal')).toBe(0);
});

test('a worker of the journal that cannot be read costs its own steps, and is told at the start', async () => {
  const data = scratchFolder();
  const first = open(data);
  for (const step of [0, 1]) {
    const table = packedTableOf(steps(step, 1, 1));
    const workers = table.workers.map((info) => ({ ...info, rank: step }));
    await first.store.append([batchOf(`b${step}`, { packed: [{ ...table, workers }] })]);
  }
  first.database.exec(`UPDATE journal_workers SET info = '{"half' WHERE id = 1`);
  await first.store.close();
  const { store, damaged } = open(data);
  expect(damaged).toMatchObject([{ table: 'journal', id: 1, deployment: 'prod' }]);
  expect((await store.size()).damagedChunks).toBe(1);
  const tables = await collect(store.scanEvents(prod));
  expect(tables.flatMap((table) => [...new Set(table.step)])).toEqual([1]);
  expect(damaged).toHaveLength(1);
});

test('a worker that is gone from the list costs its own steps, not the commit that names it', async () => {
  const data = scratchFolder();
  const first = open(data);
  const table = packedTableOf(steps(0, 3, 4));
  expect(table.workers.length).toBeGreaterThan(1);
  await append(first.store, steps(0, 3, 4));
  const { stepEvents, worker } = table;
  const lost = [...stepEvents].reduce((sum, n, i) => (worker[i] === 0 ? sum + n : sum), 0);
  first.database.exec('DELETE FROM journal_workers WHERE id = 1');
  await first.store.close();

  const { store, damaged } = open(data, 1);
  expect(damaged).toMatchObject([{ table: 'journal', id: 1, rows: lost }]);
  const stored = async (): Promise<number> =>
    (await collect(store.scanEvents(prod))).reduce((sum, { length }) => sum + length, 0);
  expect(await stored()).toBe(table.events - lost);
  await store.retain(KEEP, NOW);
  expect(await stored()).toBe(table.events - lost);
  expect(damaged).toHaveLength(1);
  await store.close();
});

test('a failed move changes nothing and is tried again', async () => {
  const { store, database, count } = open(scratchFolder(), 1);
  database.exec(
    `CREATE TEMP TRIGGER refuse BEFORE INSERT ON main.packed_chunks
     BEGIN SELECT RAISE(ABORT, 'not now'); END`,
  );
  await append(store, steps(0));
  await new Promise((resolve) => setImmediate(resolve));
  await expect(store.retain(KEEP, NOW)).rejects.toThrow(/not now/);
  expect(count('journal')).toBe(1);
  expect(await rowsIn(store)).toEqual(eventRows([steps(0)]));
  database.exec('DROP TRIGGER refuse');
  await store.retain(KEEP, NOW);
  expect(count('journal')).toBe(0);
  expect(await rowsIn(store)).toEqual(eventRows([steps(0)]));
});

test('a journal that is full moves before it takes more, and takes nothing while it cannot', async () => {
  const { store, database, count } = open(scratchFolder(), 1e9, 1);
  await append(store, steps(0));
  await append(store, steps(1));
  expect(count('journal')).toBe(1);
  database.exec(
    `CREATE TEMP TRIGGER refuse BEFORE INSERT ON main.packed_chunks
     BEGIN SELECT RAISE(ABORT, 'not now'); END`,
  );
  await expect(append(store, steps(2))).rejects.toThrow(/not now/);
  expect(count('journal')).toBe(1);
  database.exec('DROP TRIGGER refuse');
  const [outcome] = await append(store, steps(2));
  expect(outcome).toMatchObject({ duplicate: false, duplicateStepEvents: 0 });
  expect(await rowsIn(store)).toEqual(eventRows([steps(0), steps(1), steps(2)]));
});

test('the running total of raw bytes is what the tables hold', async () => {
  const data = scratchFolder();
  const { store, database } = open(data, 1);
  for (let i = 0; i < 20; i++) {
    await append(store, steps(i));
    if (i % 3 === 0) await store.retain(KEEP, unixNanos(NOW + BigInt(i) * GRACE_NS));
  }
  const held = database
    .prepare<[], bigint>(
      `SELECT (SELECT coalesce(sum(blob_bytes), 0) FROM packed_chunks)
            + (SELECT coalesce(sum(blob_bytes), 0) FROM journal)`,
    )
    .pluck()
    .get();
  expect((await store.size()).rawBytes).toBe(Number(held));
  const size = await store.size();
  expect(size.journalBytes).toBeGreaterThan(0);
  const file = new Database(join(data, 'afdscope.db'), { readonly: true });
  expect(file.pragma('integrity_check', { simple: true })).toBe('ok');
  file.close();
});
