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
  const { events, offsets } = assembled;
  const compute = new RunCollector(offsets.length);
  const work = events.stage.includes(Stage.collective) ? new RunCollector(offsets.length) : null;
  const link = new RunCollector(offsets.length);
  const host = new RunCollector(offsets.length);
  for (let w = 0; w < events.workers.length; w++) {
    const sendStage = sendStageOf(events.workers[w]!.role);
    addWorker(assembled, w, sendStage, compute, work, link, host);
    for (const runs of [compute, work, link, host]) runs?.endWorker(w);
  }
  const computeRuns = compute.finish();
  return {
    compute: computeRuns,
    work: work?.finish() ?? computeRuns,
    link: link.finish(),
    host: host.finish(),
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

/** Events come by start. There are far fewer runs than events: most follow each other. */
class RunCollector {
  readonly #offsets: Uint32Array;
  #startNs = new Float64Array(1024);
  #endNs = new Float64Array(1024);
  #length = 0;
  /** End of the worker's last run. */
  #reachedNs = Number.NEGATIVE_INFINITY;

  constructor(offsets: number) {
    this.#offsets = new Uint32Array(offsets);
  }

  add(startNs: number, endNs: number): void {
    if (endNs <= this.#reachedNs || endNs <= startNs) return;
    if (startNs <= this.#reachedNs) {
      this.#endNs[this.#length - 1] = endNs;
    } else {
      if (this.#length === this.#startNs.length) this.#grow();
      this.#startNs[this.#length] = startNs;
      this.#endNs[this.#length++] = endNs;
    }
    this.#reachedNs = endNs;
  }

  endWorker(w: number): void {
    this.#offsets[w + 1] = this.#length;
    this.#reachedNs = Number.NEGATIVE_INFINITY;
  }

  finish(): Runs {
    return {
      offsets: this.#offsets,
      startNs: this.#startNs.subarray(0, this.#length),
      endNs: this.#endNs.subarray(0, this.#length),
    };
  }

  #grow(): void {
    const startNs = new Float64Array(this.#length * 2);
    const endNs = new Float64Array(this.#length * 2);
    startNs.set(this.#startNs);
    endNs.set(this.#endNs);
    this.#startNs = startNs;
    this.#endNs = endNs;
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
