/**
 * What a load model is fitted to (load-model.ts), as sums per step that can be merged: a slice of a
 * window gives its own steps, and all slices together choose the same steps as the window in one
 * piece.
 *
 *     window   ├0┤├1┤├2┤├3┤├4┤├5┤├6┤├7┤├8┤├9┤      steps by number
 *     chosen   ├0┤         ├3┤      ├5┤   ├8┤      of lowest rank: spread evenly over the numbers
 */
import type { Assembled } from '#lib/model/assembled.ts';
import { endsInWindow, type WindowNs } from '#lib/model/select-window.ts';
import { ABSENT } from '#lib/table/codes.ts';
import { workerId } from '#lib/table/worker-info.ts';
import { type CellLoads, cellLoads } from './cell-loads.ts';
import { KeyMedians } from './key-medians.ts';
import type { KeyTimes } from './key-times.ts';

/** No more steps are looked at, ... */
export const MAX_LOAD_STEPS = 64;
/** ... and no more than reach so many cells (key, worker): that is enough for a slope to 2 %. */
export const MAX_LOAD_CELLS = 32_768;

/** 2^32 divided by the golden ratio, odd: multiples spread evenly in any arithmetic series. */
const GOLDEN = 0x9e3779b1;

/**
 * Sums over a step's cells of one worker: x is the first load, y is T, z the second load, as deviations
 * from the mean over the side in the same key. (From the median, T and load would deviate from different
 * workers', which bends the slope down; a hiccup's step is left out by its scatter.)
 */
export const BLOCK_FIELDS = ['count', 'x', 'y', 'z', 'xx', 'xy', 'yy', 'xz', 'zy', 'zz'] as const;
export const BLOCK_SIZE = BLOCK_FIELDS.length;

/**
 * Means over the keys of one micro-batch: keys, then first load, T and second load as means over the
 * side, then the same as medians over it. ABSENT: not known.
 */
export const COMMON_SIZE = 7;

export interface StepLoads {
  readonly rank: number;
  readonly domain: number;
  readonly step: number;
  readonly startUnixNs: bigint;
  readonly cells: number;
  /** By side. */
  readonly sides: readonly SideLoads[];
}

export interface SideLoads {
  /** Worker ids; worker i's sums are `blocks[BLOCK_SIZE · i ..]`. */
  readonly workers: readonly string[];
  readonly blocks: Float64Array;
  /** Micro-batch i's means are `common[COMMON_SIZE · i ..]`. */
  readonly common: Float64Array;
}

/** Which steps count: those that end in a slice of a window (slice.ts). */
export interface StepRange {
  readonly whole: WindowNs;
  readonly ownFromNs: number;
  readonly ownToNs: number;
}

/** All of a table. */
export const ALL_STEPS: StepRange = {
  whole: { fromNs: Number.NEGATIVE_INFINITY, toNs: Number.POSITIVE_INFINITY },
  ownFromNs: Number.NEGATIVE_INFINITY,
  ownToNs: Number.POSITIVE_INFINITY,
};

export function endsInRange(startNs: number, endNs: number, range: StepRange): boolean {
  if (endNs < range.ownFromNs || endNs >= range.ownToNs) return false;
  return endsInWindow(startNs, endNs, range.whole);
}

/** The same times on a table whose base lies `shiftNs` earlier. */
export function shiftRange({ whole, ownFromNs, ownToNs }: StepRange, shiftNs: number): StepRange {
  return {
    whole: { fromNs: whole.fromNs + shiftNs, toNs: whole.toNs + shiftNs },
    ownFromNs: ownFromNs + shiftNs,
    ownToNs: ownToNs + shiftNs,
  };
}

/** Sorted by rank; no more steps than a fit uses. */
export type LoadSums = readonly StepLoads[];

/** The order in which steps are chosen. */
export function stepRank(step: number): number {
  return Math.imul(step >>> 0, GOLDEN) >>> 0;
}

/** Of the steps that end in the range. */
export function loadSums(assembled: Assembled, times: KeyTimes, range: StepRange): LoadSums {
  return loadSumsOf(assembled, times, [range])[0]!;
}

