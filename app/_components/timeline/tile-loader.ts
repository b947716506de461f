/**
 * Says at any time what of the kept tiles can be drawn, and chooses which are to be had: those that the
 * view needs, and those that are likely next. Tiles at the newest edge are chosen again as data comes.
 */
import type { Problem } from '#lib/api/problem.ts';
import { type LoadedTile, loadedTile, WorkerRegistry } from '#lib/view/timeline-boxes.ts';
import type { TimelineFilters } from '#lib/view/timeline-selection.ts';
import {
  type Cover,
  coverView,
  levelOf,
  type TileAddress,
  type TilePiece,
  tileExtent,
  wantedTiles,
} from '#lib/view/timeline-tiles.ts';
import { type TimelineExtent, type TimelineViewport, viewOf } from '#lib/view/timeline-viewport.ts';
import { KeptTiles } from './kept-tiles.ts';
import type { TileBlock } from './picture-workers.ts';
import {
  type FetchTile,
  STEADY_MS,
  type TileRequest,
  TileRequests,
  type Wish,
} from './tile-requests.ts';

/** Part of the view's span that is loaded on both sides before it is seen. */
const PADDING = 0.3;
const EVERYTHING: Wish = { filters: {}, key: '{}' };

export interface LoaderOptions {
  readonly deployment: string;
  /** Something arrived or failed: draw again. */
  readonly onChange: () => void;
  /** Tiles that are no longer kept. */
  readonly onDrop: (tile: LoadedTile) => void;
  readonly fetchTile?: FetchTile;
}

export interface PictureTiles {
  readonly pieces: readonly TilePiece<LoadedTile>[];
  /** What the filters take away, if it is to be seen below what they leave. */
  readonly faded: readonly TilePiece<LoadedTile>[];
  /** Tiles in the view that are still asked for. */
  readonly loading: number;
}

export class TileLoader {
  readonly registry = new WorkerRegistry();
  readonly #kept: KeptTiles;
  readonly #requests: TileRequests;
  #level = -1;
  #levelSinceMs = 0;
  #wish: Wish = { filters: {}, key: '' };
  #isDim = false;
  /** Of the filter before, drawn until the new one's tiles are there. */
  #oldFilterKey = '';

