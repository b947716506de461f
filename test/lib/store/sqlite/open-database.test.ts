import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { unixNanos } from '#lib/base/units.ts';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import {
  openStateReader,
  openStateWriter,
  openTelemetryReader,
  openTelemetryWriter,
} from '#lib/store/open-store.ts';
import { packEvents } from '#lib/store/sqlite/blob.ts';
import { CURRENT_SCHEMA, openWriterDatabase } from '#lib/store/sqlite/open-database.ts';
import { SCHEMA_VERSION } from '#lib/store/sqlite/schema.ts';
import {
  DatabaseVersionError,
  NoDatabaseError,
  StoreUnavailableError,
  UnsupportedStoreError,
} from '#lib/store/store-errors.ts';
import { afdTable } from '#test/support/afd-table.ts';
import { packedTableOf } from '#test/support/packed-table.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';
import { BASE, batchOf, collect, spans } from '#test/support/telemetry-batch.ts';

const journalPath = join(CURRENT_SCHEMA.migrationsFolder, 'meta/_journal.json');

test('the schema version is the number of migrations', () => {
  const journal: { entries: unknown[] } = JSON.parse(readFileSync(journalPath, 'utf8'));
  expect(journal.entries).toHaveLength(SCHEMA_VERSION);
});

test('a new database has the settings that can only be made at its creation', () => {
  const database = openWriterDatabase(scratchFolder());
  const pragma = (name: string) => database.pragma(name, { simple: true });
  expect(pragma('journal_mode')).toBe('wal');
  expect(pragma('auto_vacuum')).toBe(2n);
  expect(pragma('page_size')).toBe(8192n);
  expect(pragma('wal_autocheckpoint')).toBe(2048n);
  expect(pragma('synchronous')).toBe(2n);
  expect(pragma('user_version')).toBe(BigInt(SCHEMA_VERSION));
  database.close();
});

describe('readers', () => {
  test('say what to do where there is no database yet', async () => {
    const data = scratchFolder();
    await expect(openTelemetryReader({ data })).rejects.toThrow(NoDatabaseError);
    await expect(openStateReader({ data })).rejects.toThrow(/start the collector/);
    await expect(openTelemetryReader({ data: join(data, 'no/such') })).rejects.toThrow(
      NoDatabaseError,
    );
    expect(readdirSync(data)).toEqual([]);
  });

  test('take a file that is still being made for none', async () => {
    const data = scratchFolder();
    writeFileSync(join(data, 'afdscope.db'), '');
    await expect(openTelemetryReader({ data })).rejects.toThrow(NoDatabaseError);
  });

  test('cannot write', async () => {
    const data = scratchFolder();
    await (await openTelemetryWriter({ data })).close();
    const state = await openStateReader({ data });
    await expect(state.deleteAnnotation('a')).rejects.toThrow(/cannot be written/);
    await state.close();
  });
});

test('a file that is no database is refused in words', async () => {
  const data = scratchFolder();
  writeFileSync(join(data, 'afdscope.db'), 'not a database at all, but long enough to look at');
  await expect(openTelemetryWriter({ data })).rejects.toThrow(/the file is not a database/);
  await expect(openTelemetryReader({ data })).rejects.toThrow(StoreUnavailableError);
});

test('a folder that cannot be made is refused in words', async () => {
  const data = join(scratchFolder(), 'file');
  writeFileSync(data, '');
  for (const open of [openTelemetryWriter, openStateWriter]) {
    const opened = open({ data });
    await expect(opened).rejects.toThrow(StoreUnavailableError);
    await expect(opened).rejects.toThrow(/a folder is needed$/);
    await expect(open({ data: join(data, 'below') })).rejects.toThrow(/a folder is needed$/);
  }
});

test('other stores are refused in words', async () => {
  const open = (store: string) => openTelemetryWriter({ data: scratchFolder(), store });
  await expect(open('http://localhost:8123')).rejects.toThrow(/ClickHouse is not supported/);
  await expect(open('postgres')).rejects.toThrow(UnsupportedStoreError);
});

