/**
 * Slopes of T over load from the sums of load-sums.ts: x is the first load, z the second, y is T.
 *
 *     within a worker    y and x as deviations from the side's mean, and from the worker's own mean
 *     common             the side's means from step to step and micro-batch to micro-batch
 *     between workers    the workers' means
 */
import { ABSENT } from '#lib/table/codes.ts';
import { BLOCK_SIZE, COMMON_SIZE, type SideLoads } from './load-sums.ts';
import { medianOf } from './quantiles.ts';

/** Medians over keys of what the group did: T, first and second load; NaN where not known. */
export interface LoadLevels {
  readonly t: number;
  readonly x: number;
  readonly z: number;
  readonly samples: number;
  readonly steps: number;
}

export interface SlopeFit {
  readonly slopeX: number;
  readonly slopeZ: number;
  /** Standard error over the slope t / x; Infinity where nothing can be told. */
  readonly errorRatio: number;
  readonly spreadRatio: number;
}

const NOTHING: SlopeFit = { slopeX: 0, slopeZ: 0, errorRatio: Infinity, spreadRatio: 0 };

/** A step of a worker whose T scatters more than so many times the usual had a hiccup: left out. */
const MAX_SCATTER = 9;
const MIN_SAMPLES = 24;
/** The second load joins where so much of it goes its own way, and its slope is so many errors off 0. */
const MIN_OWN_SHARE = 0.05;
const MIN_SIGNIFICANCE = 5;
/** Workers are compared where their loads differ by so much of the median. */
const MIN_DIFFERENCE = 0.02;

export function levelsOf(steps: readonly SideLoads[]): LoadLevels {
  const column = (field: number): number => {
    const values: number[] = [];
    for (const { common } of steps) {
      for (let i = 0; i < common.length; i += COMMON_SIZE) values.push(common[i + field]!);
    }
    const median = medianOf(Float64Array.from(values));
    return median === null ? Number.NaN : median;
  };
  let samples = 0;
  let used = 0;
  for (const { blocks } of steps) {
    if (blocks.length > 0) used++;
    for (let i = 0; i < blocks.length; i += BLOCK_SIZE) samples += blocks[i]!;
  }
  const known = (value: number): number => (value <= 0 ? Number.NaN : value);
  return { t: column(5), x: known(column(4)), z: known(column(6)), samples, steps: used };
}

export function fitWithin(steps: readonly SideLoads[], levels: LoadLevels): SlopeFit {
  if (Number.isNaN(levels.x)) return NOTHING;
  const workers = [...sumsByWorker(steps).values()].map(centred);
  const enough = workers.filter((sums) => sums.count >= MIN_SAMPLES && sums.xx > 0);
  if (enough.length === 0) return NOTHING;
  const useZ = !Number.isNaN(levels.z) && secondMatters(enough);
  const slopesX: number[] = [];
  const slopesZ: number[] = [];
  const errors: number[] = [];
  for (const sums of enough) {
    const fit = solve(sums, useZ);
    slopesX.push(fit.x);
    slopesZ.push(fit.z);
    errors.push(fit.errorX);
  }
  const varianceX = medianNumber(enough.map(({ count, xx }) => xx / count));
  // The median of n slopes scatters 1.25 times as much as their mean.
  const error = (1.2533 * medianNumber(errors)) / Math.sqrt(enough.length);
  return {
    slopeX: medianNumber(slopesX),
    slopeZ: medianNumber(slopesZ),
    errorRatio: error / (levels.t / levels.x),
    spreadRatio: Math.sqrt(varianceX) / levels.x,
  };
}

/** Every point is a micro-batch of a step. */
export function fitCommon(steps: readonly SideLoads[], levels: LoadLevels): SlopeFit {
  if (Number.isNaN(levels.x)) return NOTHING;
  const sums = new Float64Array(BLOCK_SIZE);
  for (const { common } of steps) {
    for (let i = 0; i < common.length; i += COMMON_SIZE) {
      if (common[i + 1]! <= ABSENT) continue;
      // Near the levels, so that squares stay exact.
      const x = common[i + 1]! - levels.x;
      const y = common[i + 2]! - levels.t;
      const row = [1, x, y, 0, x * x, x * y, y * y, 0, 0, 0];
      for (let f = 0; f < BLOCK_SIZE; f++) sums[f] = sums[f]! + row[f]!;
    }
  }
  const all = centred(sums);
  if (all.count < MIN_SAMPLES || !(all.xx > 0)) return NOTHING;
  const { x, errorX } = solve(all, false);
  return {
    slopeX: x,
    slopeZ: 0,
    errorRatio: errorX / (levels.t / levels.x),
    spreadRatio: Math.sqrt(all.xx / all.count) / levels.x,
  };
}

