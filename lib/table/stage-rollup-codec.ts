/**
 * Stage rollups and bands as bytes: the frame of every chunk, a small header, then columns of
 * residuals (column-codec.ts), which a general compressor shrinks. What predicts what:
 *
 *     sumNs       count times the mean of the row before of the same stage
 *     minNs       the row's own mean, from above; maxNs from below
 *     the rest    the row before of the same stage
 *
 * Layers of a model resemble each other, and so do the workers of a group. Columns with anything but
 * integers within ±2^51 are kept as plain doubles. Slices come first, so that a reader of slices can
 * leave the cells alone.
 */
import { unixNanos } from '#lib/base/units.ts';
import { ChunkContent, damaged, FRAME_BYTES, openFrame, sealFrame } from './chunk-frame.ts';
import { areSmallIntegers, ColumnReader, ColumnWriter, MAX_INTEGER } from './column-codec.ts';
import { type BandWorker, roleOf, type StageBands } from './stage-bands.ts';
import type { StageCells, StageRollup, StageSlices } from './stage-rollups.ts';
import { SLICES_PER_SECOND } from './stage-rollups.ts';

/** Far more than layers times stages, or workers times stages, can be. */
const MAX_ROWS = 2 ** 22;
const MAX_BINS = 2 ** 26;

/** What rows of cells, slices and bands have in common. */
interface Sums {
  readonly count: Float64Array;
  readonly sumNs: Float64Array;
  readonly minNs: Float64Array;
  readonly maxNs: Float64Array;
}

interface RollupHeader {
  readonly cells: number;
  readonly bins: number;
  /** -1: no slices. */
  readonly slices: number;
  readonly stages: readonly string[];
}

interface BandsHeader {
  readonly rows: number;
  readonly deployment: string;
  readonly resolutionNs: number;
  readonly bucketStartUnixNs: string;
  readonly stages: readonly string[];
  readonly workers: readonly (readonly [id: string, group: string, role: string, rank: number])[];
}

/** What a row's blob holds; the rest of a `StageRollup` are the row's own columns. */
export type StageRollupContent = Pick<StageRollup, 'cells' | 'slices'>;

export function encodeStageRollup({ cells, slices }: StageRollupContent): Uint8Array {
  const header: RollupHeader = {
    cells: cells.length,
    bins: cells.sketchBin.length,
    slices: slices === null ? -1 : slices.length,
    stages: cells.stageNames,
  };
  return framed(ChunkContent.stageRollups, header, cells.length * 32 + 256, (out) => {
    if (slices !== null) {
      writeDeltas(out, slices.slice);
      out.integers(slices.stage, slices.length);
      writeSums(out, slices, slices.stage);
    }
    writeDeltas(out, cells.stage);
    writeDeltas(out, cells.layer);
    writeSums(out, cells, cells.stage);
    writeSketches(out, cells);
  });
}

/**
 * Without `sketches`, cells have no bins: that takes half the time.
 * @throws ChunkFormatError where the bytes are something else, or not whole
 */
export function decodeStageRollup(bytes: Uint8Array, sketches = true): StageRollupContent {
  const { header, input } = openRollup(bytes);
  const slices = readSlices(input, header);
  const n = header.cells;
  const stage = Uint16Array.from(readDeltas(input, n));
  requireBelow(stage, header.stages.length);
  const layer = Int32Array.from(readDeltas(input, n));
  const sums = readSums(input, n, stage);
  const cells: StageCells = {
    length: n,
    stageNames: header.stages,
    stage,
    layer,
    ...sums,
    ...(sketches ? readSketches(input, n, header.bins, stage) : noSketches(n)),
  };
  if (sketches) input.end();
  return { cells, slices };
}

/** The slices alone, with the names that their stages index. @throws ChunkFormatError */
export function decodeStageSlices(bytes: Uint8Array): {
  readonly slices: StageSlices | null;
  readonly stageNames: readonly string[];
} {
  const { header, input } = openRollup(bytes);
  return { slices: readSlices(input, header), stageNames: header.stages };
}

export function encodeStageBands(bands: StageBands): Uint8Array {
  const header: BandsHeader = {
    rows: bands.length,
    deployment: bands.deployment,
    resolutionNs: bands.resolutionNs,
    bucketStartUnixNs: String(bands.bucketStartUnixNs),
    stages: bands.stageNames,
    workers: bands.workers.map(({ workerId, group, role, rank }) => [workerId, group, role, rank]),
  };
  return framed(ChunkContent.stageBands, header, bands.length * 24 + 256, (out) => {
    writeDeltas(out, bands.worker);
    out.integers(bands.stage, bands.length);
    writeSums(out, bands, bands.stage);
  });
}

