import { afterEach, describe, expect, test, vi } from 'vitest';
import type { TileBlock } from '#app/_components/timeline/picture-workers.ts';
import { TileLoader } from '#app/_components/timeline/tile-loader.ts';
import type { TimelineFilters } from '#lib/view/timeline-selection.ts';
import { levelOf, tileExtent, wantedTiles } from '#lib/view/timeline-tiles.ts';
import { viewAt } from '#lib/view/timeline-viewport.ts';
import { eventTile } from '#test/lib/view/sample-tiles.ts';

const ALL: readonly TileBlock[] = [null];
const LAYER: TimelineFilters = { layer: 3 };
const ADDRESS = { level: 20, index: Number(1_795_800_300_123_456_789n >> 20n) };
const { fromUnixNs, toUnixNs } = tileExtent(ADDRESS);
const BOUNDS = { fromUnixNs: fromUnixNs - 10n ** 9n, toUnixNs: toUnixNs + 10n ** 9n };
/** All of one tile. */
const VIEW = viewAt(fromUnixNs, 0, Number(toUnixNs - fromUnixNs));
const WIDTH_PX = 1024;

/** A loader whose server knows one event of each layer; `asked` are the filters of the view's tile. */
function loaderOf() {
  const asked: (number | undefined)[] = [];
  const loader = new TileLoader({
    deployment: 'prod',
    onChange: () => {},
    onDrop: () => {},
    fetchTile: (_deployment, { layer, from }) => {
      if (from === String(fromUnixNs)) asked.push(layer);
      const event = { row: 0, stream: 0, startNs: 10, durationNs: 100, stage: 0 };
      const events = layer === undefined ? [event, { ...event, startNs: 500 }] : [event];
      return Promise.resolve(eventTile({ ...ADDRESS, rows: 1 }, events));
    },
  });
  const tiles = (filters: TimelineFilters, isDim: boolean) =>
    loader.tiles(VIEW, WIDTH_PX, ALL, filters, BOUNDS, isDim);
  return { loader, asked, tiles };
}

const settle = () => new Promise((done) => setTimeout(done, 0));

describe('tiles of a filter', () => {
  let close = () => {};
  afterEach(() => {
    close();
    vi.useRealTimers();
  });

  test('the view is one tile', () => {
    expect(wantedTiles(VIEW, levelOf(VIEW, WIDTH_PX))).toEqual([ADDRESS]);
  });

  test('what it takes away is not asked for, unless it is to be seen faintly', async () => {
    const { loader, asked, tiles } = loaderOf();
    close = () => loader.close();
    expect(tiles(LAYER, false).loading).toBe(1);
    await settle();
    const hidden = tiles(LAYER, false);
    expect([hidden.pieces.length, hidden.faded.length]).toEqual([1, 0]);
    expect(asked).toEqual([3]);

    expect(tiles(LAYER, true).loading).toBe(1);
    await settle();
    const dimmed = tiles(LAYER, true);
    expect(asked).toEqual([3, undefined]);
    expect(dimmed.pieces).toEqual(hidden.pieces);
    expect(
      dimmed.faded.map(({ tile, isFaded }) => [tile.tile.columns.row.length, isFaded]),
    ).toEqual([[2, true]]);
    expect(loader.cover(VIEW, WIDTH_PX, ALL)).toEqual([...dimmed.faded, ...dimmed.pieces]);

    expect(tiles(LAYER, false).faded).toEqual([]);
    expect(loader.cover(VIEW, WIDTH_PX, ALL)).toEqual(hidden.pieces);
  });

  test('without a filter nothing is faint', async () => {
    const { loader, asked, tiles } = loaderOf();
    close = () => loader.close();
    tiles({}, true);
    await settle();
    const { pieces, faded } = tiles({}, true);
    expect([pieces.length, faded.length]).toEqual([1, 0]);
    expect(asked).toEqual([undefined]);
  });
});
