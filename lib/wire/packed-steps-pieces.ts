/** From an opened packed step to what sums over its stages and layers need. */
import { Phase } from '#lib/table/codes.ts';
import {
  baseSliceOf,
  type PackedTimesBuilder,
  SLICE_NS,
  withinSliceNs,
} from '#lib/table/packed-times.ts';
import type { PackedStepReader } from './packed-steps.ts';
import { LAYER_COLUMN } from './packed-steps-format.ts';

/**
 * Notes all events of the step, of which none is refused. `stages` are the stage codes of its
 * series.
 */
export function addStepTimes(
  reader: PackedStepReader,
  stages: Uint16Array,
  out: PackedTimesBuilder,
): void {
  const { series, startNs, durationNs, baseHigh, baseLow } = reader;
  const withinNs = withinSliceNs(baseHigh, baseLow);
  const baseSlice = baseSliceOf(baseHigh, baseLow);
  let all = true;
  for (let s = 0; s < series.length; s++) if (isLeftOut(series.phase[s]!)) all = false;
  if (all) out.addDurations(durationNs, 0, reader.events);
  for (let s = 0; s < series.length; s++) {
    const first = series.firstRow[s]!;
    const end = first + series.rows[s]!;
    if (!all) {
      if (isLeftOut(series.phase[s]!)) continue;
      out.addDurations(durationNs, first, end);
    }
    const layers = readLayers(reader, s);
    const stage = stages[s]!;
    const ascending = series.ascending[s] === 1;
    for (let row = first; row < end; ) {
      const slice = Math.floor((startNs[row]! + withinNs) / SLICE_NS);
      const sliceStartNs = slice * SLICE_NS - withinNs;
      const sliceEndNs = sliceStartNs + SLICE_NS;
      let next = row + 1;
      if (ascending) {
        next = startNs[end - 1]! < sliceEndNs ? end : firstFrom(startNs, sliceEndNs, next, end);
      } else {
        while (next < end && startNs[next]! >= sliceStartNs && startNs[next]! < sliceEndNs) next++;
      }
      if (layers === null) {
        const { firstLayer, layerStep } = reader.values;
        const layer = firstLayer + (row - first) * layerStep;
        out.addPiece(stage, baseSlice + slice, layer, layerStep, next - row);
      } else {
        addRuns(layers, row - first, next - first, stage, baseSlice + slice, out);
      }
      row = next;
    }
  }
  out.endStep();
}

function isLeftOut(phase: number): boolean {
  return phase === Phase.warmup || phase === Phase.capture;
}

/** The first row of `[from, end)` that starts at `instantNs` or later; starts ascend. */
function firstFrom(startNs: Float64Array, instantNs: number, from: number, end: number): number {
  let low = from;
  let high = end;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (startNs[middle]! < instantNs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The layers of a series; null where the values say `firstLayer` and `layerStep` instead. */
function readLayers({ series, cursor, values }: PackedStepReader, s: number): Float64Array | null {
  if ((series.mask[s]! & (1 << LAYER_COLUMN)) === 0) {
    values.firstLayer = -1;
    values.layerStep = 0;
    return null;
  }
  cursor.pos = series.columnsAt[s]!;
  return values.layers(series.rows[s]!) ? null : values.scratch;
}

/** Pieces of rows `[from, to)` in which layers stay or go up one by one. */
function addRuns(
  layers: Float64Array,
  from: number,
  to: number,
  stage: number,
  slice: number,
  out: PackedTimesBuilder,
): void {
  for (let row = from; row < to; ) {
    const layer = layers[row]!;
    const second = row + 1 < to ? layers[row + 1]! : Number.NaN;
    const layerStep = second === layer + 1 ? 1 : 0;
    let next = row + 1;
    while (next < to && layers[next] === layer + (next - row) * layerStep) next++;
    out.addPiece(stage, slice, layer, layerStep, next - row);
    row = next;
  }
}