/** @throws ChunkFormatError */
export function decodeStageBands(bytes: Uint8Array): StageBands {
  const { header: raw, columnsStart } = openFrame(bytes, ChunkContent.stageBands);
  const header = parseBands(raw);
  const input = new ColumnReader(bytes, columnsStart);
  const n = header.rows;
  const worker = Uint16Array.from(readDeltas(input, n));
  requireBelow(worker, header.workers.length);
  const stage = Uint16Array.from(integers(input, n));
  requireBelow(stage, header.stages.length);
  const sums = readSums(input, n, stage);
  input.end();
  return {
    deployment: header.deployment,
    resolutionNs: header.resolutionNs,
    bucketStartUnixNs: unixNanos(BigInt(header.bucketStartUnixNs)),
    length: n,
    workers: header.workers.map(
      ([workerId, group, role, rank]): BandWorker => ({
        workerId,
        group,
        role: roleOf(role),
        rank,
      }),
    ),
    stageNames: header.stages,
    worker,
    stage,
    ...sums,
  };
}

function framed(
  content: ChunkContent,
  header: RollupHeader | BandsHeader,
  capacity: number,
  write: (out: ColumnWriter) => void,
): Uint8Array {
  const headerBytes = new TextEncoder().encode(JSON.stringify(header));
  const out = new ColumnWriter(FRAME_BYTES + headerBytes.byteLength, capacity);
  write(out);
  const bytes = out.finish();
  bytes.set(headerBytes, FRAME_BYTES);
  sealFrame(bytes, content, headerBytes.byteLength);
  return bytes;
}

function openRollup(bytes: Uint8Array): { header: RollupHeader; input: ColumnReader } {
  const { header: raw, columnsStart } = openFrame(bytes, ChunkContent.stageRollups);
  const fields = raw as Partial<Record<keyof RollupHeader, unknown>>;
  const header: RollupHeader = {
    cells: count(fields.cells, 0, MAX_ROWS),
    bins: count(fields.bins, 0, MAX_BINS),
    slices: count(fields.slices, -1, MAX_ROWS),
    stages: texts(fields.stages),
  };
  return { header, input: new ColumnReader(bytes, columnsStart) };
}

function parseBands(raw: unknown): BandsHeader {
  const fields = raw as Partial<Record<keyof BandsHeader, unknown>>;
  const { deployment, resolutionNs, bucketStartUnixNs, workers } = fields;
  if (typeof deployment !== 'string' || typeof resolutionNs !== 'number') {
    throw damaged('the header of bands has another form');
  }
  if (typeof bucketStartUnixNs !== 'string' || !/^-?\d{1,20}$/.test(bucketStartUnixNs)) {
    throw damaged('the bucket of bands is not an instant');
  }
  if (!Array.isArray(workers)) throw damaged('the workers of bands are not a list');
  return {
    rows: count(fields.rows, 0, MAX_ROWS),
    deployment,
    resolutionNs,
    bucketStartUnixNs,
    stages: texts(fields.stages),
    workers: workers.map((worker: unknown) => {
      if (!Array.isArray(worker)) throw damaged('a worker of bands has another form');
      const [id, group, role, rank]: readonly unknown[] = worker;
      if (typeof id !== 'string' || typeof group !== 'string' || typeof role !== 'string') {
        throw damaged('a worker of bands has no name');
      }
      if (typeof rank !== 'number') throw damaged('a worker of bands has no rank');
      return [id, group, role, rank] as const;
    }),
  };
}

function count(value: unknown, least: number, most: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) {
    throw damaged('a count in the header is out of range');
  }
  return value;
}

function texts(value: unknown): readonly string[] {
  if (!Array.isArray(value)) throw damaged('the stage names are not a list');
  return value.map((name: unknown) => {
    if (typeof name !== 'string') throw damaged('a stage name is not text');
    return name;
  });
}

function requireBelow(column: Uint16Array, limit: number): void {
  for (const value of column) if (value >= limit) throw damaged('an index is out of range');
}

function readSlices(input: ColumnReader, header: RollupHeader): StageSlices | null {
  if (header.slices < 0) return null;
  const n = header.slices;
  const slice = Uint8Array.from(readDeltas(input, n));
  for (const value of slice) if (value >= SLICES_PER_SECOND) throw damaged('a slice is too late');
  const stage = Uint16Array.from(integers(input, n));
  requireBelow(stage, header.stages.length);
  return { length: n, slice, stage, ...readSums(input, n, stage) };
}

