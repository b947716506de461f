/**
 * The tiles that came, by block of workers and filter, up to a number of bytes: over it those go that no
 * frame drew for the longest time.
 */
import type { LoadedTile } from '#lib/view/timeline-boxes.ts';
import { TileSet, tileExtent } from '#lib/view/timeline-tiles.ts';
import type { TileBlock } from './picture-workers.ts';

const MAX_BYTES = 384 * 2 ** 20;
/** Once there is too much, so much of the limit is left: not every tile that comes sorts them all. */
const LEFT_SHARE = 0.8;
/** Events may come this much later than their time. */
const LATE_NS = 12_000_000_000n;
const REFRESH_MS = 1_000;

/** What was known when a tile was asked for. */
export interface AskedAt {
  readonly newestUnixNs: bigint;
  /** On the clock of `performance.now()`. */
  readonly askedMs: number;
}

interface Kept extends AskedAt {
  readonly set: TileSet<LoadedTile>;
  /** Number of the last frame that drew it. */
  used: number;
}

export class KeptTiles {
  readonly #onDrop: (tile: LoadedTile) => void;
  readonly #maxBytes: number;
  readonly #sets = new Map<string, TileSet<LoadedTile>>();
  readonly #kept = new Map<LoadedTile, Kept>();
  #bytes = 0;
  #frame = 0;

  /** `onDrop` is told of each tile that is no longer kept. */
  constructor(onDrop: (tile: LoadedTile) => void, maxBytes = MAX_BYTES) {
    this.#onDrop = onDrop;
    this.#maxBytes = maxBytes;
  }

  get sizeBytes(): number {
    return this.#bytes;
  }

  /** Events of all tiles that have events for themselves. */
  get events(): number {
    let events = 0;
    for (const { tile } of this.#kept.keys()) {
      if (tile.detail === 'events') events += tile.columns.startNs.length;
    }
    return events;
  }

  /** What is drawn from here on belongs to a new frame. */
  nextFrame(): void {
    this.#frame++;
  }

  /** To read: tiles come in by `keep`. */
  setOf(block: TileBlock, filterKey: string): TileSet<LoadedTile> {
    const key = `${filterKey} ${block?.join(',') ?? ''}`;
    let set = this.#sets.get(key);
    if (set === undefined) {
      set = new TileSet();
      this.#sets.set(key, set);
    }
    return set;
  }

  /** This frame draws it. What is not kept is left alone. */
  use(tile: LoadedTile): void {
    const kept = this.#kept.get(tile);
    if (kept !== undefined) kept.used = this.#frame;
  }

  /** Is there newer data of a tile that was not complete when it was asked for? */
  isGrowing(tile: LoadedTile, newestUnixNs: bigint, nowMs: number): boolean {
    const kept = this.#kept.get(tile);
    if (kept === undefined) return false;
    if (tileExtent(tile).toUnixNs + LATE_NS <= kept.newestUnixNs) return false;
    return newestUnixNs > kept.newestUnixNs && nowMs - kept.askedMs >= REFRESH_MS;
  }

  /** In the place of one that was there. The tiles of this frame and of the last stay in any case. */
  keep(block: TileBlock, filterKey: string, tile: LoadedTile, asked: AskedAt): void {
    const set = this.setOf(block, filterKey);
    const before = set.get(tile);
    if (before !== undefined) this.#drop(before);
    set.set(tile);
    const { newestUnixNs, askedMs } = asked;
    this.#kept.set(tile, { set, newestUnixNs, askedMs, used: this.#frame });
    this.#bytes += tile.sizeBytes;
    if (this.#bytes > this.#maxBytes) this.#makeRoom();
  }

  #makeRoom(): void {
    const oldest = [...this.#kept].sort(([, a], [, b]) => a.used - b.used);
    for (const [tile, { used }] of oldest) {
      if (this.#bytes <= this.#maxBytes * LEFT_SHARE || used >= this.#frame - 1) break;
      this.#drop(tile);
    }
  }

  #drop(tile: LoadedTile): void {
    this.#kept.get(tile)?.set.delete(tile);
    this.#kept.delete(tile);
    this.#bytes -= tile.sizeBytes;
    this.#onDrop(tile);
  }

  clear(): void {
    for (const tile of [...this.#kept.keys()]) this.#drop(tile);
  }
}
