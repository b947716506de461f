import { describe, expect, test } from 'vitest';
import { KeptTiles } from '#app/_components/timeline/kept-tiles.ts';
import { type LoadedTile, loadedTile, WorkerRegistry } from '#lib/view/timeline-boxes.ts';
import { tileExtent } from '#lib/view/timeline-tiles.ts';
import { eventTile } from '#test/lib/view/sample-tiles.ts';

const LEVEL = 20;
const FIRST = Number(1_795_800_300_123_456_789n >> BigInt(LEVEL));
const ASKED = { newestUnixNs: 0n, askedMs: 0 };
const ALL = '{}';

/** The tile `at` places after the first, with some events; all have as many bytes. */
function tileAt(at: number, events = 1): LoadedTile {
  const address = { level: LEVEL, index: FIRST + at };
  const event = { row: 0, stream: 0, startNs: 10, durationNs: 100, stage: 0 };
  const tile = eventTile(
    { ...address, rows: 1 },
    Array.from({ length: events }, (_, i) => ({ ...event, startNs: 10 + 200 * i })),
  );
  return loadedTile(address, tile, new WorkerRegistry());
}

const TILE_BYTES = tileAt(0).sizeBytes;

/** With room for so many tiles; `dropped` are those that it let go. */
function keptOf(room: number) {
  const dropped: LoadedTile[] = [];
  const kept = new KeptTiles((tile) => dropped.push(tile), room * TILE_BYTES);
  const add = (tile: LoadedTile) => kept.keep(null, ALL, tile, ASKED);
  return { kept, dropped, add };
}

describe('kept tiles', () => {
  test('are found by block and filter', () => {
    const { kept } = keptOf(10);
    const [all, some, filtered] = [tileAt(0), tileAt(0, 2), tileAt(0, 3)];
    kept.keep(null, ALL, all, ASKED);
    kept.keep(['a/0', 'a/1'], ALL, some, ASKED);
    kept.keep(null, '{"layer":3}', filtered, ASKED);
    expect(kept.setOf(null, ALL).get(all)).toBe(all);
    expect(kept.setOf(['a/0', 'a/1'], ALL).get(all)).toBe(some);
    expect(kept.setOf(null, '{"layer":3}').get(all)).toBe(filtered);
    expect(kept.setOf(['a/0'], ALL).get(all)).toBeUndefined();
    expect(kept.events).toBe(6);
  });

  test('one that comes in the place of another lets that go', () => {
    const { kept, dropped, add } = keptOf(10);
    const [old, beside, fresh] = [tileAt(0), tileAt(1), tileAt(0, 5)];
    for (const tile of [old, beside, fresh]) add(tile);
    expect(dropped).toEqual([old]);
    expect(kept.setOf(null, ALL).get(old)).toBe(fresh);
    expect(kept.sizeBytes).toBe(beside.sizeBytes + fresh.sizeBytes);
    expect(kept.events).toBe(6);
  });

  test('over the limit those go that no frame drew for the longest time, down to four fifths', () => {
    const { kept, dropped, add } = keptOf(5);
    const tiles = [0, 1, 2, 3, 4].map((at) => tileAt(at));
    for (const tile of tiles) {
      kept.nextFrame();
      add(tile);
    }
    kept.nextFrame();
    kept.use(tiles[0]!);
    expect(dropped).toEqual([]);
    add(tileAt(5));
    expect(dropped).toEqual([tiles[1], tiles[2]]);
    expect(kept.sizeBytes).toBe(4 * TILE_BYTES);
    expect(kept.setOf(null, ALL).get(tiles[1]!)).toBeUndefined();
    expect(kept.setOf(null, ALL).get(tiles[0]!)).toBe(tiles[0]);
  });

  test('what this frame or the last one drew stays, however much it is', () => {
    const { kept, dropped, add } = keptOf(2);
    const tiles = [0, 1, 2].map((at) => tileAt(at));
    kept.nextFrame();
    for (const tile of tiles) add(tile);
    kept.nextFrame();
    const next = tileAt(3);
    add(next);
    expect(dropped).toEqual([]);
    expect(kept.sizeBytes).toBe(4 * TILE_BYTES);
    // Two frames later only what came last is of a frame before.
    kept.nextFrame();
    add(tileAt(4));
    expect(dropped).toEqual(tiles);
    expect(kept.setOf(null, ALL).get(next)).toBe(next);
  });

  test('use of a tile that is not kept changes nothing', () => {
    const { kept, dropped, add } = keptOf(1);
    const [gone, here] = [tileAt(0), tileAt(0)];
    add(gone);
    add(here);
    kept.use(gone);
    expect(dropped).toEqual([gone]);
    expect(kept.isGrowing(gone, 2n ** 62n, 1e9)).toBe(false);
    expect(kept.sizeBytes).toBe(TILE_BYTES);
  });

  test('a tile grows while data of it may be late, and newer data has come, a second after it was asked for', () => {
    const { kept } = keptOf(10);
    const tile = tileAt(0);
    const { toUnixNs } = tileExtent(tile);
    kept.keep(null, ALL, tile, { newestUnixNs: toUnixNs, askedMs: 5_000 });
    expect(kept.isGrowing(tile, toUnixNs + 1n, 5_999)).toBe(false);
    expect(kept.isGrowing(tile, toUnixNs + 1n, 6_000)).toBe(true);
    expect(kept.isGrowing(tile, toUnixNs, 6_000)).toBe(false);

    const whole = tileAt(1);
    const lateNs = 12_000_000_000n;
    const newestUnixNs = tileExtent(whole).toUnixNs + lateNs;
    kept.keep(null, ALL, whole, { newestUnixNs, askedMs: 5_000 });
    expect(kept.isGrowing(whole, newestUnixNs + lateNs, 1e9)).toBe(false);
  });

  test('all go at the end', () => {
    const { kept, dropped, add } = keptOf(10);
    const tiles = [tileAt(0), tileAt(1)];
    for (const tile of tiles) add(tile);
    kept.clear();
    expect(dropped).toEqual(tiles);
    expect([kept.sizeBytes, kept.events]).toEqual([0, 0]);
    expect(kept.setOf(null, ALL).isEmpty).toBe(true);
  });
});
