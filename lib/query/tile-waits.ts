/**
 * What the exact partition of worker time adds to a tile of bins: waiting by cause, how busy each
 * worker was, and where it was not observed. It is stored by buckets of a second and more.
 */
import { CAUSES } from '#lib/analysis/causes.ts';
import type { TimelineBinColumns, TimelineMark } from '#lib/api/timeline-tile.ts';
import { GrowableFloat64 } from '#lib/base/growable.ts';
import { addNanos } from '#lib/base/units.ts';
import { NO_DATA_GAP_NS } from '#lib/model/assembled.ts';
import type { RollupPart } from '#lib/store/telemetry-store.ts';
import type { RollupLengthName, WorkerRollup } from '#lib/table/rollups.ts';
import { STAGE_ROLLUP_RESOLUTIONS_NS } from '#lib/table/stage-rollups.ts';
import { MAX_MARKS } from './tile-marks.ts';
import type { RowWorker } from './tile-rows.ts';
import type { TimelineGrid } from './timeline-grid.ts';
import { lengthOf, type TimelineTask, workersEver } from './timeline-task.ts';
import { earlier } from './window.ts';

type WaitColumns = Pick<TimelineBinColumns, 'waitRow' | 'waitBin' | 'waitCause' | 'waitNs'>;

export interface TileWaits {
  readonly columns: WaitColumns;
  /** By row; null: not known. */
  readonly busyRatio: readonly (number | null)[];
  readonly marks: readonly TimelineMark[];
  readonly notes: readonly string[];
}

/** Rows (worker and bucket) that are read for one answer. */
const MAX_ROLLUP_ROWS = 4000;
/** A bucket may be so many bins long, and is spread over them evenly. */
const MAX_SPREAD = 8;
/** Below this share of a bucket, what was not observed is not worth a mark. */
const LEAST_UNOBSERVED = 0.02;

/** Names of `CAUSES` in rollups. */
export const CAUSE_LENGTHS: readonly RollupLengthName[] = CAUSES.map((cause) =>
  cause === 'unknownNs' ? 'unknownCauseNs' : cause,
);

export async function tileWaits(
  task: TimelineTask,
  grid: TimelineGrid,
  rows: readonly RowWorker[],
): Promise<TileWaits> {
  const { reader, deployment } = task;
  const { window, binNs } = grid;
  const most = MAX_ROLLUP_ROWS / Math.max(1, workersEver(task));
  const levelNs = STAGE_ROLLUP_RESOLUTIONS_NS.find(
    (resolutionNs) => lengthOf(window) / resolutionNs <= most,
  );
  if (levelNs === undefined || levelNs > MAX_SPREAD * binNs) return nothing(rows);
  const parts = await reader.rollupParts({
    kind: 'partition',
    deployment,
    // Whether a worker was there before and after its edges.
    window: {
      fromUnixNs: earlier(window.fromUnixNs, levelNs),
      toUnixNs: addNanos(window.toUnixNs, levelNs),
    },
    finestNs: levelNs,
    coarsestNs: levelNs,
  });
  const coarsestNs = Math.max(levelNs, ...parts.map(({ resolutionNs }) => resolutionNs));
  if (coarsestNs > MAX_SPREAD * binNs) return nothing(rows);
  const sums = new RowSums(grid, rows);
  for (const part of parts) await addPart(task, part, sums);
  return sums.finish(coarsestNs);
}

async function addPart({ reader, deployment }: TimelineTask, part: RollupPart, sums: RowSums) {
  for (const row of await reader.workerRollups({ deployment, ...part })) sums.add(row);
}

function nothing(rows: readonly RowWorker[]): TileWaits {
  return { columns: emptyWaits(), busyRatio: rows.map(() => null), marks: [], notes: [] };
}

function emptyWaits(): WaitColumns {
  return {
    waitRow: new Uint16Array(0),
    waitBin: new Uint32Array(0),
    waitCause: new Uint8Array(0),
    waitNs: new Float64Array(0),
  };
}

interface Bucket {
  /** After the window's start. */
  readonly startNs: number;
  readonly endNs: number;
  /** Share of it that was observed. */
  readonly share: number;
}

interface Row {
  computeNs: number;
  windowNs: number;
  readonly buckets: Bucket[];
  /** By bin and cause. */
  readonly waitNs: Map<number, number>;
}

class RowSums {
  readonly #grid: TimelineGrid;
  readonly #rowOf: ReadonlyMap<string, number>;
  readonly #rows: readonly Row[];
  #isSpread = false;

  constructor(grid: TimelineGrid, rows: readonly RowWorker[]) {
    this.#grid = grid;
    this.#rowOf = new Map(rows.map(({ workerId }, row) => [workerId, row]));
    this.#rows = rows.map(() => ({ computeNs: 0, windowNs: 0, buckets: [], waitNs: new Map() }));
  }