/** The same for several ranges, in as many passes as for one. */
export function loadSumsOf(
  assembled: Assembled,
  times: KeyTimes,
  ranges: readonly StepRange[],
): LoadSums[] {
  const chosen = chooseSteps(assembled, times, ranges);
  if (chosen.every((steps) => steps.length === 0)) return chosen.map(() => []);
  const wanted = new Uint8Array(assembled.steps.length);
  for (const step of chosen.flat()) wanted[step] = 1;
  const loads = cellLoads(assembled, times, wanted);
  const medians = new KeyMedians(times, assembled.keys.length);
  const found = new StepSums(assembled, times, loads, medians, wanted);
  const { steps, events } = assembled;
  const loadsOf = (step: number): StepLoads => ({
    rank: stepRank(steps.step[step]!),
    domain: steps.domain[step]!,
    step: steps.step[step]!,
    startUnixNs: events.baseUnixNs + BigInt(Math.round(steps.startNs[step]!)),
    cells: found.cells[step]!,
    sides: [found.side(step, 0), found.side(step, 1)],
  });
  return chosen.map((rows) => rows.map(loadsOf));
}

/** The steps that a fit over the window of all parts uses. */
export function mergeLoadSums(parts: readonly LoadSums[]): LoadSums {
  const all = parts.flat().sort(compareSteps);
  let cells = 0;
  let kept = 0;
  while (kept < all.length && kept < MAX_LOAD_STEPS && cells < MAX_LOAD_CELLS) {
    cells += all[kept++]!.cells;
  }
  return all.slice(0, kept);
}

/** More steps, of higher ranks, would change nothing. */
export function isEnough(sums: LoadSums): boolean {
  const cells = sums.reduce((sum, step) => sum + step.cells, 0);
  return sums.length >= MAX_LOAD_STEPS || cells >= MAX_LOAD_CELLS;
}

type Ranked = Pick<StepLoads, 'rank' | 'domain' | 'step' | 'startUnixNs'>;

function compareSteps(a: Ranked, b: Ranked): number {
  if (a.rank !== b.rank) return a.rank - b.rank;
  if (a.domain !== b.domain) return a.domain - b.domain;
  if (a.step !== b.step) return a.step - b.step;
  return a.startUnixNs < b.startUnixNs ? -1 : 1;
}

/**
 * By range: rows of the step table, by rank, no fewer than are used of them, whatever other slices
 * have.
 */
function chooseSteps(
  { steps, events, keys }: Assembled,
  times: KeyTimes,
  ranges: readonly StepRange[],
): number[][] {
  const cells = new Uint32Array(steps.length);
  for (let cell = 0; cell < times.length; cell++) {
    const key = times.key[cell]!;
    const step = keys.step[key]!;
    if (times.extent.crosses[key] === 1) cells[step] = cells[step]! + 1;
  }
  return ranges.map((range) => {
    const candidates: (Ranked & { row: number })[] = [];
    for (let row = 0; row < steps.length; row++) {
      const start = steps.startNs[row]!;
      const end = steps.endNs[row]!;
      if (cells[row] === 0 || !endsInRange(start, end, range)) continue;
      candidates.push({
        row,
        rank: stepRank(steps.step[row]!),
        domain: steps.domain[row]!,
        step: steps.step[row]!,
        startUnixNs: events.baseUnixNs + BigInt(Math.round(start)),
      });
    }
    candidates.sort(compareSteps);
    const chosen: number[] = [];
    let sum = 0;
    for (const { row } of candidates) {
      if (chosen.length === MAX_LOAD_STEPS || sum >= MAX_LOAD_CELLS) break;
      chosen.push(row);
      sum += cells[row]!;
    }
    return chosen;
  });
}

/** Means over the side by (key, side), once they were asked for: then `made` is 1. */
interface SideMeans {
  readonly made: Uint8Array;
  readonly t: Float64Array;
  readonly x: Float64Array;
  readonly z: Float64Array;
}

/** Adds the cells of the wanted steps up, by step, side and worker. */
class StepSums {
  readonly cells: Uint32Array;
  /** By step and side, at `2 · step + side`: sums by worker, and by micro-batch. */
  readonly #blocks: Map<number, Float64Array>[];
  readonly #common: Map<number, Float64Array>[];
  readonly #ids: readonly string[];

