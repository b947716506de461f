/**
 * How long each worker's events of a stage took on average in each second, and how much they had to do:
 * what stragglers are told from. Compute stages, and the sends of the worker's own side.
 *
 *     worker        stage      second   events   Σ duration   Σ first load   Σ second load
 *     attention/5   attention  …400     3 480    937 ms       …              …
 *
 * An event counts in the second in which it ends. All sums are of whole numbers, so that they are the
 * same in whatever order and slices they are added.
 */
import { NS_PER_S, type UnixNanos } from '#lib/base/units.ts';
import type { Assembled } from '#lib/model/assembled.ts';
import { sendStageOf } from '#lib/model/receives.ts';
import { coversAll, endsInWindow, type WindowNs } from '#lib/model/select-window.ts';
import { Kind } from '#lib/table/codes.ts';
import { workerId } from '#lib/table/worker-info.ts';
import { LOAD_OF_SIDE } from './cell-loads.ts';
import { sideOf } from './key-times.ts';

/** Fields of a row; loads of a send are its bytes. */
export const StageSum = {
  count: 0,
  ns: 1,
  /** First load, and how many events say it. */
  first: 2,
  firstCount: 3,
  second: 4,
  secondCount: 5,
} as const;
export const STAGE_SUMS = 6;

export interface StageLoads {
  readonly workers: readonly StageWorker[];
  readonly stageNames: readonly string[];
  /** One entry a row: index into `workers`, stage code, seconds since 1970. */
  readonly worker: readonly number[];
  readonly stage: readonly number[];
  readonly second: readonly number[];
  /** `STAGE_SUMS` a row. */
  readonly sums: Float64Array;
  /** Steps that end in the window. */
  readonly steps: number;
}

export interface StageWorker {
  readonly id: string;
  readonly group: string;
  readonly role: string;
}

/** `sums` has room for more than `worker.length` rows. */
interface Rows {
  readonly worker: number[];
  readonly stage: number[];
  readonly second: number[];
  sums: Float64Array;
}

/** Of the events that end in `window`. */
export function stageLoads(assembled: Assembled, window: WindowNs): StageLoads {
  const { events } = assembled;
  const rows: Rows = { worker: [], stage: [], second: [], sums: new Float64Array(1024) };
  for (let w = 0; w < events.workers.length; w++) addWorker(assembled, w, window, rows);
  return {
    workers: events.workers.map((info) => ({
      id: workerId(info),
      group: info.group,
      role: info.role,
    })),
    stageNames: events.stageNames,
    worker: rows.worker,
    stage: rows.stage,
    second: rows.second,
    sums: rows.sums.slice(0, rows.worker.length * STAGE_SUMS),
    steps: countSteps(assembled, window),
  };
}

function countSteps({ steps }: Assembled, window: WindowNs): number {
  let count = 0;
  for (let step = 0; step < steps.length; step++) {
    if (endsInWindow(steps.startNs[step]!, steps.endNs[step]!, window)) count++;
  }
  return count;
}

function addWorker(assembled: Assembled, w: number, window: WindowNs, rows: Rows): void {
  const { events, endNs, offsets, transferStartNs } = assembled;
  const { startNs, durationNs, kind, stage, measures, stageNames } = events;
  const { role } = events.workers[w]!;
  const sendStage = sendStageOf(role);
  const side = sideOf(role);
  const load = side < 0 ? null : LOAD_OF_SIDE[side]!;
  const first = load === null ? null : measures[load.first];
  const second = load === null ? null : measures[load.second];
  const other = load === null || load.otherSecond === null ? null : measures[load.otherSecond];
  const { bytes } = measures;
  const seconds = new Seconds(events.baseUnixNs, stageNames.length, w, rows);
  const isAllInside = coversAll(assembled, window);
  for (let row = offsets[w]!; row < offsets[w + 1]!; row++) {
    const own = stage[row]!;
    const isSend = own === sendStage && kind[row] !== Kind.receive;
    if (!isSend && kind[row] !== Kind.compute) continue;
    const end = endNs[row]!;
    if (!isAllInside && !endsInWindow(startNs[row]!, end, window)) continue;
    const at = seconds.place(own, end);
    const { sums } = rows;
    sums[at] = sums[at]! + 1;
    const ns = isSend && transferStartNs !== null ? end - transferStartNs[row]! : durationNs[row]!;
    sums[at + 1] = sums[at + 1]! + ns;
    if (isSend) {
      if (bytes !== null) addLoad(sums, at + StageSum.first, bytes[row]!);
      continue;
    }
    if (load === null || own !== load.stage) continue;
    if (first !== null) addLoad(sums, at + StageSum.first, first[row]!);
    const value = second === null || second[row]! < 0 ? (other?.[row] ?? -1) : second[row]!;
    addLoad(sums, at + StageSum.second, value);
  }
}

function addLoad(sums: Float64Array, at: number, value: number): void {
  if (value < 0) return;
  sums[at] = sums[at]! + value;
  sums[at + 1] = sums[at + 1]! + 1;
}

/** Finds the row of a worker's stage and second; neighbours mostly share it. */
class Seconds {
  readonly #stages: number;
  readonly #worker: number;
  readonly #rows: Rows;
  /** Second in which the table's time begins, and how much of it is over then. */
  readonly #baseSecond: number;
  readonly #basePartNs: number;
  /** By stage: the current second's extent in table time, and its place among the sums. */
  readonly #fromNs: Float64Array;
  readonly #toNs: Float64Array;
  readonly #place: Float64Array;
  readonly #places = new Map<number, number>();

  constructor(baseUnixNs: UnixNanos, stages: number, worker: number, rows: Rows) {
    this.#stages = stages;
    this.#worker = worker;
    this.#rows = rows;
    this.#baseSecond = Number(baseUnixNs / BigInt(NS_PER_S));
    this.#basePartNs = Number(baseUnixNs % BigInt(NS_PER_S));
    this.#fromNs = new Float64Array(stages);
    this.#toNs = new Float64Array(stages);
    this.#place = new Float64Array(stages);
  }

  place(stage: number, endNs: number): number {
    if (endNs >= this.#fromNs[stage]! && endNs < this.#toNs[stage]!) return this.#place[stage]!;
    const after = Math.floor((endNs + this.#basePartNs) / NS_PER_S);
    this.#fromNs[stage] = after * NS_PER_S - this.#basePartNs;
    this.#toNs[stage] = this.#fromNs[stage]! + NS_PER_S;
    const key = after * this.#stages + stage;
    let place = this.#places.get(key);
    if (place === undefined) {
      const { worker, stage: stages, second, sums } = this.#rows;
      place = worker.length * STAGE_SUMS;
      if (place + STAGE_SUMS > sums.length) {
        this.#rows.sums = new Float64Array(2 * sums.length);
        this.#rows.sums.set(sums);
      }
      this.#places.set(key, place);
      worker.push(this.#worker);
      stages.push(stage);
      second.push(this.#baseSecond + after);
    }
    this.#place[stage] = place;
    return place;
  }
}
