/** The workers of the picture, as far as they are known, and the blocks that tiles of them are asked for in. */
import type { TimelineWorker, WorkerRow } from '#lib/view/timeline-rows.ts';

/** Workers that are asked for together; null: all of the deployment. */
export type TileBlock = readonly string[] | null;

/** Up to so many workers are asked for together, and need not be known before. */
export const BLOCK_WORKERS = 48;

export class PictureWorkers {
  readonly #expected: number;
  #list: readonly TimelineWorker[] = [];

  /** `expected`: workers that the deployment is said to have. */
  constructor(expected: number) {
    this.#expected = expected;
  }

  /** In an order that does not change as the picture moves; the same array as long as they are the same. */
  get list(): readonly TimelineWorker[] {
    return this.#list;
  }

  /** false: all of it was known. */
  learn(workers: readonly TimelineWorker[]): boolean {
    const known = new Map(this.#list.map((worker) => [worker.workerId, worker]));
    // A worker may be seen before its host is known.
    const fresh = workers.filter(({ workerId, host }) => {
      const old = known.get(workerId);
      return old === undefined || (old.host === '' && host !== '');
    });
    if (fresh.length === 0) return false;
    for (const worker of fresh) known.set(worker.workerId, worker);
    this.#list = [...known.values()].sort(
      (a, b) => a.group.localeCompare(b.group) || a.rank - b.rank,
    );
    return true;
  }

  /** The blocks that these rows lie in. */
  blocksOf(rows: readonly WorkerRow[]): readonly TileBlock[] {
    if (this.#expected <= BLOCK_WORKERS && this.#list.length <= BLOCK_WORKERS) return [null];
    const ids = this.#list.map(({ workerId }) => workerId);
    const places = new Map(ids.map((id, at) => [id, Math.floor(at / BLOCK_WORKERS)]));
    const seen = new Set(rows.map(({ worker }) => places.get(worker.workerId) ?? 0));
    return [...seen]
      .sort((a, b) => a - b)
      .map((block) => ids.slice(block * BLOCK_WORKERS, (block + 1) * BLOCK_WORKERS));
  }
}
