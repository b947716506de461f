/**
 * When each worker computed, worked, sent, and was busy on its host, as sorted disjoint runs:
 *
 *     attention  ███··███····        compute  ███··███····
 *     gate       ···█····█···                 ███ ·····    touching events are one run
 *     collective ····█·······        work     █████████··  compute and collectives
 */
import type { Assembled } from '#lib/model/assembled.ts';
import { sendStageOf } from '#lib/model/receives.ts';
import { Kind, Stage } from '#lib/table/codes.ts';

/** Runs of worker w are `[offsets[w], offsets[w + 1])`. */
export interface Runs {
  readonly offsets: Uint32Array;
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
}

export interface WorkerRuns {
  readonly compute: Runs;
  /** Compute and collectives. The same object as `compute` where there are no collectives. */
  readonly work: Runs;
  /** Sends to the other side. */
  readonly link: Runs;
  readonly host: Runs;
}

export function workerRuns(assembled: Assembled): WorkerRuns {
  const { events, offsets, room } = assembled;
  const { kind, stage } = events;
  let computeRows = 0;
  let collectiveRows = 0;
  let sendRows = 0;
  let hostRows = 0;
  for (let row = 0; row < events.length; row++) {
    if (kind[row] === Kind.compute) computeRows++;
    else if (kind[row] === Kind.host) hostRows++;
    if (stage[row] === Stage.collective) collectiveRows++;
    else if (stage[row] === Stage.a2f_send || stage[row] === Stage.f2a_send) sendRows++;
  }
  const collect = (rows: number): RunCollector =>
    new RunCollector(offsets.length, room.float64(rows), room.float64(rows));
  const compute = collect(computeRows);
  const work = collectiveRows === 0 ? null : collect(computeRows + collectiveRows);
  const link = collect(sendRows);
  const host = collect(hostRows);
  for (let w = 0; w < events.workers.length; w++) {
    const sendStage = sendStageOf(events.workers[w]!.role);
    addWorker(assembled, w, sendStage, compute, work, link, host);
    for (const runs of [compute, work, link, host]) runs?.endWorker(w);
  }
  return {
    compute: compute.runs,
    work: (work ?? compute).runs,
    link: link.runs,
    host: host.runs,
  };
}

function addWorker(
  { events, endNs, offsets }: Assembled,
  w: number,
  sendStage: number,
  compute: RunCollector,
  work: RunCollector | null,
  link: RunCollector,
  host: RunCollector,
): void {
  const { kind, stage, startNs } = events;
  for (let row = offsets[w]!; row < offsets[w + 1]!; row++) {
    const is = kind[row]!;
    const start = startNs[row]!;
    const end = endNs[row]!;
    if (is === Kind.compute) {
      compute.add(start, end);
      work?.add(start, end);
    } else if (stage[row] === Stage.collective) {
      work?.add(start, end);
    }
    if (stage[row] === sendStage && is !== Kind.receive) link.add(start, end);
    if (is === Kind.host) host.add(start, end);
  }
}

/** Events come by start. */
class RunCollector {
  readonly runs: Runs;
  #length = 0;
  #first = 0;

  constructor(offsets: number, startNs: Float64Array, endNs: Float64Array) {
    this.runs = { offsets: new Uint32Array(offsets), startNs, endNs };
  }

  add(startNs: number, endNs: number): void {
    if (endNs <= startNs) return;
    const { startNs: starts, endNs: ends } = this.runs;
    const last = this.#length - 1;
    if (last >= this.#first && startNs <= ends[last]!) {
      if (endNs > ends[last]!) ends[last] = endNs;
      return;
    }
    starts[this.#length] = startNs;
    ends[this.#length++] = endNs;
  }

  endWorker(w: number): void {
    this.#first = this.#length;
    this.runs.offsets[w + 1] = this.#length;
  }
}

/** The first run of worker w that ends after `ns`; the worker's `offsets` end where there is none. */
export function runAfter({ offsets, endNs }: Runs, w: number, ns: number): number {
  let low = offsets[w]!;
  let high = offsets[w + 1]!;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (endNs[middle]! <= ns) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** How much of `[fromNs, toNs)` the worker's runs cover. */
export function coveredNs(runs: Runs, w: number, fromNs: number, toNs: number): number {
  if (fromNs >= toNs) return 0;
  const { startNs, endNs } = runs;
  const last = runs.offsets[w + 1]!;
  let covered = 0;
  for (let run = runAfter(runs, w, fromNs); run < last && startNs[run]! < toNs; run++) {
    covered += Math.min(endNs[run]!, toNs) - Math.max(startNs[run]!, fromNs);
  }
  return covered;
}

/** How much of `[fromNs, toNs)` runs of `runs` cover and none of `without` do. */
export function coveredOnlyNs(
  runs: Runs,
  without: Runs,
  w: number,
  fromNs: number,
  toNs: number,
): number {
  if (fromNs >= toNs) return 0;
  const { startNs, endNs } = runs;
  const last = runs.offsets[w + 1]!;
  let covered = 0;
  for (let run = runAfter(runs, w, fromNs); run < last && startNs[run]! < toNs; run++) {
    const start = Math.max(startNs[run]!, fromNs);
    const end = Math.min(endNs[run]!, toNs);
    covered += end - start - coveredNs(without, w, start, end);
  }
  return covered;
}
