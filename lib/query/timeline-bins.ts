/**
 * Sums by worker, stream, stage and bin: dense per worker and stage while they grow, sparse when done.
 */
import type { TimelineBins } from '#lib/api/timeline.ts';
import { TIMELINE_STREAMS, type TimelineBinColumns } from '#lib/api/timeline-tile.ts';
import { StringTable } from '#lib/base/string-table.ts';
import { defaultKind } from '#lib/model/stages.ts';
import { STAGES } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { type BandWorker, roleOf, type StageBands } from '#lib/table/stage-bands.ts';
import { compareStages } from '#lib/table/stage-rollup-merge.ts';
import { SLICES_PER_SECOND, type StageRollup, type StageSlices } from '#lib/table/stage-rollups.ts';
import { compareWorkers, workerId } from '#lib/table/worker-info.ts';
import { EVERY_EVENT, type EventFilter, wantedRow } from './event-filter.ts';
import type { TimelineGrid } from './timeline-grid.ts';

const SLICE_NS = 1e9 / SLICES_PER_SECOND;

interface Lane {
  readonly worker: number;
  /** 0 where streams are not told apart. */
  readonly stream: number;
  readonly stage: number;
  readonly count: Float64Array;
  readonly sumNs: Float64Array;
  readonly minNs: Float64Array;
  readonly maxNs: Float64Array;
}

export interface SumRows {
  readonly rows: readonly BandWorker[];
  readonly hidden: number;
  readonly stages: readonly string[];
}

export type SumColumns = Omit<TimelineBinColumns, 'waitRow' | 'waitBin' | 'waitCause' | 'waitNs'>;

export interface SumsOptions {
  /** Keep the streams (`streamOfKind`) of one stage apart? */
  readonly streams?: boolean;
  readonly filter?: EventFilter;
}

export class TimelineSums {
  readonly #grid: TimelineGrid;
  readonly #streams: boolean;
  readonly #filter: EventFilter;
  readonly #ids = new StringTable();
  readonly #workers: BandWorker[] = [];
  readonly #stages = new StringTable();
  readonly #lanes = new Map<number, Lane>();

  constructor(grid: TimelineGrid, { streams = false, filter = EVERY_EVENT }: SumsOptions = {}) {
    this.#grid = grid;
    this.#streams = streams;
    this.#filter = filter;
  }

