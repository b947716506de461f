/** An archive imported elsewhere: the same report, the same events bit for bit, the same notes. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { NS_PER_S, type UnixNanos, unixNanos } from '#lib/base/units.ts';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { exportWindow } from '#lib/query/export.ts';
import { report } from '#lib/query/report.ts';
import { reportJson } from '#lib/query/report-json.ts';
import { openStateWriter, openTelemetryWriter } from '#lib/store/open-store.ts';
import type { StateStore } from '#lib/store/state-store.ts';
import type { TelemetryStore } from '#lib/store/telemetry-store.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { selectRows } from '#lib/table/event-tables.ts';
import { importInto } from '#test/support/import-into.ts';
import { FEED_START, inBatches, slowSteps } from '#test/support/live-feed.ts';
import { gauge, metricTable } from '#test/support/metric-points.ts';
import { packedTableOf } from '#test/support/packed-table.ts';
import { eventRows, metricRows } from '#test/support/table-rows.ts';
import { batchOf, collect } from '#test/support/telemetry-batch.ts';

interface Place {
  readonly telemetry: TelemetryStore;
  readonly state: StateStore;
}

const SECONDS = 40;
const NOW = unixNanos(FEED_START + 3_600_000_000_000n);
const POLICY = { rawNs: 7200 * NS_PER_S, rawBytes: 1e12, rollupsNs: 90 * 86_400 * NS_PER_S };
const at = (seconds: number): UnixNanos =>
  unixNanos(FEED_START + BigInt(Math.round(seconds * 1e9)));

let folder: string;
let places = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'afdscope-archive-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function newPlace(): Promise<Place> {
  const location = { data: join(folder, `place-${places++}`), unpacker: new PackedUnpacker() };
  return {
    telemetry: await openTelemetryWriter(location),
    state: await openStateWriter(location),
  };
}

async function closePlace({ telemetry, state }: Place): Promise<void> {
  await state.close();
  await telemetry.close();
}

interface World {
  readonly deployment: string;
  readonly offsetNs: number;
  readonly driftPpm: number;
  /** One row in so many is lost, one is there twice; one step in so many is packed. */
  readonly lostEvery: number;
  readonly twiceEvery: number;
  readonly packedEvery: number;
  readonly fromS: number;
  readonly lengthS: number;
  readonly isCompacted: boolean;
}

const worlds: fc.Arbitrary<World> = fc.record({
  deployment: fc.constantFrom('demo', 'a/b %', 'größer'),
  offsetNs: fc.constantFrom(0, -7_300_000, 2_000_000, 900_000_000),
  driftPpm: fc.constantFrom(0, 37, -80),
  lostEvery: fc.constantFrom(0, 17, 301),
  twiceEvery: fc.constantFrom(0, 23),
  packedEvery: fc.constantFrom(0, 1, 2, 3),
  fromS: fc.double({ min: 0, max: 30, noNaN: true }),
  lengthS: fc.double({ min: 0.01, max: 12, noNaN: true }),
  isCompacted: fc.boolean(),
});

/** Plain rows and packed steps, in batches as senders send them. */
async function fill({ telemetry, state }: Place, world: World): Promise<void> {
  const { deployment, offsetNs, driftPpm, lostEvery, twiceEvery, packedEvery } = world;
  const clockOffset = [{ target: 'node-1', offsetNs, driftPpm }];
  const table = slowSteps({ seconds: SECONDS, deployment, faults: { clockOffset } });
  const isPacked = (row: number) => packedEvery > 0 && table.step[row]! % packedEvery === 0;
  const rows = Array.from({ length: table.length }, (_, row) => row);
  const packed = selectRows(table, Uint32Array.from(rows.filter(isPacked)));
  const kept = rows
    .filter((row) => !isPacked(row) && (lostEvery === 0 || row % lostEvery !== 0))
    .flatMap((row) => (twiceEvery > 0 && row % twiceEvery === 0 ? [row, row] : [row]));
  const plain = selectRows(table, Uint32Array.from(kept));
  let number = 0;
  const stored = async (events: EventTable[], isKept: boolean): Promise<void> => {
    const tables = events.filter(({ length }) => length > 0);
    if (tables.length === 0) return;
    const fields = isKept
      ? { packed: tables.map((one) => packedTableOf(one)) }
      : { events: tables };
    await telemetry.append([batchOf(`batch-${number++}`, fields)]);
  };
  for (const { table: part } of plain.length > 0 ? inBatches(plain, 10 * NS_PER_S) : []) {
    await stored([part], false);
  }
  for (const { table: part } of packed.length > 0 ? inBatches(packed, 10 * NS_PER_S) : []) {
    await stored([part], true);
  }
  const load = gauge('hw.gpu.utilization', { deployment });
  const metrics = metricTable(FEED_START, [
    [load, 1e9, 0.5],
    [load, 9e9, 0.75],
  ]);
  await telemetry.append([
    batchOf('odd', {
      metrics: [metrics],
      rejected: new Map([
        [deployment, { bad_time: 3, late: 2 }],
        ['', { no_role: 4 }],
        ['other', { not_afd: 9 }],
      ]),
    }),
  ]);
  await state.putAnnotation({
    id: 'note',
    deployment,
    fromUnixNs: at(world.fromS),
    toUnixNs: at(world.fromS + 1),
    author: 'on-call',
    text: 'the switch was replaced',
    createdUnixNs: NOW,
  });
  for (let more = world.isCompacted; more; ) {
    more = (await telemetry.retain(POLICY, NOW)).more;
  }
}

