/**
 * Which tiles a view needs, and what stands in for those that are not there yet.
 *
 *     level 31  ├──────────────── 2^31 ns ─────────────────┤   a coarser tile, or one with events
 *     level 30  ├────────────────────┼─────────────────────┤   what the view asks for
 *     level 29  ├─────────┼──────────┤                         left over from a closer look
 *
 * Tiles of a level lie side by side from the epoch on, so that every view of the same zoom shares
 * them. A tile of events serves all closer views too. Where the wanted tile is missing the view is
 * filled with closer ones, and where those leave holes with the nearest coarser one.
 */
import { extentOf, type TimelineExtent, type TimelineViewport } from './timeline-viewport.ts';

export interface TileAddress {
  /** The tile is 2^level ns wide. */
  readonly level: number;
  /** It begins at index * 2^level ns after the epoch. */
  readonly index: number;
}

/** What the cover must know of a tile. */
export interface CoverTile extends TileAddress {
  /** Closest view, in ns a pixel, that it shows as well as a tile of its own would; Infinity: none. */
  readonly servesNsPerPx: number;
}

/** A tile and the part of it that is drawn. */
export interface TilePiece<T> extends TimelineExtent {
  readonly tile: T;
  /** Drawn faintly, below what a filter leaves. */
  readonly isFaded?: boolean;
}

/** Do two pictures show the same parts of the same tiles? */
export function samePieces<T>(a: readonly TilePiece<T>[], b: readonly TilePiece<T>[]): boolean {
  if (a.length !== b.length) return false;
  return a.every(({ tile, fromUnixNs, toUnixNs }, at) => {
    const other = b[at]!;
    return tile === other.tile && fromUnixNs === other.fromUnixNs && toUnixNs === other.toUnixNs;
  });
}

export interface Cover<T> {
  /** Disjoint; without holes wherever some tile reaches. */
  readonly pieces: readonly TilePiece<T>[];
  readonly missing: readonly TileAddress[];
}

/** Tiles are 1 ms at least: closer views take their events from it. Indices then fit a double. */
export const MIN_LEVEL = 20;
const MAX_LEVEL = 54;
/** A tile is one to two times this wide on the screen, and has about as many bins. */
export const TILE_PX = 1024;
/** How many levels closer tiles may stand in. */
const CLOSER_LEVELS = 4;

export function levelOf(view: TimelineViewport, widthPx: number): number {
  const tileNs = (view.spanNs / Math.max(1, widthPx)) * TILE_PX;
  return Math.min(MAX_LEVEL, Math.max(MIN_LEVEL, Math.ceil(Math.log2(tileNs))));
}

export function tileExtent({ level, index }: TileAddress): TimelineExtent {
  const fromUnixNs = BigInt(index) << BigInt(level);
  return { fromUnixNs, toUnixNs: fromUnixNs + (1n << BigInt(level)) };
}

/** Tiles of `level` that touch the view widened by `padding` of its span on both sides. */
export function wantedTiles(
  view: TimelineViewport,
  level: number,
  padding = 0,
): readonly TileAddress[] {
  const { fromUnixNs, toUnixNs } = extentOf(view);
  const pad = BigInt(Math.round(view.spanNs * padding));
  const first = Number((fromUnixNs - pad) >> BigInt(level));
  const last = Number((toUnixNs + pad - 1n) >> BigInt(level));
  return Array.from({ length: last - first + 1 }, (_, i) => ({ level, index: first + i }));
}

/** Tiles of the same rows and filter, by address. */
export class TileSet<T extends CoverTile> {
  #levels = new Map<number, Map<number, T>>();

  get({ level, index }: TileAddress): T | undefined {
    return this.#levels.get(level)?.get(index);
  }

  set(tile: T): void {
    const tiles = this.#levels.get(tile.level) ?? new Map<number, T>();
    this.#levels.set(tile.level, tiles.set(tile.index, tile));
  }

  delete(tile: T): void {
    const tiles = this.#levels.get(tile.level);
    if (tiles?.get(tile.index) !== tile) return;
    tiles.delete(tile.index);
    if (tiles.size === 0) this.#levels.delete(tile.level);
  }

  get isEmpty(): boolean {
    return this.#levels.size === 0;
  }

  /** The nearest coarser tile over an address that `suits`. */
  coarser({ level, index }: TileAddress, suits: (tile: T) => boolean = () => true): T | undefined {
    for (let up = level + 1; up <= MAX_LEVEL; up++) {
      const tiles = this.#levels.get(up);
      if (tiles === undefined) continue;
      const tile = tiles.get(Math.floor(index / 2 ** (up - level)));
      if (tile !== undefined && suits(tile)) return tile;
    }
    return undefined;
  }

  hasCloser(level: number): boolean {
    for (let down = level - 1; down >= level - CLOSER_LEVELS; down--) {
      if (this.#levels.has(down)) return true;
    }
    return false;
  }
}

/** Fills the view from `tiles`; `missing` are those to ask for, also where something stands in. */
export function coverView<T extends CoverTile>(
  tiles: TileSet<T>,
  view: TimelineViewport,
  widthPx: number,
  level = levelOf(view, widthPx),
): Cover<T> {
  const nsPerPx = view.spanNs / Math.max(1, widthPx);
  const pieces: TilePiece<T>[] = [];
  const missing: TileAddress[] = [];
  for (const address of wantedTiles(view, level)) {
    const own = tiles.get(address);
    if (own !== undefined) {
      pieces.push({ tile: own, ...tileExtent(address) });
      continue;
    }
    const serving = tiles.coarser(address, (tile) => tile.servesNsPerPx <= nsPerPx);
    if (serving !== undefined) {
      pieces.push({ tile: serving, ...tileExtent(address) });
      continue;
    }
    missing.push(address);
    if (tiles.hasCloser(level)) fillCloser(tiles, address, level - CLOSER_LEVELS, pieces);
    else fillCoarser(tiles, address, pieces);
  }
  return { pieces, missing };
}

/** Halves the address until a tile is there, or the lowest level reached. */
function fillCloser<T extends CoverTile>(
  tiles: TileSet<T>,
  address: TileAddress,
  lowest: number,
  pieces: TilePiece<T>[],
): void {
  const own = tiles.get(address);
  if (own !== undefined) {
    pieces.push({ tile: own, ...tileExtent(address) });
    return;
  }
  if (address.level <= lowest || !tiles.hasCloser(address.level)) {
    fillCoarser(tiles, address, pieces);
    return;
  }
  const half = { level: address.level - 1, index: address.index * 2 };
  fillCloser(tiles, half, lowest, pieces);
  fillCloser(tiles, { ...half, index: half.index + 1 }, lowest, pieces);
}

function fillCoarser<T extends CoverTile>(
  tiles: TileSet<T>,
  address: TileAddress,
  pieces: TilePiece<T>[],
): void {
  const tile = tiles.coarser(address);
  if (tile === undefined) return;
  const extent = tileExtent(address);
  const last = pieces.at(-1);
  // Neighbours of one tile are one piece.
  if (last?.tile === tile && last.toUnixNs === extent.fromUnixNs) {
    pieces[pieces.length - 1] = { ...last, toUnixNs: extent.toUnixNs };
  } else pieces.push({ tile, ...extent });
}
