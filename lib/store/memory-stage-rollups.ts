/** Stage rollups in memory: seconds as they come, everything coarser made when asked for. */
import { floorTo, unixNanos } from '#lib/base/units.ts';
import { compareInstants } from '#lib/table/instants.ts';
import { StageBandSums, type StageBands } from '#lib/table/stage-bands.ts';
import { mergeStageRollups } from '#lib/table/stage-rollup-merge.ts';
import type { StageRollup } from '#lib/table/stage-rollups.ts';
import { ROLLUP_LEVELS_NS } from './rollup-levels.ts';
import type {
  RollupPart,
  RollupPartsSelection,
  RollupSelection,
  StageRollupSelection,
  StageSliceRow,
  StageSlicesSelection,
} from './telemetry-store.ts';

export class MemoryStageRollups {
  readonly #seconds = new Map<string, StageRollup>();

  add(parts: readonly StageRollup[]): void {
    for (const part of parts) {
      const key = JSON.stringify([part.deployment, String(part.bucketStartUnixNs), part.workerId]);
      const known = this.#seconds.get(key);
      this.#seconds.set(key, mergeStageRollups(known === undefined ? [part] : [known, part]));
    }
  }

  workers(selection: StageRollupSelection): StageRollup[] {
    const { workers } = selection;
    const wanted = this.#inWindow(selection).filter(
      ({ workerId }) => workers === undefined || workers.includes(workerId),
    );
    return grouped(wanted, ({ workerId }) => workerId, selection.resolutionNs)
      .map((rows) => mergeStageRollups(rows, selection.resolutionNs))
      .sort(byBucketAndWorker);
  }

  groups(selection: RollupSelection): StageRollup[] {
    return grouped(this.#inWindow(selection), ({ group }) => group, selection.resolutionNs)
      .map((rows) => {
        const sum = mergeStageRollups(rows, selection.resolutionNs);
        return { ...sum, workerId: `${sum.group}/*`, rank: -1, slices: null };
      })
      .sort(byBucketAndWorker);
  }

  bands(selection: RollupSelection): StageBands[] {
    const { deployment, resolutionNs } = selection;
    return grouped(this.#inWindow(selection), () => '', resolutionNs)
      .map((rows) => {
        const sums = new StageBandSums();
        for (const row of rows) sums.addRollup(row);
        const start = floorTo(rows[0]!.bucketStartUnixNs, BigInt(resolutionNs));
        return sums.finish(deployment, resolutionNs, start);
      })
      .sort((a, b) => compareInstants(a.bucketStartUnixNs, b.bucketStartUnixNs));
  }

  slices(selection: StageSlicesSelection): StageSliceRow[] {
    return this.workers({ ...selection, resolutionNs: ROLLUP_LEVELS_NS[0]! }).flatMap((row) => {
      const { cells, slices, bucketStartUnixNs, workerId, group, role, rank } = row;
      if (slices === null) return [];
      const { stageNames } = cells;
      return [{ bucketStartUnixNs, workerId, group, role, rank, stageNames, slices }];
    });
  }

  /** Nothing is ever stale here, so one length does; the partition has no hours. */
  parts({ kind, window, finestNs }: RollupPartsSelection): RollupPart[] {
    const resolutionNs = kind === 'partition' ? Math.min(finestNs, ROLLUP_LEVELS_NS[2]!) : finestNs;
    const unit = BigInt(resolutionNs);
    const fromUnixNs = floorTo(window.fromUnixNs, unit);
    const toUnixNs = floorTo(window.toUnixNs + unit - 1n, unit);
    return fromUnixNs < toUnixNs ? [{ resolutionNs, window: { fromUnixNs, toUnixNs } }] : [];
  }

  #inWindow({ deployment, window, resolutionNs }: RollupSelection): StageRollup[] {
    const unit = BigInt(resolutionNs);
    const from = floorTo(window.fromUnixNs, unit);
    const to = unixNanos(floorTo(window.toUnixNs + unit - 1n, unit));
    return [...this.#seconds.values()]
      .filter(
        (row) =>
          row.deployment === deployment &&
          row.bucketStartUnixNs >= from &&
          row.bucketStartUnixNs < to,
      )
      .sort(byBucketAndWorker);
  }
}

export function byBucketAndWorker(
  a: { readonly bucketStartUnixNs: bigint; readonly workerId: string },
  b: { readonly bucketStartUnixNs: bigint; readonly workerId: string },
): number {
  return (
    compareInstants(a.bucketStartUnixNs, b.bucketStartUnixNs) || (a.workerId < b.workerId ? -1 : 1)
  );
}

/** Rows by bucket of `resolutionNs` and key. */
function grouped(
  rows: readonly StageRollup[],
  keyOf: (row: StageRollup) => string,
  resolutionNs: number,
): StageRollup[][] {
  const found = new Map<string, StageRollup[]>();
  for (const row of rows) {
    const key = `${floorTo(row.bucketStartUnixNs, BigInt(resolutionNs))} ${keyOf(row)}`;
    const own = found.get(key);
    if (own === undefined) found.set(key, [row]);
    else own.push(row);
  }
  return [...found.values()];
}
