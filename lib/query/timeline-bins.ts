/** Sums by worker, stage and bin: dense per worker and stage while they grow, sparse when done. */
import type { TimelineBins } from '#lib/api/timeline.ts';
import { StringTable } from '#lib/base/string-table.ts';
import { Phase } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { type BandWorker, roleOf, type StageBands } from '#lib/table/stage-bands.ts';
import { compareStages } from '#lib/table/stage-rollup-merge.ts';
import type { StageSlices } from '#lib/table/stage-rollups.ts';
import { SLICES_PER_SECOND } from '#lib/table/stage-rollups.ts';
import { compareWorkers, workerId } from '#lib/table/worker-info.ts';
import type { TimelineGrid } from './timeline-grid.ts';

const SLICE_NS = 1e9 / SLICES_PER_SECOND;

/** Phases that stay out of every figure stay out of the picture too. */
export function isShown(phase: number): boolean {
  return phase !== Phase.warmup && phase !== Phase.capture;
}

interface Lane {
  readonly worker: number;
  readonly stage: number;
  readonly count: Float64Array;
  readonly sumNs: Float64Array;
  readonly minNs: Float64Array;
  readonly maxNs: Float64Array;
}

export class TimelineSums {
  readonly #grid: TimelineGrid;
  readonly #ids = new StringTable();
  readonly #workers: BandWorker[] = [];
  readonly #stages = new StringTable();
  readonly #lanes = new Map<number, Lane>();

  constructor(grid: TimelineGrid) {
    this.#grid = grid;
  }

