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
