/** Tiles of a timeline against the events themselves, by brute force. */
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addNanos, NS_PER_S, unixNanos } from '#lib/base/units.ts';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { TILE_LIMITS, timelineTile } from '#lib/query/timeline-tile.ts';
import { openTelemetryWriter } from '#lib/store/open-store.ts';
import type { TelemetryStore, TimeWindow } from '#lib/store/telemetry-store.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { EventTableBuilder } from '#lib/table/event-table-builder.ts';
import { StageAccumulator } from '#lib/table/stage-accumulator.ts';
import { testWorker } from '#test/support/afd-table.ts';
import { FEED_START, inBatches, slowSteps } from '#test/support/live-feed.ts';
import { packedTableOf } from '#test/support/packed-table.ts';
import { RANDOM_BASE_UNIX_NS } from '#test/support/random-tables.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';
import { batchOf } from '#test/support/telemetry-batch.ts';
import {
  bubblesOf,
  decodedTile,
  partsOf,
  textsOf,
  trueBubbles,
  trueParts,
} from '#test/support/tile-rows.ts';
import { tinyWorlds } from '#test/support/tiny-worlds.ts';

const NOW = unixNanos(FEED_START + 3_600_000_000_000n);

async function ask(
  store: TelemetryStore,
  deployment: string,
  { fromUnixNs, toUnixNs }: TimeWindow,
  more: Readonly<Record<string, string>> = {},
  limits = TILE_LIMITS,
) {
  const question = { deployment, from: String(fromUnixNs), to: String(toUnixNs), ...more };
  return decodedTile(await timelineTile(store, question, NOW, limits));
}

function windowOf({ header }: Awaited<ReturnType<typeof ask>>): TimeWindow {
  return {
    fromUnixNs: unixNanos(BigInt(header.window.startUnixNs)),
    toUnixNs: unixNanos(BigInt(header.window.endUnixNs)),
  };
}

// Stores in memory of one name are one.
const memory = () => openTelemetryWriter({ store: 'memory:', data: randomUUID() });
const sqlite = () => openTelemetryWriter({ data: scratchFolder(), unpacker: new PackedUnpacker() });

describe('a tile of events', () => {
  test('has the events, cuts and causes of tiny worlds, whatever the window', async () => {
    const store = await memory();
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        tinyWorlds,
        fc.integer({ min: -50, max: 3000 }),
        fc.integer({ min: 1, max: 900 }),
        async (world, fromNs, lengthNs) => {
          const deployment = `tiny ${run++}`;
          const workers = world.workers.map((worker) => ({ ...worker, deployment }));
          const table: EventTable = { ...world, workers };
          await store.append([batchOf(deployment, { events: [table] })]);
          const fromUnixNs = addNanos(RANDOM_BASE_UNIX_NS, fromNs);
          const asked = { fromUnixNs, toUnixNs: addNanos(fromUnixNs, lengthNs) };
          const tile = await ask(store, deployment, asked, { bins: '512' });
          expect(tile.header).toMatchObject({ detail: 'events', receivesCut: true, notes: [] });
          const window = windowOf(tile);
          expect(bubblesOf(tile).map(bubbleText).sort()).toEqual(
            trueBubbles([table], deployment, window).map(bubbleText).sort(),
          );
          const lost = trueOrNull([table], window);
          if (lost !== null) expect(textsOf(partsOf(tile))).toEqual(textsOf(lost));
        },
      ),
      { numRuns: 60 },
    );
    await store.close();
  });

  test.each([
    ['memory', 'columns', memory],
    ['sqlite', 'columns', sqlite],
    ['sqlite', 'packed', sqlite],
  ])('reads enough around its window: %s, %s', async (_, form, open) => {
    const store = await open();
    const table = slowSteps({ seconds: 20, deployment: 'prod' });
    const events = inBatches(table, 5 * NS_PER_S);
    await store.append(
      form === 'packed'
        ? [batchOf('a', { packed: [packedTableOf(table)] })]
        : events.map((batch, i) => batchOf(`a${i}`, { events: [batch.table] })),
    );
    for (const [fromMs, lengthNs] of [
      [7000, 1],
      [7010, 1000],
      [9003, 3e6],
      [8000, 80e6],
      [0, 500e6],
      [5000, 2e9],
      [15_000, 6e9],
    ] as const) {
      const fromUnixNs = addNanos(FEED_START, fromMs * 1e6);
      const asked = { fromUnixNs, toUnixNs: addNanos(fromUnixNs, lengthNs) };
      const tile = await ask(store, 'prod', asked);
      expect(tile.header.detail).toBe('events');
      const window = windowOf(tile);
      expect(textsOf(partsOf(tile))).toEqual(textsOf(trueParts([table], window)));
      expect(bubblesOf(tile).map(bubbleText).sort()).toEqual(
        trueBubbles([table], 'prod', window).map(bubbleText).sort(),
      );
      expect(tile.header.rows.map(({ workerId }) => workerId)).toEqual([
        'attention/0',
        'attention/1',
        'ffn/0',
      ]);
    }
    await store.close();
  });
});