  constructor({ onDrop, ...options }: LoaderOptions) {
    this.#kept = new KeptTiles(onDrop);
    this.#requests = new TileRequests({
      ...options,
      onTile: ({ block, address, wish }, tile, asked) => {
        this.#kept.keep(block, wish.key, loadedTile(address, tile, this.registry), asked);
      },
    });
  }

  /** Why the newest tiles could not be had; null once one came again. */
  get problem(): Problem | null {
    return this.#requests.problem;
  }

  /** How long tiles take to come: of the last ones the longest, which fades. */
  get latencyMs(): number {
    return this.#requests.latencyMs;
  }

  get loadedEvents(): number {
    return this.#kept.events;
  }

  /** What to draw of a view now; what is missing is asked for. */
  tiles(
    view: TimelineViewport,
    widthPx: number,
    blocks: readonly TileBlock[],
    filters: TimelineFilters,
    bounds: TimelineExtent,
    isDim = false,
  ): PictureTiles {
    this.#kept.nextFrame();
    this.#turnTo(filters, isDim);
    const level = levelOf(view, widthPx);
    const nowMs = performance.now();
    if (level !== this.#level) {
      // The first level is asked for at once.
      this.#levelSinceMs = this.#level === -1 ? nowMs - STEADY_MS : nowMs;
      this.#level = level;
    }
    const pieces: TilePiece<LoadedTile>[] = [];
    const faded: TilePiece<LoadedTile>[] = [];
    const wanted: TileRequest[] = [];
    const later: TileRequest[] = [];
    let loading = 0;
    const wishes = this.#isDim ? [this.#wish, EVERYTHING] : [this.#wish];
    for (const [block, wish] of wishes.flatMap((one) => blocks.map((of) => [of, one] as const))) {
      const set = this.#kept.setOf(block, wish.key);
      const cover = coverView(set, view, widthPx);
      const missing = cover.missing.filter((address) => reaches(address, bounds));
      loading += missing.length;
      const isMain = wish === this.#wish;
      const shown = isMain ? this.#shown(block, cover, view, widthPx, level) : cover.pieces;
      if (isMain) pieces.push(...shown);
      else faded.push(...shown.map(fadedPiece));
      for (const address of missing) wanted.push({ block, address, wish });
      const nsPerPx = view.spanNs / Math.max(1, widthPx);
      for (const address of wantedTiles(view, level, PADDING)) {
        const known = set.get(address);
        if (known !== undefined) {
          // A tail must have what it comes to.
          if (this.#kept.isGrowing(known, bounds.toUnixNs, nowMs)) {
            later.push({ block, address, wish });
          }
          continue;
        }
        if (!reaches(address, bounds)) continue;
        if (set.coarser(address, (tile) => tile.servesNsPerPx <= nsPerPx) !== undefined) continue;
        if (!missing.some(({ index }) => index === address.index)) {
          later.push({ block, address, wish });
        }
      }
      for (const { tile } of shown) {
        this.#kept.use(tile);
        if (this.#kept.isGrowing(tile, bounds.toUnixNs, nowMs)) {
          later.unshift({ block, address: tile, wish });
        }
      }
    }
    const spare = [...later, ...this.#backdrop(blocks, widthPx, bounds)];
    this.#requests.ask(wanted, spare, {
      newestUnixNs: bounds.toUnixNs,
      isMoving: nowMs - this.#levelSinceMs < STEADY_MS,
      nowMs,
    });
    return { pieces, faded, loading };
  }

  #turnTo(filters: TimelineFilters, isDim: boolean): void {
    if (filters !== this.#wish.filters || this.#wish.key === '') {
      const key = JSON.stringify(filters);
      if (key !== this.#wish.key) this.#oldFilterKey = this.#wish.key;
      this.#wish = { filters, key };
    }
    this.#isDim = isDim && this.#wish.key !== EVERYTHING.key;
  }

  /** What there is of a view that reaches beyond the last one, at the level of that one. */
  cover(
    view: TimelineViewport,
    widthPx: number,
    blocks: readonly TileBlock[],
  ): readonly TilePiece<LoadedTile>[] {
    const faded = this.#isDim
      ? blocks.flatMap((block) =>
          coverView(this.#kept.setOf(block, EVERYTHING.key), view, widthPx, this.#level).pieces.map(
            fadedPiece,
          ),
        )
      : [];
    const own = blocks.flatMap((block) => {
      const set = this.#kept.setOf(block, this.#wish.key);
      const cover = coverView(set, view, widthPx, this.#level);
      return this.#shown(block, cover, view, widthPx, this.#level);
    });
    return [...faded, ...own];
  }

  /** Until there is anything of the filter, what was drawn before it. */
  #shown(
    block: TileBlock,
    { pieces, missing }: Cover<LoadedTile>,
    view: TimelineViewport,
    widthPx: number,
    level: number,
  ): readonly TilePiece<LoadedTile>[] {
    if (pieces.length > 0 || missing.length === 0) return pieces;
    return coverView(this.#kept.setOf(block, this.#oldFilterKey), view, widthPx, level).pieces;
  }

  /** Tiles of all that is kept: wherever the view jumps to, they stand in. */
  #backdrop(
    blocks: readonly TileBlock[],
    widthPx: number,
    bounds: TimelineExtent,
  ): readonly TileRequest[] {
    const whole = viewOf(bounds);
    const addresses = wantedTiles(whole, levelOf(whole, widthPx));
    return blocks.flatMap((block) =>
      addresses.flatMap((address) => {
        const wish = this.#wish;
        const tile = this.#kept.setOf(block, wish.key).get(address);
        if (tile === undefined) return [{ block, address, wish }];
        this.#kept.use(tile);
        return [];
      }),
    );
  }

  close(): void {
    this.#requests.close();
    this.#kept.clear();
  }
}

function fadedPiece(piece: TilePiece<LoadedTile>): TilePiece<LoadedTile> {
  return { ...piece, isFaded: true };
}

/** Does a tile reach into what is kept? Elsewhere there is nothing to ask for. */
function reaches(address: TileAddress, bounds: TimelineExtent): boolean {
  const { fromUnixNs, toUnixNs } = tileExtent(address);
  return toUnixNs > bounds.fromUnixNs && fromUnixNs < bounds.toUnixNs;
}