  /** Every wanted event that starts in the grid's window. */
  addEvents(table: EventTable): void {
    const { binNs, window } = this.#grid;
    const lengthNs = Number(window.toUnixNs - window.fromUnixNs);
    const shiftNs = Number(table.baseUnixNs - window.fromUnixNs);
    const workers = table.workers.map((worker) =>
      this.#worker({ ...worker, workerId: workerId(worker) }),
    );
    const stages = table.stageNames.map((name) => this.#stages.intern(name));
    const isWanted = wantedRow(table, this.#filter);
    const lanes: (Lane | undefined)[] = new Array(workers.length * stages.length * STREAMS);
    for (let i = 0; i < table.length; i++) {
      const offsetNs = shiftNs + table.startNs[i]!;
      if (offsetNs < 0 || offsetNs >= lengthNs || !isWanted(i)) continue;
      const stream = this.#streams ? streamOfKind(table.kind[i]!) : 0;
      const at = (table.worker[i]! * stages.length + table.stage[i]!) * STREAMS + stream;
      let lane = lanes[at];
      if (lane === undefined) {
        lane = this.#lane(workers[table.worker[i]!]!, stream, stages[table.stage[i]!]!);
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
    const lanes = this.#lanesOfStages(bands.stageNames);
    for (let i = 0; i < bands.length; i++) {
      const worker = taken[bands.worker[i]!]!;
      const lane = worker < 0 ? null : lanes(worker, bands.stage[i]!);
      if (lane === null) continue;
      add(lane, bin, bands.count[i]!, bands.sumNs[i]!, bands.minNs[i]!, bands.maxNs[i]!);
    }
  }

  /** The same from sums by stage and layer, of which the filter may choose one layer. */
  addRollup(rollup: StageRollup): void {
    const bin = this.#binOf(Number(rollup.bucketStartUnixNs - this.#grid.window.fromUnixNs));
    if (bin < 0) return;
    const { cells } = rollup;
    const worker = this.#worker(rollup);
    const lanes = this.#lanesOfStages(cells.stageNames);
    const { layer } = this.#filter;
    for (let i = 0; i < cells.length; i++) {
      const lane =
        layer === null || cells.layer[i] === layer ? lanes(worker, cells.stage[i]!) : null;
      if (lane === null) continue;
      add(lane, bin, cells.count[i]!, cells.sumNs[i]!, cells.minNs[i]!, cells.maxNs[i]!);
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
    const lanes = this.#lanesOfStages(row.stageNames);
    for (let i = 0; i < slices.length; i++) {
      const bin = this.#binOf(shiftNs + slices.slice[i]! * SLICE_NS);
      const lane = bin < 0 ? null : lanes(worker, slices.stage[i]!);
      if (lane === null) continue;
      add(lane, bin, slices.count[i]!, slices.sumNs[i]!, slices.minNs[i]!, slices.maxNs[i]!);
    }
  }

  /** Events in the sums. */
  get events(): number {
    let events = 0;
    for (const { count } of this.#lanes.values()) for (const n of count) events += n;
    return events;
  }

  get isEmpty(): boolean {
    return this.#lanes.size === 0;
  }

  /** Workers in the order of every answer; those after `maxRows` are left out and counted. */
  finish(maxRows: number): SumRows & { readonly bins: TimelineBins } {
    const { lanes, ...rows } = this.#sorted(maxRows);
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
    for (const { lane, row, stage } of lanes) {
      for (let bin = 0; bin < length; bin++) {
        if (lane.count[bin] === 0) continue;
        bins.row.push(row);
        bins.stage.push(stage);
        bins.bin.push(bin);
        bins.count.push(lane.count[bin]!);
        bins.sumNs.push(lane.sumNs[bin]!);
        bins.minNs.push(lane.minNs[bin]!);
        bins.maxNs.push(lane.maxNs[bin]!);
      }
    }
    return { ...rows, bins };
  }

  /** The same as columns, by row, stream, stage, then bin. */
  finishColumns(maxRows: number): SumRows & { readonly columns: SumColumns } {
    const { lanes, ...rows } = this.#sorted(maxRows);
    const { length } = this.#grid;
    let cells = 0;
    for (const { lane } of lanes) {
      for (let bin = 0; bin < length; bin++) if (lane.count[bin] !== 0) cells++;
    }
    const columns = {
      row: new Uint16Array(cells),
      stream: new Uint8Array(cells),
      stage: new Uint16Array(cells),
      bin: new Uint32Array(cells),
      count: new Float64Array(cells),
      sumNs: new Float64Array(cells),
      minNs: new Float64Array(cells),
      maxNs: new Float64Array(cells),
    };
    let at = 0;
    for (const { lane, row, stage } of lanes) {
      for (let bin = 0; bin < length; bin++) {
        if (lane.count[bin] === 0) continue;
        columns.row[at] = row;
        columns.stream[at] = lane.stream;
        columns.stage[at] = stage;
        columns.bin[at] = bin;
        columns.count[at] = lane.count[bin]!;
        columns.sumNs[at] = lane.sumNs[bin]!;
        columns.minNs[at] = lane.minNs[bin]!;
        columns.maxNs[at] = lane.maxNs[bin]!;
        at++;
      }
    }
    return { ...rows, columns };
  }

  /** Lanes by row, stream, then stage. */
  #sorted(maxRows: number): SumRows & {
    readonly lanes: readonly {
      readonly lane: Lane;
      readonly row: number;
      readonly stage: number;
    }[];
  } {
    const order = rowOrder(this.#workers);
    const shown = order.slice(0, maxRows);
    const rowOf = new Map(shown.map((worker, row) => [worker, row]));
    const stages = [...this.#stages.strings].sort(compareStages);
    const stageAt = this.#stages.strings.map((name) => stages.indexOf(name));
    const lanes = [...this.#lanes.values()]
      .filter(({ worker }) => rowOf.has(worker))
      .map((lane) => ({ lane, row: rowOf.get(lane.worker)!, stage: stageAt[lane.stage]! }))
      .sort((a, b) => a.row - b.row || a.lane.stream - b.lane.stream || a.stage - b.stage);
    return {
      rows: shown.map((worker) => this.#workers[worker]!),
      hidden: order.length - shown.length,
      stages,
      lanes,
    };
  }

  /** Lanes of sums by stage; null: the stage is not wanted. */
  #lanesOfStages(names: readonly string[]): (worker: number, stage: number) => Lane | null {
    const wanted = this.#filter.stages;
    const stages = names.map((name) =>
      wanted === null || wanted.has(name) ? this.#stages.intern(name) : -1,
    );
    const streams = names.map((name) => (this.#streams ? streamOfStage(name) : 0));
    return (worker, stage) =>
      stages[stage]! < 0 ? null : this.#lane(worker, streams[stage]!, stages[stage]!);
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

  #lane(worker: number, stream: number, stage: number): Lane {
    const key = (worker * 65_536 + stage) * STREAMS + stream;
    const known = this.#lanes.get(key);
    if (known !== undefined) return known;
    const column = (): Float64Array => new Float64Array(this.#grid.length);
    const lane: Lane = {
      worker,
      stream,
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

export const STREAMS = TIMELINE_STREAMS.length;

/** Index into `TIMELINE_STREAMS` by `Kind`. An uncut receive is among waiting. */
const STREAM_OF_KIND = [0, 1, 2, 2, 3, 3];

export function streamOfKind(kind: number): number {
  return STREAM_OF_KIND[kind] ?? STREAMS - 1;
}

/** Sums do not say of which kind a stage's events were: its default one. */
function streamOfStage(name: string): number {
  const names: readonly string[] = STAGES;
  return streamOfKind(defaultKind(names.indexOf(name)));
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