async function answers(place: Place, world: World, isWhole: boolean) {
  const { deployment, fromS, lengthS } = world;
  const window = { fromUnixNs: at(fromS), toUnixNs: at(fromS + lengthS) };
  const texts = isWhole ? {} : { from: String(window.fromUnixNs), to: String(window.toUnixNs) };
  const around = {
    fromUnixNs: unixNanos(window.fromUnixNs - 10_000_000_000n),
    toUnixNs: unixNanos(window.toUnixNs + 10_000_000_000n),
  };
  const within = isWhole ? {} : { window: around };
  const all = { fromUnixNs: at(-100), toUnixNs: at(1000) };
  return {
    report: JSON.stringify(
      reportJson(await report(place.telemetry, { deployment, ...texts }, NOW)),
    ),
    events: eventRows(await collect(place.telemetry.scanEvents({ deployment, ...within }))),
    metrics: metricRows(await collect(place.telemetry.scanMetrics({ deployment, window: all }))),
    notes: await place.state.annotations(deployment, window.fromUnixNs, window.toUnixNs),
  };
}

async function exported(place: Place, world: World, isWhole: boolean): Promise<string> {
  const { deployment, fromS, lengthS } = world;
  const texts = isWhole ? {} : { from: String(at(fromS)), to: String(at(fromS + lengthS)) };
  const question = { format: 'archive', deployment, ...texts };
  const stores = { telemetry: place.telemetry, state: async () => place.state };
  const made = await exportWindow(stores, question, NOW, '1.2.3');
  const path = join(folder, `${places++}-${made.fileName}`);
  await writeFile(path, made.pieces);
  return path;
}

test('report, events, points and notes are the same where the archive was imported', async () => {
  await fc.assert(
    fc.asyncProperty(worlds, fc.boolean(), async (world, isWhole) => {
      const source = await newPlace();
      const target = await newPlace();
      try {
        await fill(source, world);
        const path = await exported(source, world, isWhole);
        // Elsewhere others report, and senders that nobody knows were refused.
        await target.telemetry.append([
          batchOf('theirs', {
            events: [slowSteps({ seconds: 1, deployment: 'theirs' })],
            rejected: new Map([['', { no_role: 77 }]]),
          }),
        ]);
        const imported = await importInto(target, [path]);
        expect(imported).toMatchObject({ state: 'done', error: null, duplicate: false });
        // The imported window outlives the age that retention keeps.
        const later = unixNanos(NOW + 200n * 86_400n * 1_000_000_000n);
        while ((await target.telemetry.retain(POLICY, later)).more);
        const there = await answers(target, world, isWhole);
        const here = await answers(source, world, isWhole);
        expect(there.events).toEqual(here.events);
        expect(there.report).toBe(here.report);
        if (isWhole) expect(there.metrics).toEqual(here.metrics);
        expect(there.notes).toEqual(here.notes);
        const again = await importInto(target, [path]);
        expect(again).toMatchObject({ state: 'done', duplicate: true, id: imported.id });
        expect((await answers(target, world, isWhole)).report).toBe(here.report);
      } finally {
        await closePlace(source);
        await closePlace(target);
      }
    }),
    { numRuns: 12 },
  );
}, 240_000);

test('a compressed archive is read as it is, and a damaged one is told', async () => {
  const source = await newPlace();
  const target = await newPlace();
  try {
    const events = slowSteps({ seconds: 1, deployment: 'packed' });
    await source.telemetry.append([batchOf('ours', { events: [events] })]);
    const stores = { telemetry: source.telemetry, state: async () => source.state };
    const made = await exportWindow(stores, { format: 'archive', deployment: 'packed' }, NOW, '1');
    const pieces: Uint8Array[] = [];
    for await (const piece of made.pieces) pieces.push(piece);
    const plain = Buffer.concat(pieces);
    for (const [name, bytes] of [
      ['a.afdscope.gz', gzipSync(plain)],
      ['b.afdscope.zst', zstdCompressSync(plain)],
    ] as const) {
      const path = join(folder, name);
      await writeFile(path, bytes);
      const done = await importInto(target, [path]);
      expect(done).toMatchObject({ state: 'done', error: null });
      expect(done.events + done.duplicateEvents).toBe(events.length);
      await writeFile(join(folder, `cut-${name}`), bytes.subarray(0, bytes.length >> 1));
      const cut = await importInto(target, [join(folder, `cut-${name}`)]);
      expect(cut.state).toBe('failed');
      expect(cut.error).toMatch(/cut off/);
    }
  } finally {
    await closePlace(source);
    await closePlace(target);
  }
});