function bubbleText(bubble: object): string {
  return Object.values(bubble).map(String).join(' ');
}

/** null: spans were lost, so that some receive has no send. */
function trueOrNull(tables: readonly EventTable[], window: TimeWindow) {
  try {
    return trueParts(tables, window);
  } catch {
    return null;
  }
}

/** By worker, stream, stage and instant of the bin: count, sum, least, largest. */
function binsOf({ header, bins }: Awaited<ReturnType<typeof ask>>): Map<string, number[]> {
  const from = BigInt(header.window.startUnixNs);
  return new Map(
    Array.from(bins.row, (row, i) => [
      [
        header.rows[row]!.workerId,
        header.streams[bins.stream[i]!],
        header.stages[bins.stage[i]!],
        from + BigInt(bins.bin[i]!) * BigInt(header.binNs),
      ].join(' '),
      [bins.count[i]!, bins.sumNs[i]!, bins.minNs[i]!, bins.maxNs[i]!],
    ]),
  );
}

const STREAM_OF_KIND = ['compute', 'transfer', 'wait', 'wait', 'other', 'other'];

function naiveBins(
  table: EventTable,
  binNs: number,
  takes: (startUnixNs: bigint, row: number) => boolean,
): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (let i = 0; i < table.length; i++) {
    const start = table.baseUnixNs + BigInt(table.startNs[i]!);
    if (!takes(start, i)) continue;
    const worker = table.workers[table.worker[i]!]!;
    const key = [
      `${worker.group}/${worker.rank}`,
      STREAM_OF_KIND[table.kind[i]!],
      table.stageNames[table.stage[i]!],
      start - (start % BigInt(binNs)),
    ].join(' ');
    const ns = table.durationNs[i]!;
    const [count, sum, least, most] = found.get(key) ?? [0, 0, Infinity, 0];
    found.set(key, [count! + 1, sum! + ns, Math.min(least!, ns), Math.max(most!, ns)]);
  }
  return found;
}

