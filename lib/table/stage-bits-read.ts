/** Columns of stage rollups on their way in from bits (stage-bits.ts). */
import type { ColumnRoom } from '#lib/base/column-room.ts';
import { damaged } from './chunk-frame.ts';
import { type BitReader, followed, riceParameter, unzigzag } from './rice-bits.ts';
import {
  binParameter,
  COUNT,
  HIGH,
  LOW,
  MEAN,
  roundedMean,
  STATE,
  SumPrediction,
} from './stage-bits-model.ts';
import { SLICES_PER_SECOND, type StageCells, type StageSlices } from './stage-rollups.ts';
import { sketchBin } from './stage-sketch.ts';
import type { Sums } from './stage-sum-prediction.ts';

const prediction = new SumPrediction();
const MAX_INT = 0x7fffffff;

export function readSliceKeys(
  input: BitReader,
  length: number,
  stages: number,
  room: ColumnRoom,
): Pick<StageSlices, 'slice' | 'stage'> {
  const slice = room.uint8(length);
  const stage = room.uint16(length);
  let key = -1;
  let mean8 = 8;
  for (let i = 0; i < length; i++) {
    const code = input.rice(riceParameter(mean8));
    mean8 = followed(mean8, code);
    key += code + 1;
    if (key >= SLICES_PER_SECOND * stages) throw damaged('a slice is too late');
    slice[i] = Math.floor(key / stages);
    stage[i] = key % stages;
  }
  return { slice, stage };
}

export function readCellKeys(
  input: BitReader,
  length: number,
  stages: number,
  room: ColumnRoom,
): Pick<StageCells, 'stage' | 'layer'> {
  const stage = room.uint16(length);
  const layer = room.int32(length);
  let of = 0;
  for (let from = 0; from < length; ) {
    of += unzigzag(input.wide());
    const firstLayer = unzigzag(input.wide());
    const to = from + input.wide() + 1;
    if (of < 0 || of >= stages || to > length) throw damaged('a run of layers is out of range');
    for (let i = from; i < to; i++) {
      stage[i] = of;
      layer[i] = firstLayer + i - from;
    }
    from = to;
  }
  return { stage, layer };
}

export function readSums(
  input: BitReader,
  length: number,
  stage: Uint16Array,
  stages: number,
  room: ColumnRoom,
): Sums {
  const count = room.float64(length);
  const sumNs = room.float64(length);
  const minNs = room.float64(length);
  const maxNs = room.float64(length);
  prediction.begin(stages);
  const { values, means } = prediction;
  for (let i = 0; i < length; i++) {
    const at = stage[i]! * STATE;
    const isFirst = values[at + COUNT] === 0;
    let rows: number;
    let sum: number;
    let low: number;
    let high: number;
    if (isFirst) {
      rows = input.wide();
      sum = input.wide();
      low = input.wide();
      high = input.wide();
    } else {
      rows = values[at + COUNT]! + readResidual(input, means, at + COUNT);
      sum = prediction.sum(at, rows) + readResidual(input, means, at + MEAN);
      low = values[at + LOW]! + readResidual(input, means, at + LOW);
      high = values[at + HIGH]! + readResidual(input, means, at + HIGH);
    }
    if (!(rows >= 1)) throw damaged('a row of sums has no events');
    const mean = roundedMean(sum, rows);
    count[i] = rows;
    sumNs[i] = sum;
    minNs[i] = mean - low;
    maxNs[i] = mean + high;
    if (isFirst) prediction.start(at, rows, mean, low, high);
    else prediction.follow(at, rows, mean, low, high);
  }
  return { count, sumNs, minNs, maxNs };
}

function readResidual(input: BitReader, means: Int32Array, at: number): number {
  const mean8 = means[at]!;
  const code = input.rice(riceParameter(mean8));
  means[at] = followed(mean8, code);
  return code <= MAX_INT ? (code >>> 1) ^ -(code & 1) : unzigzag(code);
}

/** `total`: bins of all cells. */
export function readSketches(
  input: BitReader,
  { count, minNs, maxNs }: Sums,
  total: number,
  room: ColumnRoom,
): Pick<StageCells, 'sketchOffsets' | 'sketchBin' | 'sketchCount'> {
  const length = count.length;
  const sketchOffsets = room.uint32(length + 1);
  const bin = room.uint16(total);
  const sketchCount = room.float64(total);
  sketchOffsets[0] = 0;
  let k = 0;
  for (let i = 0; i < length; i++) {
    const first = sketchBin(minNs[i]!);
    const last = sketchBin(maxNs[i]!);
    const from = k;
    const parameter = binParameter(count[i]!, last - first + 1);
    k = input.sparse(bin, sketchCount, k, total - 1, first, last, parameter);
    let rest = count[i]!;
    for (let b = from; b < k; b++) rest -= sketchCount[b]!;
    if (k >= total || !(rest >= 1)) throw damaged('bins do not fit their cell');
    bin[k] = last;
    sketchCount[k++] = rest;
    sketchOffsets[i + 1] = k;
  }
  if (k !== total) throw damaged('there are fewer bins than the header says');
  return { sketchOffsets, sketchBin: bin, sketchCount };
}