  /** Every event that starts in the grid's window. */
  addEvents(table: EventTable): void {
    const { binNs, window } = this.#grid;
    const lengthNs = Number(window.toUnixNs - window.fromUnixNs);
    const shiftNs = Number(table.baseUnixNs - window.fromUnixNs);
    const workers = table.workers.map((worker) =>
      this.#worker({ ...worker, workerId: workerId(worker) }),
    );
    const stages = table.stageNames.map((name) => this.#stages.intern(name));
    const lanes: (Lane | undefined)[] = new Array(workers.length * stages.length);
    for (let i = 0; i < table.length; i++) {
      const offsetNs = shiftNs + table.startNs[i]!;
      if (offsetNs < 0 || offsetNs >= lengthNs || !isShown(table.phase[i]!)) continue;
      const at = table.worker[i]! * stages.length + table.stage[i]!;
      let lane = lanes[at];
      if (lane === undefined) {
        lane = this.#lane(workers[table.worker[i]!]!, stages[table.stage[i]!]!);
        lanes[at] = lane;
      }
      const ns = table.durationNs[i]!;
      add(lane, Math.floor(offsetNs / binNs), 1, ns, ns, ns);
    }
  }

  /** Buckets must lie within bins; those outside of the window are left out. */
  addBands(bands: StageBands, takes: (worker: BandWorker) => boolean): void {
    const bin = this.#binOf(Number(bands.bucketStartUnixNs - this.#grid.window.fromUnixNs));
    if (bin < 0) return;
    const taken = bands.workers.map((worker) => (takes(worker) ? this.#worker(worker) : -1));
    const stages = bands.stageNames.map((name) => this.#stages.intern(name));
    for (let i = 0; i < bands.length; i++) {
      const worker = taken[bands.worker[i]!]!;
      if (worker < 0) continue;
      const lane = this.#lane(worker, stages[bands.stage[i]!]!);
      add(lane, bin, bands.count[i]!, bands.sumNs[i]!, bands.minNs[i]!, bands.maxNs[i]!);
    }
  }

  addSlices(row: {
    readonly bucketStartUnixNs: bigint;
    readonly workerId: string;
    readonly group: string;
    readonly role: string;
    readonly rank: number;
    readonly stageNames: readonly string[];
    readonly slices: StageSlices;
  }): void {
    const { slices } = row;
    const shiftNs = Number(row.bucketStartUnixNs - this.#grid.window.fromUnixNs);
    const worker = this.#worker({ ...row, role: roleOf(row.role) });
    const stages = row.stageNames.map((name) => this.#stages.intern(name));
    for (let i = 0; i < slices.length; i++) {
      const bin = this.#binOf(shiftNs + slices.slice[i]! * SLICE_NS);
      if (bin < 0) continue;
      const lane = this.#lane(worker, stages[slices.stage[i]!]!);
      add(lane, bin, slices.count[i]!, slices.sumNs[i]!, slices.minNs[i]!, slices.maxNs[i]!);
    }
  }

  get isEmpty(): boolean {
    return this.#lanes.size === 0;
  }

  /** Workers in the order of every answer; those after `maxRows` are left out and counted. */
  finish(maxRows: number): {
    readonly rows: readonly BandWorker[];
    readonly hidden: number;
    readonly stages: readonly string[];
    readonly bins: TimelineBins;
  } {
    const order = rowOrder(this.#workers);
    const shown = order.slice(0, maxRows);
    const rowOf = new Map(shown.map((worker, row) => [worker, row]));
    const stages = [...this.#stages.strings].sort(compareStages);
    const stageAt = this.#stages.strings.map((name) => stages.indexOf(name));
    const lanes = [...this.#lanes.values()]
      .filter(({ worker }) => rowOf.has(worker))
      .sort(
        (a, b) =>
          rowOf.get(a.worker)! - rowOf.get(b.worker)! || stageAt[a.stage]! - stageAt[b.stage]!,
      );
    const { binNs, length } = this.#grid;
    const bins: TimelineBins = {
      binNs,
      length,
      row: [],
      stage: [],
      bin: [],
      count: [],
      sumNs: [],
      minNs: [],
      maxNs: [],
    };
    for (const lane of lanes) {
      for (let bin = 0; bin < length; bin++) {
        if (lane.count[bin] === 0) continue;
        bins.row.push(rowOf.get(lane.worker)!);
        bins.stage.push(stageAt[lane.stage]!);
        bins.bin.push(bin);
        bins.count.push(lane.count[bin]!);
        bins.sumNs.push(lane.sumNs[bin]!);
        bins.minNs.push(lane.minNs[bin]!);
        bins.maxNs.push(lane.maxNs[bin]!);
      }
    }
    return {
      rows: shown.map((worker) => this.#workers[worker]!),
      hidden: order.length - shown.length,
      stages,
      bins,
    };
  }

  #binOf(offsetNs: number): number {
    const bin = Math.floor(offsetNs / this.#grid.binNs);
    return bin < this.#grid.length ? bin : -1;
  }

  #worker(worker: BandWorker): number {
    const index = this.#ids.intern(worker.workerId);
    const { workerId: id, group, role, rank } = worker;
    this.#workers[index] ??= { workerId: id, group, role, rank };
    return index;
  }

  #lane(worker: number, stage: number): Lane {
    const key = worker * 65_536 + stage;
    const known = this.#lanes.get(key);
    if (known !== undefined) return known;
    const column = (): Float64Array => new Float64Array(this.#grid.length);
    const lane: Lane = {
      worker,
      stage,
      count: column(),
      sumNs: column(),
      minNs: column(),
      maxNs: column(),
    };
    this.#lanes.set(key, lane);
    return lane;
  }
}

/** Indexes of workers in the order of every answer. */
export function rowOrder(workers: readonly BandWorker[]): number[] {
  return workers.map((_, index) => index).sort((a, b) => compareWorkers(workers[a]!, workers[b]!));
}

function add(
  lane: Lane,
  bin: number,
  count: number,
  sumNs: number,
  minNs: number,
  maxNs: number,
): void {
  if (lane.count[bin] === 0) {
    lane.minNs[bin] = minNs;
    lane.maxNs[bin] = maxNs;
  } else {
    if (minNs < lane.minNs[bin]!) lane.minNs[bin] = minNs;
    if (maxNs > lane.maxNs[bin]!) lane.maxNs[bin] = maxNs;
  }
  lane.count[bin]! += count;
  lane.sumNs[bin]! += sumNs;
}