describe('a tile of bins', () => {
  const TABLE = slowSteps({ seconds: 20, deployment: 'prod' });
  const FEW = { ...TILE_LIMITS, maxEvents: 10 };

  test.each([
    ['events', 2 ** 30, 64, FEW],
    ['slices', 4e9, 40, { ...FEW, maxBinned: 0 }],
    ['rollups', 16e9, 16, { ...FEW, maxBinned: 0 }],
  ] as const)(
    'of %s: neighbours hold every event once, no spike is lost',
    async (source, tileNs, bins, limits) => {
      const store = await filled(TABLE);
      // Tiles begin at multiples of their length.
      const first = FEED_START - (FEED_START % BigInt(tileNs));
      const all = new Map<string, number[]>();
      let binNs = 0;
      let end = first;
      for (; end < FEED_START + 24_000_000_000n; end += BigInt(tileNs)) {
        const from = unixNanos(end);
        const asked = { fromUnixNs: from, toUnixNs: addNanos(from, tileNs) };
        const tile = await ask(store, 'prod', asked, { bins: String(bins) }, limits);
        if (tile.header.rows.length === 0) continue;
        expect(tile.header).toMatchObject({ detail: 'bins', source, receivesCut: false });
        expect([0, tile.header.binNs]).toContain(binNs);
        binNs = tile.header.binNs;
        for (const [key, sums] of binsOf(tile)) {
          const at = BigInt(key.split(' ').at(-1)!);
          if (at < asked.fromUnixNs || at >= asked.toUnixNs) continue;
          expect(all.has(key)).toBe(false);
          all.set(key, sums);
        }
      }
      expect(Object.fromEntries(all)).toEqual(
        Object.fromEntries(naiveBins(TABLE, binNs, () => true)),
      );
      await store.close();
    },
  );

  test('filters: by events all of them, by sums stage and layer, and the rest is said', async () => {
    const store = await filled(TABLE);
    const asked = { fromUnixNs: FEED_START, toUnixNs: addNanos(FEED_START, 8e9) };
    const texts = { bins: '16', stages: 'expert,a2f_recv', layer: '1', microbatch: '0' };
    const inside = (start: bigint, i: number): boolean =>
      start < asked.toUnixNs &&
      ['expert', 'a2f_recv'].includes(TABLE.stageNames[TABLE.stage[i]!]!) &&
      TABLE.layer[i] === 1;
    const raw = await ask(store, 'prod', asked, texts, FEW);
    expect(raw.header).toMatchObject({ source: 'events', notes: [] });
    const own = (start: bigint, i: number): boolean =>
      start < BigInt(raw.header.window.endUnixNs) && inside(start, i);
    const wanted = naiveBins(
      TABLE,
      raw.header.binNs,
      (start, i) => own(start, i) && TABLE.microbatch[i] === 0,
    );
    expect(Object.fromEntries(binsOf(raw))).toEqual(Object.fromEntries(wanted));
    const summed = await ask(store, 'prod', asked, texts, { ...FEW, maxBinned: 0 });
    expect(summed.header.source).toBe('rollups');
    expect(summed.header.notes.join(' ')).toContain('do not tell the micro-batch');
    expect(Object.fromEntries(binsOf(summed))).toEqual(
      Object.fromEntries(naiveBins(TABLE, summed.header.binNs, inside)),
    );
    await store.close();
  });

  test('nothing summed up, nothing there, an event of hours, one nanosecond', async () => {
    const store = await memory();
    const builder = new EventTableBuilder(FEED_START, [testWorker(0, { deployment: 'old' })]);
    const event = { worker: 0, stage: 0, kind: 0, step: 1 };
    builder.add({ ...event, startNs: -7200e9, durationNs: 10_800e9 });
    for (let i = 0; i < 100; i++) builder.add({ ...event, startNs: i * 1e9, durationNs: 5 });
    await store.append([batchOf('old', { events: [builder.finish()] })]);
    const at = (fromNs: number, toNs: number) => ({
      fromUnixNs: addNanos(FEED_START, fromNs),
      toUnixNs: addNanos(FEED_START, toNs),
    });
    const unsummed = await ask(store, 'old', at(0, 100e9), {}, { ...FEW, maxBinned: 5 });
    expect(unsummed.header.source).toBe('events');
    expect(unsummed.bins.count.reduce((sum, n) => sum + n, 0)).toBe(100);
    const inside = await ask(store, 'old', at(3600e9 - 1, 3600e9));
    expect(textsOf(partsOf(inside))).toHaveLength(1);
    expect(inside.events.startNs[0]).toBe(-10_800e9 + 1);
    expect((await ask(store, 'old', at(5e12, 6e12))).header).toMatchObject({
      detail: 'events',
      rows: [],
    });
    expect((await ask(store, 'old', at(-9e15, -8e15))).header.rows).toEqual([]);
    await store.close();
  });

  async function filled(table: EventTable): Promise<TelemetryStore> {
    const store = await sqlite();
    await store.append([batchOf('a', { events: [table] })]);
    const sums = new StageAccumulator();
    sums.addTable(table);
    await store.addStageRollups(sums.take(), 1);
    const policy = { rawNs: 1e17, rawBytes: 1e18, rollupsNs: 1e17 };
    while ((await store.retain(policy, NOW)).more);
    return store;
  }
});
