/**
 * Asks for the tiles that the picture needs, keeps them up to a number of bytes, and says at any time
 * what can be drawn. Requests that the view has left behind are cancelled; tiles at the newest edge
 * are asked for again as data comes.
 */
import { ApiProblem } from '#lib/api/client.ts';
import type { Problem } from '#lib/api/problem.ts';
import { fetchTimelineTile, type TimelineTile } from '#lib/api/timeline-client.ts';
import { errorText } from '#lib/base/error-text.ts';
import { type LoadedTile, loadedTile, WorkerRegistry } from '#lib/view/timeline-boxes.ts';
import type { TimelineFilters } from '#lib/view/timeline-selection.ts';
import {
  type Cover,
  coverView,
  levelOf,
  TILE_PX,
  type TileAddress,
  type TilePiece,
  TileSet,
  tileExtent,
  wantedTiles,
} from '#lib/view/timeline-tiles.ts';
import { type TimelineExtent, type TimelineViewport, viewOf } from '#lib/view/timeline-viewport.ts';

/** Workers that are asked for together; null: all of the deployment. */
export type TileBlock = readonly string[] | null;

export type FetchTile = typeof fetchTimelineTile;

const MAX_BYTES = 384 * 2 ** 20;
const MAX_REQUESTS = 4;
/** Part of the view's span that is loaded on both sides before it is seen. */
const PADDING = 0.3;
/** A zoom in motion passes levels that nobody will see. */
const STEADY_MS = 50;
const RETRY_MS = 1_500;
/** Events may come this much later than their time. */
const LATE_NS = 12_000_000_000n;
const REFRESH_MS = 1_000;
/** How much of what tiles took is remembered at the next one. */
const LATENCY_KEPT = 0.8;

interface Kept {
  readonly loaded: LoadedTile;
  readonly set: TileSet<LoadedTile>;
  /** Newest data when it was asked for. */
  readonly newestUnixNs: bigint;
  readonly askedMs: number;
  /** Number of the last frame that drew it. */
  used: number;
}

interface Wanted {
  readonly block: TileBlock;
  readonly address: TileAddress;
  readonly wish: Wish;
}

/** Events that are wanted together. */
interface Wish {
  readonly filters: TimelineFilters;
  readonly key: string;
}

const EVERYTHING: Wish = { filters: {}, key: '{}' };

