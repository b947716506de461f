/**
 * The requests for tiles: a few at a time, what is in the view first. Those that nobody wants any more
 * are cancelled, and after a failure nothing is asked for until a while has passed.
 */
import { ApiProblem } from '#lib/api/client.ts';
import type { Problem } from '#lib/api/problem.ts';
import { fetchTimelineTile, type TimelineTile } from '#lib/api/timeline-client.ts';
import { errorText } from '#lib/base/error-text.ts';
import type { TimelineFilters } from '#lib/view/timeline-selection.ts';
import { TILE_PX, type TileAddress, tileExtent } from '#lib/view/timeline-tiles.ts';
import type { AskedAt } from './kept-tiles.ts';
import type { TileBlock } from './picture-workers.ts';

export type FetchTile = typeof fetchTimelineTile;

/** Events that are wanted together. */
export interface Wish {
  readonly filters: TimelineFilters;
  readonly key: string;
}

export interface TileRequest {
  readonly block: TileBlock;
  readonly address: TileAddress;
  readonly wish: Wish;
}

/** What holds while it is asked. */
export interface RequestTurn {
  /** Newest data that there is. */
  readonly newestUnixNs: bigint;
  /** The zoom is in motion: nothing new is asked for now. */
  readonly isMoving: boolean;
  /** On the clock of `performance.now()`. */
  readonly nowMs: number;
}

export interface RequestOptions {
  readonly deployment: string;
  readonly onTile: (request: TileRequest, tile: TimelineTile, asked: AskedAt) => void;
  /** Something arrived or failed, or what had to wait may be asked for now. */
  readonly onChange: () => void;
  readonly fetchTile?: FetchTile;
}

/** A zoom in motion passes levels that nobody will see. */
export const STEADY_MS = 50;
const MAX_REQUESTS = 4;
const RETRY_MS = 1_500;
/** How much of what tiles took is remembered at the next one. */
const LATENCY_KEPT = 0.8;

interface Asked {
  readonly controller: AbortController;
  /** The last turn that wanted it. */
  wanted: number;
}

export class TileRequests {
  readonly #options: RequestOptions;
  readonly #fetch: FetchTile;
  readonly #asked = new Map<string, Asked>();
  /** Keys of those that failed when they were last asked for. */
  readonly #failed = new Set<string>();
  #turn = 0;
  #failedUntilMs = 0;
  #latencyMs = 0;
  #problem: Problem | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  constructor(options: RequestOptions) {
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

  /**
   * All that is wanted now; what is not among it is cancelled. `spare` is what is not in the view: it is
   * asked for once nothing in the view is missing.
   */
  ask(wanted: readonly TileRequest[], spare: readonly TileRequest[], turn: RequestTurn): void {
    this.#turn++;
    const { newestUnixNs, isMoving, nowMs } = turn;
    const mustWait = isMoving || nowMs < this.#failedUntilMs;
    if (mustWait && wanted.length + spare.length > 0) {
      this.#wake(Math.max(STEADY_MS, this.#failedUntilMs - nowMs));
    }
    // What cannot be had must not keep everything else from coming.
    let isViewMissing = false;
    for (const [at, request] of [...wanted, ...spare].entries()) {
      const key = keyOf(request);
      const isSpare = at >= wanted.length;
      if (!isSpare && !this.#failed.has(key)) isViewMissing = true;
      const asked = this.#asked.get(key);
      if (asked !== undefined) asked.wanted = this.#turn;
      else if (!mustWait && !(isSpare && isViewMissing) && this.#asked.size < MAX_REQUESTS) {
        void this.#load(key, request, newestUnixNs);
      }
    }
    for (const { controller, wanted: lastWanted } of this.#asked.values()) {
      if (lastWanted < this.#turn) controller.abort();
    }
  }

  async #load(key: string, request: TileRequest, newestUnixNs: bigint): Promise<void> {
    const { block, address, wish } = request;
    const controller = new AbortController();
    this.#asked.set(key, { controller, wanted: this.#turn });
    const { fromUnixNs, toUnixNs } = tileExtent(address);
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
      this.#options.onTile(request, tile, { newestUnixNs, askedMs });
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

  /** Says after a while that there is something to ask for. */
  #wake(afterMs: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (!this.#isClosed) this.#options.onChange();
    }, afterMs);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const { controller } of this.#asked.values()) controller.abort();
  }
}

function keyOf({ block, address, wish }: TileRequest): string {
  return `${wish.key} ${block?.join(',') ?? ''} ${address.level} ${address.index}`;
}