/** Theil-Sen over pairs of workers whose loads differ; null where none do. */
export function slopesBetween(
  steps: readonly SideLoads[],
  levels: LoadLevels,
): { slopeX: number; slopeZ: number; spreadRatio: number } | null {
  const means = [...sumsByWorker(steps).values()].map((sums) =>
    Array.from(sums, (sum) => sum / sums[0]!),
  );
  const along = (field: number, level: number): { slope: number; spread: number } | null => {
    if (Number.isNaN(level)) return null;
    const slopes: number[] = [];
    let widest = 0;
    for (let a = 0; a < means.length; a++) {
      for (let b = 0; b < a; b++) {
        const difference = means[a]![field]! - means[b]![field]!;
        if (Math.abs(difference) < MIN_DIFFERENCE * level) continue;
        widest = Math.max(widest, Math.abs(difference) / level);
        slopes.push((means[a]![2]! - means[b]![2]!) / difference);
      }
    }
    return slopes.length === 0 ? null : { slope: medianNumber(slopes), spread: widest / 2 };
  };
  const first = along(1, levels.x);
  if (first !== null) return { slopeX: first.slope, slopeZ: 0, spreadRatio: first.spread };
  const second = along(3, levels.z);
  return second === null ? null : { slopeX: 0, slopeZ: second.slope, spreadRatio: second.spread };
}

/** Sums of all steps but those with a hiccup, by worker id, in the steps' order. */
function sumsByWorker(steps: readonly SideLoads[]): Map<string, Float64Array> {
  const scatters: number[] = [];
  for (const { blocks } of steps) {
    for (let i = 0; i < blocks.length; i += BLOCK_SIZE) scatters.push(scatterOf(blocks, i));
  }
  const limit = MAX_SCATTER * (medianOf(Float64Array.from(scatters)) ?? 0);
  const sums = new Map<string, Float64Array>();
  for (const { workers, blocks } of steps) {
    workers.forEach((id, w) => {
      const at = w * BLOCK_SIZE;
      if (limit > 0 && scatterOf(blocks, at) > limit) return;
      const own = sums.get(id) ?? new Float64Array(BLOCK_SIZE);
      sums.set(id, own);
      for (let f = 0; f < BLOCK_SIZE; f++) own[f] = own[f]! + blocks[at + f]!;
    });
  }
  return sums;
}

/** Variance of T in a block. */
function scatterOf(blocks: Float64Array, at: number): number {
  const count = blocks[at]!;
  return Math.max(0, blocks[at + 6]! / count - (blocks[at + 2]! / count) ** 2);
}

interface Centred {
  readonly count: number;
  readonly xx: number;
  readonly xy: number;
  readonly yy: number;
  readonly xz: number;
  readonly zy: number;
  readonly zz: number;
}

/** Sums of products of deviations from the means. */
function centred(sums: Float64Array): Centred {
  const [count, x, y, z, xx, xy, yy, xz, zy, zz] = sums as unknown as number[];
  const n = count!;
  return {
    count: n,
    xx: Math.max(0, xx! - (x! * x!) / n),
    xy: xy! - (x! * y!) / n,
    yy: Math.max(0, yy! - (y! * y!) / n),
    xz: xz! - (x! * z!) / n,
    zy: zy! - (z! * y!) / n,
    zz: Math.max(0, zz! - (z! * z!) / n),
  };
}

/** Least squares with slopes that are not negative. */
function solve(
  { count, xx, xy, yy, xz, zy, zz }: Centred,
  useZ: boolean,
): { x: number; z: number; errorX: number; errorZ: number } {
  const det = xx * zz - xz * xz;
  if (useZ && det > MIN_OWN_SHARE * xx * zz) {
    const x = (xy * zz - zy * xz) / det;
    const z = (zy * xx - xy * xz) / det;
    const rest = Math.max(0, yy - x * xy - z * zy) / Math.max(1, count - 3);
    if (x >= 0 && z >= 0) {
      return { x, z, errorX: Math.sqrt((rest * zz) / det), errorZ: Math.sqrt((rest * xx) / det) };
    }
  }
  const x = xy / xx;
  const rest = Math.max(0, yy - x * xy) / Math.max(1, count - 2);
  return { x, z: 0, errorX: Math.sqrt(rest / xx), errorZ: Infinity };
}

/** Does the second load tell what the first does not, over all workers? */
function secondMatters(workers: readonly Centred[]): boolean {
  const total = { count: 0, xx: 0, xy: 0, yy: 0, xz: 0, zy: 0, zz: 0 };
  for (const sums of workers) {
    for (const field of Object.keys(total) as (keyof Centred)[]) total[field] += sums[field];
  }
  const { z, errorZ } = solve(total, true);
  return z > MIN_SIGNIFICANCE * errorZ;
}

function medianNumber(values: readonly number[]): number {
  return medianOf(Float64Array.from(values)) ?? Number.NaN;
}
