import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type CoverTile,
  coverView,
  levelOf,
  MIN_LEVEL,
  TILE_PX,
  TileSet,
  tileExtent,
  wantedTiles,
} from '#lib/view/timeline-tiles.ts';
import { extentOf, MIN_VIEW_NS, viewAt } from '#lib/view/timeline-viewport.ts';

const NOW = 1_795_800_300_123_456_789n;
const WIDTH_PX = 1300;

const view = fc
  .record({
    back: fc.bigInt({ min: 0n, max: 7_000_000_000_000n }),
    power: fc.double({ min: 4, max: 53, noNaN: true }),
  })
  .map(({ back, power }) => viewAt(NOW - back, 0.25, Math.max(MIN_VIEW_NS, 2 ** power)));

/** Tiles about the view: of its level, of closer ones, of coarser ones, picked by `bits`. */
function setOf(shown: ReturnType<typeof viewAt>, bits: readonly number[]): TileSet<CoverTile> {
  const tiles = new TileSet<CoverTile>();
  const level = levelOf(shown, WIDTH_PX);
  let at = 0;
  for (let own = Math.max(MIN_LEVEL, level - 5); own <= Math.min(53, level + 6); own++) {
    for (const address of wantedTiles(shown, own, 0.2)) {
      const bit = bits[at++ % bits.length]!;
      if (bit % 3 === 0) tiles.set({ ...address, servesNsPerPx: bit % 2 === 0 ? 0 : Infinity });
    }
  }
  return tiles;
}

describe('timeline tiles', () => {
  test('a view asks for tiles one to two times TILE_PX wide, side by side over all of it', () => {
    fc.assert(
      fc.property(view, (shown) => {
        const level = levelOf(shown, WIDTH_PX);
        const wanted = wantedTiles(shown, level);
        const tilePx = (2 ** level / shown.spanNs) * WIDTH_PX;
        if (level > MIN_LEVEL) {
          expect(tilePx).toBeGreaterThanOrEqual(TILE_PX * (1 - 1e-9));
          expect(tilePx).toBeLessThanOrEqual(2 * TILE_PX * (1 + 1e-9));
        }
        const { fromUnixNs, toUnixNs } = extentOf(shown);
        expect(tileExtent(wanted[0]!).fromUnixNs <= fromUnixNs).toBe(true);
        expect(tileExtent(wanted.at(-1)!).toUnixNs >= toUnixNs).toBe(true);
        for (let i = 1; i < wanted.length; i++) {
          expect(tileExtent(wanted[i]!).fromUnixNs).toBe(tileExtent(wanted[i - 1]!).toUnixNs);
        }
        expect(wanted.length).toBeLessThanOrEqual(3);
      }),
    );
  });

  test('panning within a tile asks for nothing new, and neighbours share their tiles', () => {
    const level = 30;
    const shown = viewAt((NOW >> 30n) << 30n, 2 ** 28, 2 ** 29);
    expect(levelOf(shown, 640)).toBe(level);
    const same = viewAt(shown.fromUnixNs, 2 ** 27, 2 ** 29);
    expect(wantedTiles(same, level)).toEqual(wantedTiles(shown, level));
  });

  test('the cover has no holes where some tile reaches, and never draws a place twice', () => {
    fc.assert(
      fc.property(
        view,
        fc.array(fc.nat(11), { minLength: 7, maxLength: 40 }),
        fc.boolean(),
        (shown, bits, hasRoot) => {
          const tiles = setOf(shown, bits);
          if (hasRoot) {
            for (const root of wantedTiles(shown, 54))
              tiles.set({ ...root, servesNsPerPx: Infinity });
          }
          const { pieces, missing } = coverView(tiles, shown, WIDTH_PX);
          const sorted = [...pieces].sort((a, b) => (a.fromUnixNs < b.fromUnixNs ? -1 : 1));
          for (const [i, piece] of sorted.entries()) {
            const own = tileExtent(piece.tile);
            expect(piece.fromUnixNs >= own.fromUnixNs && piece.toUnixNs <= own.toUnixNs).toBe(true);
            if (i > 0) expect(piece.fromUnixNs >= sorted[i - 1]!.toUnixNs).toBe(true);
          }
          if (!hasRoot) return;
          const { fromUnixNs, toUnixNs } = extentOf(shown);
          let at = sorted[0]!.fromUnixNs;
          expect(at <= fromUnixNs).toBe(true);
          for (const piece of sorted) {
            expect(piece.fromUnixNs).toBe(at);
            at = piece.toUnixNs;
          }
          expect(at >= toUnixNs).toBe(true);
          // What is not missing is drawn from a tile that is as good as its own.
          const nsPerPx = shown.spanNs / WIDTH_PX;
          const level = levelOf(shown, WIDTH_PX);
          for (const address of wantedTiles(shown, level)) {
            if (missing.some(({ index }) => index === address.index)) continue;
            const from = tileExtent(address).fromUnixNs;
            const piece = pieces.find((p) => p.fromUnixNs <= from && from < p.toUnixNs)!;
            expect(piece.tile.level === level || piece.tile.servesNsPerPx <= nsPerPx).toBe(true);
          }
        },
      ),
    );
  });

  test('a tile of events serves closer views; one of bins does not', () => {
    const tiles = new TileSet<CoverTile>();
    const shown = viewAt(NOW, 0, 2 ** 24);
    const [events] = wantedTiles(shown, 30);
    tiles.set({ ...events!, servesNsPerPx: 0 });
    expect(coverView(tiles, shown, WIDTH_PX).missing).toEqual([]);
    tiles.set({ ...events!, servesNsPerPx: Infinity });
    expect(coverView(tiles, shown, WIDTH_PX).missing.length).toBeGreaterThan(0);
    expect(coverView(tiles, shown, WIDTH_PX).pieces.length).toBeGreaterThan(0);
  });

  test('a deleted tile is gone, unless a newer one took its place', () => {
    const tiles = new TileSet<CoverTile>();
    const old = { level: 25, index: 7, servesNsPerPx: 0 };
    const fresh = { ...old };
    tiles.set(old);
    tiles.set(fresh);
    tiles.delete(old);
    expect(tiles.get(old)).toBe(fresh);
    tiles.delete(fresh);
    expect(tiles.isEmpty).toBe(true);
  });
});
