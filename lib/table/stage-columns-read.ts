/** Columns of stage rollups on their way in (stage-rollup-codec.ts). */
import type { ColumnRoom } from '#lib/base/column-room.ts';
import { damaged } from './chunk-frame.ts';
import type { ColumnReader } from './column-codec.ts';
import type { StageCells, StageSlices } from './stage-rollups.ts';
import { SLICES_PER_SECOND } from './stage-rollups.ts';
import { LastOfStage, type Sums } from './stage-sum-prediction.ts';

export function requireBelow(column: Uint16Array, limit: number): void {
  for (const value of column) if (value >= limit) throw damaged('an index is out of range');
}

export function readSlices(
  input: ColumnReader,
  header: { readonly slices: number; readonly stages: readonly string[] },
  room: ColumnRoom,
): StageSlices | null {
  if (header.slices < 0) return null;
  const n = header.slices;
  const slice = filled(room.uint8(n), readDeltas(input, n));
  for (const value of slice) if (value >= SLICES_PER_SECOND) throw damaged('a slice is too late');
  const stage = filled(room.uint16(n), integers(input, n));
  requireBelow(stage, header.stages.length);
  return { length: n, slice, stage, ...readSums(input, n, stage) };
}

export function filled<T extends Uint8Array | Uint16Array | Int32Array>(
  column: T,
  values: Float64Array,
): T {
  for (let i = 0; i < values.length; i++) column[i] = values[i]!;
  return column;
}

export function readDeltas(input: ColumnReader, n: number): Float64Array {
  const values = integers(input, n);
  for (let i = 1; i < n; i++) values[i]! += values[i - 1]!;
  return values;
}

export function readSums(input: ColumnReader, n: number, stage: Uint16Array): Sums {
  const columns = [0, 1, 2, 3].map(() => input.column(n));
  const [counts, sums, lows, highs] = columns;
  if (counts == null || sums == null || lows == null || highs == null) {
    throw damaged('sums are missing');
  }
  const result = {
    count: counts.values,
    sumNs: sums.values,
    minNs: lows.values,
    maxNs: highs.values,
  };
  if (columns.every((column) => column?.coding === 'doubles')) return result;
  if (columns.some((column) => column?.coding === 'doubles')) throw damaged('sums are mixed');
  const last = new LastOfStage();
  for (let i = 0; i < n; i++) {
    const of = stage[i]!;
    const rows = last.count(of) + result.count[i]!;
    result.count[i] = rows;
    const sumNs = last.expectedSum(of, rows) + result.sumNs[i]!;
    result.sumNs[i] = sumNs;
    const meanNs = last.meanOf(rows, sumNs);
    result.minNs[i] = meanNs - result.minNs[i]!;
    result.maxNs[i] = meanNs + result.maxNs[i]!;
    last.set(of, rows, meanNs);
  }
  return result;
}

type Sketches = Pick<StageCells, 'sketchOffsets' | 'sketchBin' | 'sketchCount'>;

export function noSketches(n: number): Sketches {
  return {
    sketchOffsets: new Uint32Array(n + 1),
    sketchBin: new Uint16Array(0),
    sketchCount: new Float64Array(0),
  };
}

export function readSketches(
  input: ColumnReader,
  n: number,
  total: number,
  stage: Uint16Array,
  room: ColumnRoom,
): Sketches {
  const sizes = integers(input, n);
  const bins = integers(input, total);
  const counts = input.column(total);
  if (counts === null) throw damaged('the sketches have no counts');
  const sketchOffsets = room.uint32(n + 1);
  sketchOffsets[0] = 0;
  const sketchBin = room.uint16(total);
  const lastSize: number[] = [];
  const lastFirst: number[] = [];
  let at = 0;
  for (let i = 0; i < n; i++) {
    const of = stage[i]!;
    const size = (lastSize[of] ?? 0) + sizes[i]!;
    lastSize[of] = size;
    const end = at + size;
    if (size < 0 || end > total) throw damaged('a sketch is longer than the header says');
    sketchOffsets[i + 1] = end;
    if (size === 0) continue;
    let bin = (lastFirst[of] ?? 0) + bins[at]!;
    lastFirst[of] = bin;
    for (let k = at; ; ) {
      if (bin < 0 || bin > 0xffff) throw damaged('a bin is out of range');
      sketchBin[k] = bin;
      if (++k === end) break;
      if (bins[k]! < 0) throw damaged('bins do not ascend');
      bin += 1 + bins[k]!;
    }
    at = end;
  }
  if (at !== total) throw damaged('the sketches are shorter than the header says');
  return { sketchOffsets, sketchBin, sketchCount: counts.values };
}

export function integers(input: ColumnReader, n: number): Float64Array {
  const column = input.column(n);
  if (column === null || column.coding !== 'integers') throw damaged('a column is not integers');
  return column.values;
}
