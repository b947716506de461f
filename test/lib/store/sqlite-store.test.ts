import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { unixNanos } from '#lib/base/units.ts';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { openStateWriter, openTelemetryWriter } from '#lib/store/open-store.ts';
import { JOURNAL_LIMITS } from '#lib/store/sqlite/journal.ts';
import { openWriterDatabase } from '#lib/store/sqlite/open-database.ts';
import { SqliteStore } from '#lib/store/sqlite/sqlite-store.ts';
import { acquireWriterLock } from '#lib/store/sqlite/writer-lock.ts';
import type { StateDocument } from '#lib/store/state-store.ts';
import { batchOf } from '#test/support/telemetry-batch.ts';
import { describeMarksStore } from './marks-contract.ts';
import { describePackedStore } from './packed-contract.ts';
import { describeStateStore } from './state-contract.ts';
import { describeTelemetryStore } from './telemetry-contract.ts';

const root = mkdtempSync(join(tmpdir(), 'afdscope-sqlite-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const location = () => ({
  data: mkdtempSync(join(root, 'data-')),
  unpacker: new PackedUnpacker(),
});

describeMarksStore('sqlite', () => openTelemetryWriter(location()));
describeTelemetryStore('sqlite', () => openTelemetryWriter(location()));
describePackedStore({
  name: 'sqlite, in the journal',
  open: () => openTelemetryWriter(location()),
  tidy: async () => {},
});
describePackedStore({
  name: 'sqlite, in packed chunks',
  open: async () => {
    const { data, unpacker } = location();
    const lock = acquireWriterLock(data, 'telemetry');
    const journal = { ...JOURNAL_LIMITS, moveBytes: 1 };
    return new SqliteStore(openWriterDatabase(data), lock, { unpacker, journal });
  },
  tidy: async (store) => {
    for (let more = true; more; ) {
      ({ more } = await store.retain(
        { rawNs: 1e18, rawBytes: 1e18, rollupsNs: 1e18 },
        batchOf('').receivedUnixNs,
      ));
    }
  },
});
describeStateStore('sqlite', () => openStateWriter(location()));

test('sqlite: documents and log entries are written together or not at all', async () => {
  const store = await openStateWriter(location());
  const document = (id: string, detail: string): StateDocument => ({
    kind: 'alert',
    id,
    deployment: '',
    status: '',
    createdUnixNs: unixNanos(1n),
    updatedUnixNs: unixNanos(1n),
    detail,
  });
  await store.change({ put: [document('a', '{}')] });
  // What no column takes fails in the middle.
  const broken = document('b', Symbol('no text') as unknown as string);
  const change = store.change({
    put: [document('c', '{}'), broken],
    remove: [{ kind: 'alert', id: 'a' }],
  });
  await expect(change).rejects.toThrow();
  expect((await store.documents({ kind: 'alert' })).map(({ id }) => id)).toEqual(['a']);
  await store.close();
});
