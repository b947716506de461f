/** Columns of stage rollups on their way out as bits (stage-bits.ts). */
import { type BitWriter, followed, riceParameter, zigzag } from './rice-bits.ts';
import {
  binParameter,
  COUNT,
  HIGH,
  LOW,
  MAX_SUM,
  MEAN,
  roundedMean,
  STATE,
  SumPrediction,
} from './stage-bits-model.ts';
import type { StageCells, StageSlices } from './stage-rollups.ts';
import { sketchBin } from './stage-sketch.ts';
import type { Sums } from './stage-sum-prediction.ts';

const MAX_COUNT = 2 ** 31 - 1;
const MAX_EXTREME = 2 ** 50;
/** Zigzag codes of residuals up to here have 31 bits. */
const MAX_NARROW = 2 ** 30 - 1;

const prediction = new SumPrediction();

/** Stages and slices as the steps from one row to the next. false: rows do not ascend. */
export function writeSliceKeys(out: BitWriter, slices: StageSlices, stages: number): boolean {
  const { length, slice, stage } = slices;
  out.reserve(length);
  let before = -1;
  let mean8 = 8;
  for (let i = 0; i < length; i++) {
    const key = slice[i]! * stages + stage[i]!;
    const code = key - before - 1;
    if (code < 0) return false;
    out.rice(code, riceParameter(mean8));
    mean8 = followed(mean8, code);
    before = key;
  }
  return true;
}

/** Stages and layers as runs: the step to the next stage, its first layer, how many follow. */
export function writeCellKeys(out: BitWriter, { length, stage, layer }: StageCells): void {
  let stageBefore = 0;
  for (let from = 0; from < length; ) {
    let to = from + 1;
    while (to < length && stage[to] === stage[from] && layer[to] === layer[to - 1]! + 1) to++;
    out.reserve(3);
    out.wide(zigzag(stage[from]! - stageBefore));
    out.wide(zigzag(layer[from]!));
    out.wide(to - from - 1);
    stageBefore = stage[from]!;
    from = to;
  }
}

/** false: these are not the counts, sums and extremes of integers, or too large; nothing is lost. */
export function writeSums(
  out: BitWriter,
  sums: Sums,
  stage: Uint16Array,
  length: number,
  stages: number,
): boolean {
  const { count, sumNs, minNs, maxNs } = sums;
  out.reserve(length * 4);
  prediction.begin(stages);
  const { values, means } = prediction;
  for (let i = 0; i < length; i++) {
    const rows = count[i]!;
    const sum = sumNs[i]!;
    const min = minNs[i]!;
    const max = maxNs[i]!;
    if (!areWhole(rows, sum, min, max)) return false;
    const mean = roundedMean(sum, rows);
    const low = mean - min;
    const high = max - mean;
    if (!(low >= 0 && high >= 0)) return false;
    const at = stage[i]! * STATE;
    if (values[at + COUNT] === 0) {
      out.wide(rows);
      out.wide(sum);
      out.wide(low);
      out.wide(high);
      prediction.start(at, rows, mean, low, high);
      continue;
    }
    writeResidual(out, means, at + COUNT, rows - values[at + COUNT]!);
    writeResidual(out, means, at + MEAN, sum - prediction.sum(at, rows));
    writeResidual(out, means, at + LOW, low - values[at + LOW]!);
    writeResidual(out, means, at + HIGH, high - values[at + HIGH]!);
    prediction.follow(at, rows, mean, low, high);
  }
  return true;
}

function writeResidual(out: BitWriter, means: Int32Array, at: number, residual: number): void {
  const mean8 = means[at]!;
  const narrow = residual | 0;
  if (narrow !== residual || narrow > MAX_NARROW || narrow < -MAX_NARROW) {
    const code = zigzag(residual);
    out.rice(code, riceParameter(mean8));
    means[at] = followed(mean8, code);
    return;
  }
  const code = (narrow << 1) ^ (narrow >> 31);
  out.narrow(code, riceParameter(mean8));
  means[at] = followed(mean8, code);
}

function areWhole(count: number, sumNs: number, minNs: number, maxNs: number): boolean {
  if (!(count >= 1 && count <= MAX_COUNT && sumNs <= MAX_SUM)) return false;
  if (!(minNs >= 0 && maxNs <= MAX_EXTREME)) return false;
  if (Math.floor(count) !== count || Math.floor(sumNs) !== sumNs) return false;
  if (Math.floor(minNs) !== minNs || Math.floor(maxNs) !== maxNs) return false;
  return minNs !== 0 || (!Object.is(minNs, -0) && !Object.is(sumNs, -0) && !Object.is(maxNs, -0));
}

/**
 * The counts from the bin of the minimum to the one of the maximum, whose own is what is left. false: these
 * are not the bins of just the cell's events.
 */
export function writeSketches(out: BitWriter, cells: StageCells): boolean {
  const { length, count, minNs, maxNs, sketchOffsets, sketchBin: bin, sketchCount } = cells;
  for (let i = 0; i < length; i++) {
    const from = sketchOffsets[i]!;
    const last = sketchOffsets[i + 1]! - 1;
    if (last < from) return false;
    const first = sketchBin(minNs[i]!);
    const end = sketchBin(maxNs[i]!);
    if (bin[from] !== first || bin[last] !== end) return false;
    out.reserve(end - first);
    const parameter = binParameter(count[i]!, end - first + 1);
    if (!out.sparse(bin, sketchCount, from, last, first, end, parameter)) return false;
    let rest = count[i]!;
    for (let k = from; k < last; k++) rest -= sketchCount[k]!;
    if (rest < 1 || sketchCount[last] !== rest) return false;
  }
  return true;
}
