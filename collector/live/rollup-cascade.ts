/** 1 s rollups, added up to 10 s and 60 s as they come. */
import { mergeRollups, type Rollups } from '#lib/analysis/rollup-buckets.ts';
import { NS_PER_S, type UnixNanos } from '#lib/base/units.ts';

export class RollupCascade {
  readonly #levels = [new Level(10 * NS_PER_S), new Level(60 * NS_PER_S)];

  /**
   * Where the rows begin. A coarse bucket that began earlier gets no row, unless `complete` says
   * that there was nothing before.
   */
  begin(fromUnixNs: UnixNanos, complete: boolean): void {
    if (complete) return;
    for (const level of this.#levels) level.skipUntil = fromUnixNs;
  }

  /** The 1 s rows given, and the coarse ones that end at or before `closedUntil`. */
  add(fine: Rollups, closedUntil: UnixNanos): Rollups {
    const workers = [...fine.workers];
    const deployments = [...fine.deployments];
    for (const level of this.#levels) {
      const coarse = level.add(fine, closedUntil);
      for (const row of coarse.workers) workers.push(row);
      for (const row of coarse.deployments) deployments.push(row);
    }
    return { workers, deployments };
  }
}

class Level {
  readonly #resolutionNs: number;
  #open: Rollups = { workers: [], deployments: [] };
  /** Coarse buckets that start before this are not ours to write. */
  skipUntil: bigint = 0n;

  constructor(resolutionNs: number) {
    this.#resolutionNs = resolutionNs;
  }

  add(fine: Rollups, closedUntil: UnixNanos): Rollups {
    const merged = mergeRollups(
      {
        workers: [...this.#open.workers, ...fine.workers],
        deployments: [...this.#open.deployments, ...fine.deployments],
      },
      this.#resolutionNs,
    );
    const isClosed = (row: { readonly bucketStartUnixNs: bigint }): boolean =>
      row.bucketStartUnixNs + BigInt(this.#resolutionNs) <= closedUntil;
    const isOurs = (row: { readonly bucketStartUnixNs: bigint }): boolean =>
      isClosed(row) && row.bucketStartUnixNs >= this.skipUntil;
    this.#open = {
      workers: merged.workers.filter((row) => !isClosed(row)),
      deployments: merged.deployments.filter((row) => !isClosed(row)),
    };
    return {
      workers: merged.workers.filter(isOurs),
      deployments: merged.deployments.filter(isOurs),
    };
  }
}
