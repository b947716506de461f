/**
 * Adds up stage rollups: counts and sums are added, minima and maxima compared, sketches added bin
 * by bin. Any order and any grouping of parts gives the same result, since all sums are integers
 * below 2^53.
 */
import { assert } from '#lib/base/assert.ts';
import { GrowableFloat64 } from '#lib/base/growable.ts';
import { StringTable } from '#lib/base/string-table.ts';
import { floorTo, type UnixNanos } from '#lib/base/units.ts';
import { STAGES } from './codes.ts';
import type { StageCells, StageRollup, StageSlices } from './stage-rollups.ts';

/** Bins of one cell: `counts[bin - first]`. Plain arrays: small typed ones are slow to make. */
interface CellSketch {
  first: number;
  counts: number[];
}

/** Room on either side of a cell's bins when it is made or has to grow. */
const SPARE_BINS = 8;

/** Sums of many `StageCells`, cell by cell. */
export class StageCellSums {
  readonly #names = new StringTable();
  readonly #slotOf = new Map<number, number>();
  readonly #stage: number[] = [];
  readonly #layer: number[] = [];
  readonly #count = new GrowableFloat64();
  readonly #sumNs = new GrowableFloat64();
  readonly #minNs = new GrowableFloat64();
  readonly #maxNs = new GrowableFloat64();
  readonly #sketches: CellSketch[] = [];

  get length(): number {
    return this.#stage.length;
  }