  constructor(
    assembled: Assembled,
    times: KeyTimes,
    loads: CellLoads,
    medians: KeyMedians,
    wanted: Uint8Array,
  ) {
    const { events, keys, steps } = assembled;
    this.cells = new Uint32Array(steps.length);
    this.#blocks = Array.from({ length: steps.length * 2 }, () => new Map());
    this.#common = Array.from({ length: steps.length * 2 }, () => new Map());
    this.#ids = events.workers.map(workerId);
    const means = {
      made: new Uint8Array(keys.length * 2),
      t: new Float64Array(keys.length * 2),
      x: new Float64Array(keys.length * 2),
      z: new Float64Array(keys.length * 2),
    };
    for (let w = 0; w < events.workers.length; w++) {
      this.#addWorker(assembled, w, times, loads, medians, wanted, means);
    }
  }

  #addWorker(
    { keys }: Assembled,
    w: number,
    { tNs, key: keyOf, side, offsets, extent }: KeyTimes,
    loads: CellLoads,
    medians: KeyMedians,
    wanted: Uint8Array,
    { made, t, x, z }: SideMeans,
  ): void {
    for (let cell = offsets[w]!; cell < offsets[w + 1]!; cell++) {
      const key = keyOf[cell]!;
      const step = keys.step[key]!;
      if (wanted[step] === 0 || extent.crosses[key] === 0) continue;
      this.cells[step] = this.cells[step]! + 1;
      const slot = key * 2 + side[cell]!;
      const place = step * 2 + side[cell]!;
      if (made[slot] === 0) {
        made[slot] = 1;
        t[slot] = medians.mean(slot, tNs);
        x[slot] = medians.mean(slot, loads.first);
        z[slot] = medians.mean(slot, loads.second);
        this.#addCommon(place, keys.microbatch[key]!, [
          x[slot]!,
          t[slot]!,
          z[slot]!,
          medians.median(slot, loads.first),
          medians.median(slot, tNs),
          medians.median(slot, loads.second),
        ]);
      }
      const xHere = orZero(loads.first[cell]! - x[slot]!);
      const zHere = orZero(loads.second[cell]! - z[slot]!);
      addToBlock(this.#block(place, w), xHere, tNs[cell]! - t[slot]!, zHere);
    }
  }

  side(step: number, side: number): SideLoads {
    const blocks = this.#blocks[step * 2 + side]!;
    const common = this.#common[step * 2 + side]!;
    const byMicrobatch = [...common].sort(([a], [b]) => a - b).map(([, sums]) => sums);
    for (const sums of byMicrobatch) {
      for (let i = 1; i < COMMON_SIZE; i++) sums[i] = sums[i]! / sums[0]!;
    }
    return {
      workers: [...blocks.keys()].map((w) => this.#ids[w]!),
      blocks: flat([...blocks.values()], BLOCK_SIZE),
      common: flat(byMicrobatch, COMMON_SIZE),
    };
  }

  #block(place: number, w: number): Float64Array {
    const blocks = this.#blocks[place]!;
    let block = blocks.get(w);
    if (block === undefined) {
      block = new Float64Array(BLOCK_SIZE);
      blocks.set(w, block);
    }
    return block;
  }

  #addCommon(place: number, microbatch: number, values: readonly number[]): void {
    const common = this.#common[place]!;
    const sums = common.get(microbatch) ?? new Float64Array(COMMON_SIZE);
    common.set(microbatch, sums);
    sums[0] = sums[0]! + 1;
    values.forEach((value, i) => {
      sums[i + 1] = sums[i + 1]! + (Number.isNaN(value) ? ABSENT : value);
    });
  }
}

function addToBlock(block: Float64Array, x: number, y: number, z: number): void {
  block[0] = block[0]! + 1;
  block[1] = block[1]! + x;
  block[2] = block[2]! + y;
  block[3] = block[3]! + z;
  block[4] = block[4]! + x * x;
  block[5] = block[5]! + x * y;
  block[6] = block[6]! + y * y;
  block[7] = block[7]! + x * z;
  block[8] = block[8]! + z * y;
  block[9] = block[9]! + z * z;
}

/** A load that is not known explains nothing. */
function orZero(value: number): number {
  return Number.isNaN(value) ? 0 : value;
}

function flat(columns: readonly Float64Array[], size: number): Float64Array {
  const all = new Float64Array(columns.length * size);
  columns.forEach((column, i) => {
    all.set(column, i * size);
  });
  return all;
}