interface Asked {
  readonly controller: AbortController;
  /** The last frame that wanted it. */
  wanted: number;
}

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
  readonly #options: LoaderOptions;
  readonly #fetch: FetchTile;
  #sets = new Map<string, TileSet<LoadedTile>>();
  #kept = new Map<LoadedTile, Kept>();
  #asked = new Map<string, Asked>();
  /** Keys of those that failed when they were last asked for. */
  #failed = new Set<string>();
  #bytes = 0;
  #frame = 0;
  #level = -1;
  #levelSinceMs = 0;
  #failedUntilMs = 0;
  #latencyMs = 0;
  #problem: Problem | null = null;
  #wish: Wish = { filters: {}, key: '' };
  #isDim = false;
  /** Of the filter before, drawn until the new one's tiles are there. */
  #oldFilterKey = '';
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  constructor(options: LoaderOptions) {
    this.#options = options;
    this.#fetch = options.fetchTile ?? fetchTimelineTile;
  }

  /** Why the newest tiles could not be had; null once one came again. */
  get problem(): Problem | null {
    return this.#problem;
  }

  /** How long tiles take to come: of the last ones the longest, which fades. */
  get latencyMs(): number {
    return this.#latencyMs;
  }

  get loadedEvents(): number {
    let events = 0;
    for (const { tile } of this.#kept.keys()) {
      if (tile.detail === 'events') events += tile.columns.startNs.length;
    }
    return events;
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
    this.#frame++;
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
    const wanted: Wanted[] = [];
    const later: Wanted[] = [];
    let loading = 0;
    const wishes = this.#isDim ? [this.#wish, EVERYTHING] : [this.#wish];
    for (const [block, wish] of wishes.flatMap((one) => blocks.map((of) => [of, one] as const))) {
      const set = this.#setOf(block, wish.key);
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
          const kept = this.#kept.get(known);
          if (kept !== undefined && isGrowing(kept, bounds, nowMs))
            later.push({ block, address, wish });
          continue;
        }
        if (!reaches(address, bounds)) continue;
        if (set.coarser(address, (tile) => tile.servesNsPerPx <= nsPerPx) !== undefined) continue;
        if (!missing.some(({ index }) => index === address.index)) {
          later.push({ block, address, wish });
        }
      }
      for (const { tile } of shown) {
        const kept = this.#kept.get(tile);
        if (kept === undefined) continue;
        kept.used = this.#frame;
        if (isGrowing(kept, bounds, nowMs)) later.unshift({ block, address: tile, wish });
      }
    }
    const spare = [...later, ...this.#backdrop(blocks, widthPx, bounds)];
    this.#ask(wanted, spare, bounds, nowMs);
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
          coverView(this.#setOf(block, EVERYTHING.key), view, widthPx, this.#level).pieces.map(
            fadedPiece,
          ),
        )
      : [];
    const own = blocks.flatMap((block) => {
      const set = this.#setOf(block, this.#wish.key);
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
    return coverView(this.#setOf(block, this.#oldFilterKey), view, widthPx, level).pieces;
  }

  /** Tiles of all that is kept: wherever the view jumps to, they stand in. */
  #backdrop(
    blocks: readonly TileBlock[],
    widthPx: number,
    bounds: TimelineExtent,
  ): readonly Wanted[] {
    const whole = viewOf(bounds);
    const addresses = wantedTiles(whole, levelOf(whole, widthPx));
    return blocks.flatMap((block) =>
      addresses.flatMap((address) => {
        const wish = this.#wish;
        const tile = this.#setOf(block, wish.key).get(address);
        const kept = tile === undefined ? undefined : this.#kept.get(tile);
        if (kept !== undefined) kept.used = this.#frame;
        return tile === undefined ? [{ block, address, wish }] : [];
      }),
    );
  }

  #setOf(block: TileBlock, filterKey: string): TileSet<LoadedTile> {
    const key = `${filterKey} ${block?.join(',') ?? ''}`;
    let set = this.#sets.get(key);
    if (set === undefined) {
      set = new TileSet();
      this.#sets.set(key, set);
    }
    return set;
  }

  /** `spare`: what is not in the view; it is asked for once nothing in the view is missing. */
  #ask(
    wanted: readonly Wanted[],
    spare: readonly Wanted[],
    bounds: TimelineExtent,
    nowMs: number,
  ): void {
    const isMoving = nowMs - this.#levelSinceMs < STEADY_MS;
    const mustWait = isMoving || nowMs < this.#failedUntilMs;
    if (mustWait && wanted.length + spare.length > 0) {
      this.#wake(Math.max(STEADY_MS, this.#failedUntilMs - nowMs));
    }
    // What cannot be had must not keep everything else from coming.
    let isViewMissing = false;
    for (const [at, one] of [...wanted, ...spare].entries()) {
      const { block, address, wish } = one;
      const key = `${wish.key} ${block?.join(',') ?? ''} ${address.level} ${address.index}`;
      const isSpare = at >= wanted.length;
      if (!isSpare && !this.#failed.has(key)) isViewMissing = true;
      const asked = this.#asked.get(key);
      if (asked !== undefined) asked.wanted = this.#frame;
      else if (!mustWait && !(isSpare && isViewMissing) && this.#asked.size < MAX_REQUESTS) {
        void this.#load(key, one, bounds.toUnixNs);
      }
    }
    for (const { controller, wanted: lastWanted } of this.#asked.values()) {
      if (lastWanted < this.#frame) controller.abort();
    }
  }

  /** Draws again after a while, which asks again. */
  #wake(afterMs: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (!this.#isClosed) this.#options.onChange();
    }, afterMs);
  }

  async #load(key: string, { block, address, wish }: Wanted, newestUnixNs: bigint): Promise<void> {
    const controller = new AbortController();
    this.#asked.set(key, { controller, wanted: this.#frame });
    const { fromUnixNs, toUnixNs } = tileExtent(address);
    const set = this.#setOf(block, wish.key);
    const askedMs = performance.now();
    try {
      const tile = await this.#fetch(
        this.#options.deployment,
        {
          ...wish.filters,
          ...(block === null ? {} : { workers: block }),
          from: String(fromUnixNs),
          to: String(toUnixNs),
          bins: TILE_PX,
        },
        { signal: controller.signal },
      );
      this.#latencyMs = Math.max(performance.now() - askedMs, this.#latencyMs * LATENCY_KEPT);
      this.#keep(address, set, tile, newestUnixNs, askedMs);
      this.#problem = null;
      this.#failed.delete(key);
    } catch (error) {
      if (!controller.signal.aborted) {
        this.#failed.add(key);
        this.#fail(error);
      }
    }
    this.#asked.delete(key);
    if (!this.#isClosed) this.#options.onChange();
  }

  #fail(error: unknown): void {
    this.#failedUntilMs = performance.now() + RETRY_MS;
    this.#problem =
      error instanceof ApiProblem
        ? error.problem
        : {
            type: 'about:blank#internal',
            title: 'A part of the timeline cannot be shown',
            status: 0,
            detail: errorText(error),
          };
    this.#wake(RETRY_MS);
  }

  #keep(
    address: TileAddress,
    set: TileSet<LoadedTile>,
    tile: TimelineTile,
    newestUnixNs: bigint,
    askedMs: number,
  ): void {
    const before = set.get(address);
    const loaded = loadedTile(address, tile, this.registry);
    if (before !== undefined) this.#drop(before);
    set.set(loaded);
    this.#kept.set(loaded, { loaded, set, newestUnixNs, askedMs, used: this.#frame });
    this.#bytes += loaded.sizeBytes;
    if (this.#bytes <= MAX_BYTES) return;
    const oldest = [...this.#kept.values()].sort((a, b) => a.used - b.used);
    for (const { loaded: old, used } of oldest) {
      if (this.#bytes <= MAX_BYTES * 0.8 || used >= this.#frame - 1) break;
      this.#drop(old);
    }
  }

  #drop(tile: LoadedTile): void {
    this.#kept.get(tile)?.set.delete(tile);
    this.#kept.delete(tile);
    this.#bytes -= tile.sizeBytes;
    this.#options.onDrop(tile);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const { controller } of this.#asked.values()) controller.abort();
    for (const tile of [...this.#kept.keys()]) this.#drop(tile);
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

/** Is there newer data of a tile that was not complete when it was asked for? */
function isGrowing(kept: Kept, bounds: TimelineExtent, nowMs: number): boolean {
  const { toUnixNs } = tileExtent(kept.loaded);
  if (toUnixNs + LATE_NS <= kept.newestUnixNs) return false;
  return bounds.toUnixNs > kept.newestUnixNs && nowMs - kept.askedMs >= REFRESH_MS;
}