  /** `takes`: only cells of these stages (by name) and layers. */
  add(cells: StageCells, takes?: (stage: string, layer: number) => boolean): void {
    const names = cells.stageNames.map((name) => this.#names.intern(name));
    const {
      length,
      stage: stages,
      layer: layers,
      count,
      sumNs,
      minNs,
      maxNs,
      sketchOffsets,
    } = cells;
    const slotStages = this.#stage;
    const slotLayers = this.#layer;
    const sketches = this.#sketches;
    let columns = this.#columns();
    // Rows of one worker list the same cells in the same order: the next slot is a good guess.
    let guess = 0;
    for (let i = 0; i < length; i++) {
      const stage = names[stages[i]!]!;
      const layer = layers[i]!;
      if (takes !== undefined && !takes(this.#names.strings[stage]!, layer)) continue;
      let slot = guess;
      if (slotStages[slot] !== stage || slotLayers[slot] !== layer) {
        slot = this.#slot(stage, layer);
        columns = this.#columns();
      }
      guess = slot + 1;
      const known = columns.count[slot]! > 0;
      const min = minNs[i]!;
      const max = maxNs[i]!;
      columns.count[slot]! += count[i]!;
      columns.sumNs[slot]! += sumNs[i]!;
      if (!known || min < columns.minNs[slot]!) columns.minNs[slot] = min;
      if (!known || max > columns.maxNs[slot]!) columns.maxNs[slot] = max;
      addBins(sketches[slot]!, cells, sketchOffsets[i]!, sketchOffsets[i + 1]!);
    }
  }

  /** They are others after a new slot. */
  #columns() {
    return {
      count: this.#count.values,
      sumNs: this.#sumNs.values,
      minNs: this.#minNs.values,
      maxNs: this.#maxNs.values,
    };
  }

  /** Cells by stage (the schema's first, then by name), then layer. */
  finish(): StageCells {
    const n = this.length;
    const strings = this.#names.strings;
    const used = [...new Set(this.#stage)].sort((a, b) => compareStages(strings[a]!, strings[b]!));
    const stageNames = used.map((index) => strings[index]!);
    const rankOf = new Map(used.map((index, rank) => [index, rank]));
    // Stage and layer as one number, so that a numeric sort orders slots; layers have 32 bits.
    const keys = new Float64Array(n);
    const slotOf = new Map<number, number>();
    for (let slot = 0; slot < n; slot++) {
      keys[slot] = rankOf.get(this.#stage[slot]!)! * 2 ** 33 + this.#layer[slot]!;
      slotOf.set(keys[slot]!, slot);
    }
    keys.sort();
    const stage = new Uint16Array(n);
    const layer = new Int32Array(n);
    const [count, sumNs, minNs, maxNs] = [0, 1, 2, 3].map(() => new Float64Array(n)) as Columns;
    const sketchOffsets = new Uint32Array(n + 1);
    const bins: number[] = [];
    const binCounts: number[] = [];
    for (let i = 0; i < n; i++) {
      const slot = slotOf.get(keys[i]!)!;
      stage[i] = rankOf.get(this.#stage[slot]!)!;
      layer[i] = this.#layer[slot]!;
      count[i] = this.#count.values[slot]!;
      sumNs[i] = this.#sumNs.values[slot]!;
      minNs[i] = this.#minNs.values[slot]!;
      maxNs[i] = this.#maxNs.values[slot]!;
      const { first, counts } = this.#sketches[slot]!;
      for (let k = 0; k < counts.length; k++) {
        if (counts[k] === 0) continue;
        bins.push(first + k);
        binCounts.push(counts[k]!);
      }
      sketchOffsets[i + 1] = bins.length;
    }
    return {
      length: n,
      stageNames,
      stage,
      layer,
      count,
      sumNs,
      minNs,
      maxNs,
      sketchOffsets,
      sketchBin: Uint16Array.from(bins),
      sketchCount: Float64Array.from(binCounts),
    };
  }

  #slot(stage: number, layer: number): number {
    const key = layer * 65_536 + stage;
    const known = this.#slotOf.get(key);
    if (known !== undefined) return known;
    const slot = this.#stage.push(stage) - 1;
    this.#layer.push(layer);
    for (const column of [this.#count, this.#sumNs, this.#minNs, this.#maxNs]) column.push(0);
    this.#sketches.push({ first: 0, counts: [] });
    this.#slotOf.set(key, slot);
    return slot;
  }
}

/** Bins ascend within a cell. */
function addBins(sketch: CellSketch, cells: StageCells, from: number, to: number): void {
  if (from === to) return;
  const { sketchBin, sketchCount } = cells;
  const low = sketchBin[from]!;
  const high = sketchBin[to - 1]!;
  if (low < sketch.first || high >= sketch.first + sketch.counts.length) widen(sketch, low, high);
  const { first, counts } = sketch;
  for (let k = from; k < to; k++) counts[sketchBin[k]! - first]! += sketchCount[k]!;
}

function widen(sketch: CellSketch, low: number, high: number): void {
  const { first, counts } = sketch;
  const empty = counts.length === 0;
  const from = Math.max(0, (empty ? low : Math.min(low, first)) - SPARE_BINS);
  const end = Math.max(empty ? 0 : first + counts.length, high + SPARE_BINS + 1);
  const wider = new Array<number>(end - from).fill(0);
  for (let k = 0; k < counts.length; k++) wider[first - from + k] = counts[k]!;
  sketch.first = from;
  sketch.counts = wider;
}

type Columns = [Float64Array, Float64Array, Float64Array, Float64Array];

/** The schema's stages in its order, then others by name. */
export function compareStages(a: string, b: string): number {
  const names: readonly string[] = STAGES;
  const orderOf = (name: string): number => {
    const index = names.indexOf(name);
    return index < 0 ? names.length : index;
  };
  return orderOf(a) - orderOf(b) || (a < b ? -1 : a > b ? 1 : 0);
}

/** Slices of parts of the same bucket, added up: by slice, then stage of `stageNames`. */
export function mergeSlices(
  parts: readonly { readonly slices: StageSlices; readonly stageNames: readonly string[] }[],
  stageNames: readonly string[],
): StageSlices {
  const width = stageNames.length;
  const sums = new Map<number, { count: number; sumNs: number; minNs: number; maxNs: number }>();
  for (const { slices, stageNames: names } of parts) {
    const stageOf = names.map((name) => stageNames.indexOf(name));
    for (let i = 0; i < slices.length; i++) {
      const stage = stageOf[slices.stage[i]!]!;
      assert(stage >= 0, 'every stage of the slices is named by a cell');
      const key = slices.slice[i]! * width + stage;
      const sum = sums.get(key);
      if (sum === undefined) {
        sums.set(key, {
          count: slices.count[i]!,
          sumNs: slices.sumNs[i]!,
          minNs: slices.minNs[i]!,
          maxNs: slices.maxNs[i]!,
        });
        continue;
      }
      sum.count += slices.count[i]!;
      sum.sumNs += slices.sumNs[i]!;
      if (slices.minNs[i]! < sum.minNs) sum.minNs = slices.minNs[i]!;
      if (slices.maxNs[i]! > sum.maxNs) sum.maxNs = slices.maxNs[i]!;
    }
  }
  const sorted = [...sums].sort(([a], [b]) => a - b);
  return {
    length: sorted.length,
    slice: Uint8Array.from(sorted, ([key]) => Math.floor(key / width)),
    stage: Uint16Array.from(sorted, ([key]) => key % width),
    count: Float64Array.from(sorted, ([, sum]) => sum.count),
    sumNs: Float64Array.from(sorted, ([, sum]) => sum.sumNs),
    minNs: Float64Array.from(sorted, ([, sum]) => sum.minNs),
    maxNs: Float64Array.from(sorted, ([, sum]) => sum.maxNs),
  };
}

/**
 * Parts of one worker that lie in one bucket of `resolutionNs`, as that bucket's row. Slices stay
 * where the bucket is that of the parts; wider buckets have none.
 */
export function mergeStageRollups(
  parts: readonly StageRollup[],
  resolutionNs: number = parts[0]?.resolutionNs ?? 0,
): StageRollup {
  const first = parts[0];
  assert(first !== undefined, 'there is a part to merge');
  const bucketStartUnixNs: UnixNanos = floorTo(first.bucketStartUnixNs, BigInt(resolutionNs));
  const sums = new StageCellSums();
  for (const part of parts) {
    assert(
      floorTo(part.bucketStartUnixNs, BigInt(resolutionNs)) === bucketStartUnixNs,
      'parts lie in one bucket',
    );
    sums.add(part.cells);
  }
  const cells = sums.finish();
  const sliced = parts.flatMap(({ slices, cells: { stageNames }, resolutionNs: own }) =>
    slices === null || own !== resolutionNs ? [] : [{ slices, stageNames }],
  );
  return {
    ...first,
    resolutionNs,
    bucketStartUnixNs,
    cells,
    slices: sliced.length === 0 ? null : mergeSlices(sliced, cells.stageNames),
  };
}
