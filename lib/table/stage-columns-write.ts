/** Columns of stage rollups on their way out (stage-rollup-codec.ts): residuals as zigzag codes. */
import { areSmallIntegers, type ColumnWriter, MAX_INTEGER } from './column-codec.ts';
import type { StageCells } from './stage-rollups.ts';
import { LastOfStage, type Sums } from './stage-sum-prediction.ts';

export function writeIndices(out: ColumnWriter, values: Uint16Array): void {
  const codes = codesOf(0, values.length);
  let bits = 0;
  for (let i = 0; i < values.length; i++) bits |= codes[i] = values[i]! << 1;
  out.zigzags(codes, values.length, bits);
}

export function writeDeltas(
  out: ColumnWriter,
  values: Uint8Array | Uint16Array | Int32Array,
): void {
  const n = values.length;
  const codes = codesOf(0, n);
  let bits = 0;
  let before = 0;
  for (let i = 0; i < n; i++) {
    const value = values[i]!;
    const delta = value - before;
    if ((delta | 0) !== delta) {
      writeWideDeltas(out, values);
      return;
    }
    bits |= codes[i] = (delta << 1) ^ (delta >> 31);
    before = value;
  }
  out.zigzags(codes, n, bits);
}

function writeWideDeltas(out: ColumnWriter, values: ArrayLike<number>): void {
  const deltas = new Float64Array(values.length);
  for (let i = 0; i < deltas.length; i++) deltas[i] = values[i]! - (i > 0 ? values[i - 1]! : 0);
  out.integers(deltas, deltas.length);
}

export function writeSums(out: ColumnWriter, sums: Sums, stage: Uint16Array): void {
  const n = stage.length;
  if (writeNarrowSums(out, sums, stage)) return;
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

/** The same columns where all residuals have 32 bits, at a third of the time; false: they have not. */
function writeNarrowSums(out: ColumnWriter, sums: Sums, stage: Uint16Array): boolean {
  const n = stage.length;
  const counts = codesOf(0, n);
  const sumsNs = codesOf(1, n);
  const lowsNs = codesOf(2, n);
  const highsNs = codesOf(3, n);
  const last = new LastOfStage();
  let countBits = 0;
  let sumBits = 0;
  let lowBits = 0;
  let highBits = 0;
  for (let i = 0; i < n; i++) {
    const of = stage[i]!;
    const rows = sums.count[i]!;
    const sumNs = sums.sumNs[i]!;
    const minNs = sums.minNs[i]!;
    const maxNs = sums.maxNs[i]!;
    const meanNs = last.meanOf(rows, sumNs);
    const count = rows - last.count(of);
    const sum = sumNs - last.expectedSum(of, rows);
    const low = meanNs - minNs;
    const high = maxNs - meanNs;
    if ((count | 0) !== count || (sum | 0) !== sum) return false;
    if ((low | 0) !== low || (high | 0) !== high) return false;
    if (isMinusZero(rows) || isMinusZero(sumNs) || isMinusZero(minNs) || isMinusZero(maxNs)) {
      return false;
    }
    // Residuals of numbers beyond are no proof that these are integers.
    if (!(sumNs <= MAX_INTEGER && maxNs <= MAX_INTEGER && minNs >= -MAX_INTEGER)) return false;
    countBits |= counts[i] = (count << 1) ^ (count >> 31);
    sumBits |= sumsNs[i] = (sum << 1) ^ (sum >> 31);
    lowBits |= lowsNs[i] = (low << 1) ^ (low >> 31);
    highBits |= highsNs[i] = (high << 1) ^ (high >> 31);
    last.set(of, rows, meanNs);
  }
  out.zigzags(counts, n, countBits);
  out.zigzags(sumsNs, n, sumBits);
  out.zigzags(lowsNs, n, lowBits);
  out.zigzags(highsNs, n, highBits);
  return true;
}

function isMinusZero(value: number): boolean {
  return value === 0 && Object.is(value, -0);
}

const codeRooms = [0, 1, 2, 3].map(() => new Int32Array(1024));

/** Memory for zigzag codes that is used again: it costs more than the coding. */
function codesOf(room: 0 | 1 | 2 | 3, count: number): Int32Array {
  const known = codeRooms[room]!;
  if (known.length >= count) return known;
  const grown = new Int32Array(count * 2);
  codeRooms[room] = grown;
  return grown;
}

export function writeSketches(out: ColumnWriter, cells: StageCells): void {
  const n = cells.length;
  const { stage, sketchOffsets, sketchBin, sketchCount } = cells;
  const total = sketchBin.length;
  const sizes = codesOf(0, n);
  const bins = codesOf(1, total);
  const lastSize: number[] = [];
  const lastFirst: number[] = [];
  let sizeBits = 0;
  let binBits = 0;
  for (let i = 0; i < n; i++) {
    const of = stage[i]!;
    const from = sketchOffsets[i]!;
    const to = sketchOffsets[i + 1]!;
    const size = to - from - (lastSize[of] ?? 0);
    sizeBits |= sizes[i] = (size << 1) ^ (size >> 31);
    lastSize[of] = to - from;
    if (to === from) continue;
    const first = sketchBin[from]! - (lastFirst[of] ?? 0);
    binBits |= bins[from] = (first << 1) ^ (first >> 31);
    lastFirst[of] = sketchBin[from]!;
    for (let k = from + 1; k < to; k++) {
      const gap = sketchBin[k]! - sketchBin[k - 1]! - 1;
      binBits |= bins[k] = (gap << 1) ^ (gap >> 31);
    }
  }
  out.zigzags(sizes, n, sizeBits);
  out.zigzags(bins, total, binBits);
  writeCounts(out, sketchCount);
}

function writeCounts(out: ColumnWriter, counts: Float64Array): void {
  const n = counts.length;
  const codes = codesOf(0, n);
  let bits = 0;
  for (let i = 0; i < n; i++) {
    const count = counts[i]!;
    if ((count | 0) !== count || isMinusZero(count)) {
      if (areSmallIntegers(counts)) out.integers(counts, n);
      else out.doubles(counts, n);
      return;
    }
    bits |= codes[i] = (count << 1) ^ (count >> 31);
  }
  out.zigzags(codes, n, bits);
}
