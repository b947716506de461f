/**
 * One bucket of a deployment, all workers side by side, by stage over all layers: what a picture of
 * many workers over a long time is drawn from. One row a bucket, where `StageRollup` is one a worker.
 *
 *     row         0              1          …
 *     worker      0              0              index into workers
 *     stage       attention      a2f_send       index into stageNames
 *     count       3660           3660
 *     sumNs …     988e6          210e6
 */
import { StringTable } from '#lib/base/string-table.ts';
import type { UnixNanos } from '#lib/base/units.ts';
import { ROLES, type Role } from './codes.ts';
import { compareStages } from './stage-rollup-merge.ts';
import type { StageRollup } from './stage-rollups.ts';
import { compareWorkers } from './worker-info.ts';

export interface BandWorker {
  readonly workerId: string;
  readonly group: string;
  readonly role: Role;
  readonly rank: number;
}

export interface StageBands {
  readonly deployment: string;
  readonly resolutionNs: number;
  /** Multiple of resolutionNs since the epoch. */
  readonly bucketStartUnixNs: UnixNanos;
  readonly length: number;
  readonly workers: readonly BandWorker[];
  readonly stageNames: readonly string[];
  readonly worker: Uint16Array;
  readonly stage: Uint16Array;
  readonly count: Float64Array;
  readonly sumNs: Float64Array;
  readonly minNs: Float64Array;
  readonly maxNs: Float64Array;
}

interface Sum {
  readonly worker: number;
  readonly stage: number;
  count: number;
  sumNs: number;
  minNs: number;
  maxNs: number;
}

/** Sums of one bucket by worker and stage. */
export class StageBandSums {
  readonly #ids = new StringTable();
  readonly #workers: BandWorker[] = [];
  readonly #names = new StringTable();
  readonly #sums = new Map<number, Sum>();

  addRollup({ workerId, group, role, rank, cells }: StageRollup): void {
    const worker = this.#worker({ workerId, group, role, rank });
    const stages = cells.stageNames.map((name) => this.#names.intern(name));
    const { length, stage, count, sumNs, minNs, maxNs } = cells;
    for (let from = 0; from < length; ) {
      const of = stage[from]!;
      const sum = { count: 0, sumNs: 0, minNs: minNs[from]!, maxNs: maxNs[from]! };
      // Layers of a stage are neighbours.
      for (; from < length && stage[from] === of; from++) {
        sum.count += count[from]!;
        sum.sumNs += sumNs[from]!;
        if (minNs[from]! < sum.minNs) sum.minNs = minNs[from]!;
        if (maxNs[from]! > sum.maxNs) sum.maxNs = maxNs[from]!;
      }
      this.#add(worker, stages[of]!, sum);
    }
  }

  addBands(bands: StageBands): void {
    const workers = bands.workers.map((worker) => this.#worker(worker));
    const stages = bands.stageNames.map((name) => this.#names.intern(name));
    for (let i = 0; i < bands.length; i++) {
      this.#add(workers[bands.worker[i]!]!, stages[bands.stage[i]!]!, {
        count: bands.count[i]!,
        sumNs: bands.sumNs[i]!,
        minNs: bands.minNs[i]!,
        maxNs: bands.maxNs[i]!,
      });
    }
  }

  /** Rows by worker (by role, group, rank), then stage. */
  finish(deployment: string, resolutionNs: number, bucketStartUnixNs: UnixNanos): StageBands {
    const workers = this.#workers.map((worker, index) => ({ worker, index }));
    workers.sort((a, b) => compareWorkers(a.worker, b.worker));
    const workerAt = new Map(workers.map(({ index }, at) => [index, at]));
    const strings = this.#names.strings;
    const used = [...new Set([...this.#sums.values()].map(({ stage }) => stage))];
    used.sort((a, b) => compareStages(strings[a]!, strings[b]!));
    const stageAt = new Map(used.map((index, at) => [index, at]));
    const sums = [...this.#sums.values()].sort(
      (a, b) =>
        workerAt.get(a.worker)! - workerAt.get(b.worker)! ||
        stageAt.get(a.stage)! - stageAt.get(b.stage)!,
    );
    return {
      deployment,
      resolutionNs,
      bucketStartUnixNs,
      length: sums.length,
      workers: workers.map(({ worker }) => worker),
      stageNames: used.map((index) => strings[index]!),
      worker: Uint16Array.from(sums, (sum) => workerAt.get(sum.worker)!),
      stage: Uint16Array.from(sums, (sum) => stageAt.get(sum.stage)!),
      count: Float64Array.from(sums, (sum) => sum.count),
      sumNs: Float64Array.from(sums, (sum) => sum.sumNs),
      minNs: Float64Array.from(sums, (sum) => sum.minNs),
      maxNs: Float64Array.from(sums, (sum) => sum.maxNs),
    };
  }

  #worker(worker: BandWorker): number {
    const index = this.#ids.intern(worker.workerId);
    this.#workers[index] ??= worker;
    return index;
  }

  #add(worker: number, stage: number, part: Omit<Sum, 'worker' | 'stage'>): void {
    const key = worker * 65_536 + stage;
    const sum = this.#sums.get(key);
    if (sum === undefined) {
      this.#sums.set(key, { worker, stage, ...part });
      return;
    }
    sum.count += part.count;
    sum.sumNs += part.sumNs;
    if (part.minNs < sum.minNs) sum.minNs = part.minNs;
    if (part.maxNs > sum.maxNs) sum.maxNs = part.maxNs;
  }
}

/** A role as it was stored; what is none of them counts as the first. */
export function roleOf(name: string): Role {
  return ROLES.find((role) => role === name) ?? ROLES[0];
}