function writeDeltas(out: ColumnWriter, values: ArrayLike<number>): void {
  const deltas = new Float64Array(values.length);
  for (let i = 0; i < deltas.length; i++) deltas[i] = values[i]! - (i > 0 ? values[i - 1]! : 0);
  out.integers(deltas, deltas.length);
}

function readDeltas(input: ColumnReader, n: number): Float64Array {
  const values = integers(input, n);
  for (let i = 1; i < n; i++) values[i]! += values[i - 1]!;
  return values;
}

function writeSums(out: ColumnWriter, sums: Sums, stage: Uint16Array): void {
  const n = stage.length;
  const columns = [sums.count, sums.sumNs, sums.minNs, sums.maxNs];
  if (!columns.every(areSmallIntegers)) {
    for (const column of columns) out.doubles(column, n);
    return;
  }
  const residuals = [0, 1, 2, 3].map(() => new Float64Array(n));
  const [counts, sumsNs, lowsNs, highsNs] = residuals as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const last = new LastOfStage();
  for (let i = 0; i < n; i++) {
    const of = stage[i]!;
    const rows = sums.count[i]!;
    counts[i] = rows - last.count(of);
    sumsNs[i] = sums.sumNs[i]! - last.expectedSum(of, rows);
    const meanNs = last.meanOf(rows, sums.sumNs[i]!);
    lowsNs[i] = meanNs - sums.minNs[i]!;
    highsNs[i] = sums.maxNs[i]! - meanNs;
    last.set(of, rows, meanNs);
  }
  for (const column of residuals) out.integers(column, n);
}

function readSums(input: ColumnReader, n: number, stage: Uint16Array): Sums {
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

/** The row before of the same stage; writer and reader walk the same. */
class LastOfStage {
  readonly #counts: number[] = [];
  readonly #meansNs: number[] = [];

  count(stage: number): number {
    return this.#counts[stage] ?? 0;
  }

  /** Residuals must stay exact: what is too large to predict is not predicted. */
  expectedSum(stage: number, rows: number): number {
    const expected = (this.#meansNs[stage] ?? 0) * rows;
    return expected <= MAX_INTEGER && expected >= -MAX_INTEGER ? expected : 0;
  }

  meanOf(rows: number, sumNs: number): number {
    const mean = rows > 0 ? Math.round(sumNs / rows) : 0;
    return Object.is(mean, -0) ? 0 : mean;
  }

  set(stage: number, rows: number, meanNs: number): void {
    this.#counts[stage] = rows;
    this.#meansNs[stage] = meanNs;
  }
}

function writeSketches(out: ColumnWriter, cells: StageCells): void {
  const n = cells.length;
  const { stage, sketchOffsets, sketchBin, sketchCount } = cells;
  const sizes = new Float64Array(n);
  const bins = new Float64Array(sketchBin.length);
  const lastSize: number[] = [];
  const lastFirst: number[] = [];
  for (let i = 0; i < n; i++) {
    const of = stage[i]!;
    const from = sketchOffsets[i]!;
    const to = sketchOffsets[i + 1]!;
    sizes[i] = to - from - (lastSize[of] ?? 0);
    lastSize[of] = to - from;
    if (to === from) continue;
    bins[from] = sketchBin[from]! - (lastFirst[of] ?? 0);
    lastFirst[of] = sketchBin[from]!;
    for (let k = from + 1; k < to; k++) bins[k] = sketchBin[k]! - sketchBin[k - 1]! - 1;
  }
  out.integers(sizes, n);
  out.integers(bins, bins.length);
  if (areSmallIntegers(sketchCount)) out.integers(sketchCount, sketchCount.length);
  else out.doubles(sketchCount, sketchCount.length);
}

type Sketches = Pick<StageCells, 'sketchOffsets' | 'sketchBin' | 'sketchCount'>;

function noSketches(n: number): Sketches {
  return {
    sketchOffsets: new Uint32Array(n + 1),
    sketchBin: new Uint16Array(0),
    sketchCount: new Float64Array(0),
  };
}

function readSketches(input: ColumnReader, n: number, total: number, stage: Uint16Array): Sketches {
  const sizes = integers(input, n);
  const bins = integers(input, total);
  const counts = input.column(total);
  if (counts === null) throw damaged('the sketches have no counts');
  const sketchOffsets = new Uint32Array(n + 1);
  const sketchBin = new Uint16Array(total);
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

function integers(input: ColumnReader, n: number): Float64Array {
  const column = input.column(n);
  if (column === null || column.coding !== 'integers') throw damaged('a column is not integers');
  return column.values;
}