test('a memory reader sees what the memory writer wrote', async () => {
  const location = { data: 'open-database.test', store: 'memory:' };
  await expect(openTelemetryReader(location)).rejects.toThrow(NoDatabaseError);
  const writer = await openTelemetryWriter(location);
  await writer.append([batchOf('a', { events: [spans([[0, 1]])] })]);
  const reader = await openTelemetryReader(location);
  expect(await collect(reader.scanEvents({ deployment: 'prod' }))).toHaveLength(1);
});

describe('versions', () => {
  async function madeBy(version: number): Promise<string> {
    const data = scratchFolder();
    const store = await openTelemetryWriter({ data });
    await store.append([batchOf('a', { events: [spans([[0, 1]])] })]);
    await store.close();
    const database = new Database(join(data, 'afdscope.db'));
    database.pragma(`user_version = ${version}`);
    database.close();
    return data;
  }

  test('a newer database is refused and left as it is', async () => {
    const data = await madeBy(99);
    const before = readFileSync(join(data, 'afdscope.db'));
    await expect(openTelemetryWriter({ data })).rejects.toThrow(
      /afdscope.db was made by a newer afdscope \(schema 99/,
    );
    await expect(openTelemetryReader({ data })).rejects.toThrow(DatabaseVersionError);
    expect(readFileSync(join(data, 'afdscope.db')).equals(before)).toBe(true);
  });

  test('an older one is copied, then upgraded, and keeps its data', async () => {
    const data = await madeBy(SCHEMA_VERSION);
    const next = SCHEMA_VERSION + 1;
    const migrationsFolder = join(scratchFolder(), 'drizzle');
    cpSync(CURRENT_SCHEMA.migrationsFolder, migrationsFolder, { recursive: true });
    const journal = JSON.parse(readFileSync(journalPath, 'utf8'));
    const last = journal.entries.at(-1);
    journal.entries.push({ ...last, idx: last.idx + 1, when: last.when + 1, tag: '9999_next' });
    writeFileSync(join(migrationsFolder, 'meta/_journal.json'), JSON.stringify(journal));
    writeFileSync(join(migrationsFolder, '9999_next.sql'), 'CREATE TABLE added (x integer);');

    const database = openWriterDatabase(data, { version: next, migrationsFolder });
    expect(database.pragma('user_version', { simple: true })).toBe(BigInt(next));
    expect(database.prepare('SELECT count(*) FROM added').pluck().get()).toBe(0n);
    expect(database.prepare('SELECT from_unix_ns FROM chunks').pluck().all()).toEqual([BASE]);
    database.close();

    const backup = new Database(join(data, `afdscope.db.bak-v${SCHEMA_VERSION}`), {
      readonly: true,
    });
    expect(backup.prepare('SELECT count(*) FROM chunks').pluck().get()).toBe(1);
    expect(backup.pragma('user_version', { simple: true })).toBe(SCHEMA_VERSION);
    expect(backup.pragma('integrity_check', { simple: true })).toBe('ok');
    backup.close();
    expect(existsSync(join(data, `afdscope.db.bak-v${SCHEMA_VERSION}.partial`))).toBe(false);
  });

  test('one of version 1 is upgraded with its chunks, and takes packed steps then', async () => {
    const data = scratchFolder();
    const migrationsFolder = join(scratchFolder(), 'drizzle');
    cpSync(CURRENT_SCHEMA.migrationsFolder, migrationsFolder, { recursive: true });
    const journal = JSON.parse(readFileSync(journalPath, 'utf8'));
    journal.entries = journal.entries.slice(0, 1);
    writeFileSync(join(migrationsFolder, 'meta/_journal.json'), JSON.stringify(journal));
    const old = openWriterDatabase(data, { version: 1, migrationsFolder });
    // As version 1 wrote them.
    const addChunk = old.prepare(
      `INSERT INTO chunks (deployment, from_unix_ns, to_unix_ns, min_step, max_step, events,
         blob_bytes, blob) VALUES ('prod', ?, ?, 1, 1, 1, ?, ?)`,
    );
    for (let i = 0; i < 20; i++) {
      const blob = packEvents([spans([[i * 1000, 5]])]);
      addChunk.run(BASE + BigInt(i * 1000), BASE + BigInt(i * 1000 + 5), blob.byteLength, blob);
    }
    old.exec(
      `INSERT INTO deployments VALUES ('prod', '', ${BASE}, ${BASE + 19_005n}, 20, 5, 0);
       INSERT INTO meta VALUES ('raw_bytes', 5000)`,
    );
    old.close();

    const unpacker = new PackedUnpacker();
    const store = await openTelemetryWriter({ data, unpacker });
    expect(existsSync(join(data, 'afdscope.db.bak-v1'))).toBe(true);
    expect(await collect(store.unsummed())).toEqual([]);
    const steps = afdTable({ role: 'ffn', workers: 1, steps: 1, layers: 2 });
    await store.append([batchOf('new', { packed: [packedTableOf(steps)] })]);
    const keep = { rawNs: 1e18, rawBytes: 1e18, rollupsNs: 1e18 };
    await store.retain(keep, unixNanos(BASE));
    const tables = await collect(store.scanEvents({ deployment: 'prod' }));
    expect(tables.reduce((sum, { length }) => sum + length, 0)).toBe(20 + steps.length);
    await store.close();
    const reader = await openTelemetryReader({ data, unpacker });
    expect((await reader.size()).journalBytes).toBeGreaterThan(0);
    await reader.close();
  });

  test('of rollups that are older than causes, what waited for peers is unknown', async () => {
    const data = scratchFolder();
    const migrationsFolder = join(scratchFolder(), 'drizzle');
    cpSync(CURRENT_SCHEMA.migrationsFolder, migrationsFolder, { recursive: true });
    const journal = JSON.parse(readFileSync(journalPath, 'utf8'));
    journal.entries = journal.entries.slice(0, 2);
    writeFileSync(join(migrationsFolder, 'meta/_journal.json'), JSON.stringify(journal));
    const old = openWriterDatabase(data, { version: 2, migrationsFolder });
    const columns = old.prepare('SELECT name FROM pragma_table_info(?)').pluck();
    const lengths = (columns.all('worker_rollups') as string[]).filter(
      (name) => name.endsWith('_ns') && name !== 'resolution_ns' && name !== 'bucket_start_unix_ns',
    );
    expect(lengths).toHaveLength(18);
    const start = BASE - (BASE % 1_000_000_000n);
    old.exec(
      `INSERT INTO worker_rollups
         (deployment, resolution_ns, bucket_start_unix_ns, worker_id, group_name, role, rank, events,
          ${lengths.join(', ')})
       VALUES ('prod', 1000000000, ${start}, 'ffn/0', 'ffn', 'ffn', 0, 9,
          ${lengths.map((name) => (name === 'wait_peer_ns' ? 70 : 5)).join(', ')})`,
    );
    old.close();
    const store = await openTelemetryWriter({ data });
    const [row] = await store.workerRollups({
      deployment: 'prod',
      resolutionNs: 1e9,
      window: { fromUnixNs: unixNanos(start), toUnixNs: unixNanos(start + 1_000_000_000n) },
    });
    expect(row!.lengths).toMatchObject({
      waitPeerNs: 70,
      unattributedNs: 5,
      a2fNetworkNs: 0,
      fillDrainNs: 0,
      unknownCauseNs: 70,
    });
    await store.close();
  });

  test('an upgrade that fails changes nothing', async () => {
    const data = await madeBy(SCHEMA_VERSION);
    const migrationsFolder = join(scratchFolder(), 'drizzle');
    cpSync(CURRENT_SCHEMA.migrationsFolder, migrationsFolder, { recursive: true });
    const journal = JSON.parse(readFileSync(journalPath, 'utf8'));
    const last = journal.entries.at(-1);
    journal.entries.push({ ...last, idx: last.idx + 1, when: last.when + 1, tag: '9999_next' });
    writeFileSync(join(migrationsFolder, 'meta/_journal.json'), JSON.stringify(journal));
    writeFileSync(
      join(migrationsFolder, '9999_next.sql'),
      'DROP TABLE meta;\n--> statement-breakpoint\nCREATE TABLE chunks (x integer);',
    );
    expect(() =>
      openWriterDatabase(data, { version: SCHEMA_VERSION + 1, migrationsFolder }),
    ).toThrow(/CREATE TABLE chunks/);
    const reader = await openTelemetryReader({ data });
    expect(await collect(reader.scanEvents({ deployment: 'prod' }))).toHaveLength(1);
    expect((await reader.size()).rawBytes).toBeGreaterThan(0);
    await reader.close();
  });
});