  add({ workerId, bucketStartUnixNs, resolutionNs, lengths }: WorkerRollup): void {
    const row = this.#rows[this.#rowOf.get(workerId) ?? -1];
    if (row === undefined) return;
    const { window, binNs, length } = this.#grid;
    const startNs = Number(bucketStartUnixNs - window.fromUnixNs);
    const endNs = startNs + resolutionNs;
    const share = lengths.windowNs === 0 ? 0 : lengths.observedNs / lengths.windowNs;
    row.buckets.push({ startNs, endNs, share });
    const first = Math.max(0, Math.floor(startNs / binNs));
    const last = Math.min(length, Math.ceil(endNs / binNs));
    if (first >= last) return;
    row.computeNs += lengths.computeNs;
    row.windowNs += lengths.windowNs;
    if (last - first > 1) this.#isSpread = true;
    for (let bin = first; bin < last; bin++) {
      const insideNs = Math.min(endNs, (bin + 1) * binNs) - Math.max(startNs, bin * binNs);
      for (let cause = 0; cause < CAUSE_LENGTHS.length; cause++) {
        const ns = lengths[CAUSE_LENGTHS[cause]!] * (insideNs / resolutionNs);
        if (ns === 0) continue;
        const key = bin * CAUSE_LENGTHS.length + cause;
        row.waitNs.set(key, (row.waitNs.get(key) ?? 0) + ns);
      }
    }
  }

  finish(resolutionNs: number): TileWaits {
    const columns = [0, 1, 2, 3].map(() => new GrowableFloat64(1024));
    this.#rows.forEach(({ waitNs }, row) => {
      for (const key of [...waitNs.keys()].sort((a, b) => a - b)) {
        columns[0]!.push(row);
        columns[1]!.push(Math.floor(key / CAUSE_LENGTHS.length));
        columns[2]!.push(key % CAUSE_LENGTHS.length);
        columns[3]!.push(waitNs.get(key)!);
      }
    });
    const [waitRow, waitBin, waitCause, waitNs] = columns.map((column) => column.finish());
    return {
      columns: {
        waitRow: Uint16Array.from(waitRow!),
        waitBin: Uint32Array.from(waitBin!),
        waitCause: Uint8Array.from(waitCause!),
        waitNs: waitNs!,
      },
      busyRatio: this.#rows.map(({ computeNs, windowNs }) =>
        windowNs === 0 ? null : computeNs / windowNs,
      ),
      marks: this.#marks(),
      notes: this.#isSpread
        ? [`Causes of waiting are known by ${resolutionNs / 1e9} s, and are spread evenly over it.`]
        : [],
    };
  }

  #marks(): TimelineMark[] {
    const { window } = this.#grid;
    return this.#rows
      .flatMap(({ buckets }, row) =>
        unobserved(buckets)
          .filter(({ startNs, endNs }) => startNs < lengthOf(window) && endNs > 0)
          .map(({ startNs, endNs, share }): TimelineMark => {
            const percent = Math.round(100 * share);
            return {
              kind: 'unobserved',
              row,
              fromUnixNs: String(addNanos(window.fromUnixNs, startNs)),
              toUnixNs: String(addNanos(window.fromUnixNs, endNs)),
              events: 0,
              text: `${percent} % of this time was observed: steps are sampled out, or lost.`,
            };
          }),
      )
      .slice(0, MAX_MARKS);
  }
}

/**
 * Stretches of buckets that were not observed, or not wholly, between others: where a worker begins
 * or ends, or pauses for long, nothing is missing.
 */
function unobserved(buckets: readonly Bucket[]): Bucket[] {
  const sorted = [...buckets].sort((a, b) => a.startNs - b.startNs);
  const found: Bucket[] = [];
  const add = (startNs: number, endNs: number, share: number): void => {
    const last = found.at(-1);
    if (last === undefined || last.endNs !== startNs) {
      found.push({ startNs, endNs, share });
      return;
    }
    const seenNs = last.share * (last.endNs - last.startNs) + share * (endNs - startNs);
    found[found.length - 1] = {
      startNs: last.startNs,
      endNs,
      share: seenNs / (endNs - last.startNs),
    };
  };
  for (let i = 1; i < sorted.length; i++) {
    const before = sorted[i - 1]!;
    const { startNs, endNs, share } = sorted[i]!;
    const pauseNs = startNs - before.endNs;
    if (pauseNs > 0 && pauseNs <= NO_DATA_GAP_NS) add(before.endNs, startNs, 0);
    const isEdge = i + 1 === sorted.length || pauseNs > NO_DATA_GAP_NS;
    const isLast = sorted[i + 1] !== undefined && sorted[i + 1]!.startNs - endNs > NO_DATA_GAP_NS;
    if (!isEdge && !isLast && share < 1 - LEAST_UNOBSERVED) add(startNs, endNs, share);
  }
  return found;
}
