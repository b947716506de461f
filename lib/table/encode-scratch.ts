/** Columns on their way into a chunk, in memory that is used again and again. */
import { areSmallIntegers, type ColumnWriter } from './column-codec.ts';
import type { ListColumn } from './event-table.ts';
import { rowsByKey, sortByStart } from './event-tables.ts';

/** Residuals of values below this fit 32 bits, as does their zigzag form. */
const NARROW = 2 ** 30;
const FIRST_ROWS = 65_536;

type NumberArray = Float64Array | Int32Array | Uint16Array | Uint8Array;

export class EncodeScratch {
  /** As the tables came, in the order of `order`, where there is one. */
  startNs = new Float64Array(0);
  durationNs = new Float64Array(0);
  worker = new Int32Array(0);
  stage = new Uint16Array(0);
  /** Rows by (worker, start); null: they are. */
  order: Uint32Array | null = null;
  /** Residuals as zigzag. */
  zigzag = new Int32Array(0);
  /** Stages in order. */
  stages = new Uint16Array(0);
  #values = new Float64Array(0);
  #wide = new Float64Array(0);
  #isConstant = false;
  /** Integer columns have none. */
  #mayBeNegativeZero = false;
  /** Of each stage. */
  readonly last = new Float64Array(65_536);
  readonly #lastInteger = new Int32Array(65_536);

  reserve(n: number): void {
    if (n <= this.startNs.length) return;
    const room = Math.max(FIRST_ROWS, 2 ** Math.ceil(Math.log2(n)));
    this.startNs = new Float64Array(room);
    this.durationNs = new Float64Array(room);
    this.worker = new Int32Array(room);
    this.stage = new Uint16Array(room);
    this.zigzag = new Int32Array(room);
    this.stages = new Uint16Array(room);
    this.#values = new Float64Array(room);
    this.#wide = new Float64Array(room);
  }

  /** Finds the order by (worker, start); rows of equal keys keep theirs. */
  sort(n: number, workerCount: number): void {
    const { worker, startNs, stage, stages } = this;
    let sorted = true;
    for (let i = 1; i < n && sorted; i++) {
      const step = worker[i]! - worker[i - 1]!;
      sorted = step > 0 || (step === 0 && startNs[i]! >= startNs[i - 1]!);
    }
    this.order = null;
    if (sorted) {
      stages.set(stage.subarray(0, n));
      return;
    }
    const order = rowsByKey(worker.subarray(0, n), workerCount);
    let from = 0;
    for (let i = 1; i <= n; i++) {
      if (i < n && worker[order[i]!] === worker[order[from]!]) continue;
      sortByStart(order.subarray(from, i), startNs);
      from = i;
    }
    for (let i = 0; i < n; i++) stages[i] = stage[order[i]!]!;
    this.order = order;
  }

  rowsOfWorker(n: number, workerCount: number): Float64Array {
    const rows = new Float64Array(workerCount);
    for (let i = 0; i < n; i++) rows[this.worker[i]!]!++;
    return rows;
  }

  /** The column of stages: each as the difference to the row before. */
  stageSteps(n: number, out: ColumnWriter): void {
    const { stages, zigzag } = this;
    let previous = 0;
    let bits = 0;
    for (let i = 0; i < n; i++) {
      const stage = stages[i]!;
      const step = stage - previous;
      previous = stage;
      const code = (step << 1) ^ (step >> 31);
      zigzag[i] = code;
      bits |= code;
    }
    out.zigzags(zigzag, n, bits);
  }

  /** Takes the next column: parts of the tables, -1 where a table has none. */
  fillColumn(parts: readonly (readonly [number, NumberArray | null])[]): void {
    this.#mayBeNegativeZero = parts.some(([, column]) => column instanceof Float64Array);
    let at = 0;
    let first = Number.NaN;
    let constant = true;
    for (const [length, column] of parts) {
      if (length === 0) continue;
      if (at === 0) first = column?.[0] ?? -1;
      constant = constant && isAll(column, length, first);
      at += length;
    }
    this.#isConstant = constant && Math.abs(first) < NARROW && !Object.is(first, -0);
    const values = this.#values;
    if (this.#isConstant) {
      values[0] = first;
      return;
    }
    at = 0;
    for (const [length, column] of parts) {
      if (column === null) values.fill(-1, at, at + length);
      else values.set(column.subarray(0, length), at);
      at += length;
    }
  }

  /** Writes it: each value as the difference to the last one of its stage, or plain doubles. */
  writeByStage(n: number, stageCount: number, out: ColumnWriter): void {
    if (this.#isConstant && Number.isInteger(this.#values[0])) {
      this.#writeConstant(n, stageCount, this.#values[0]!, out);
      return;
    }
    if (this.#isConstant) this.#values.fill(this.#values[0]!, 0, n);
    const { order, stages, zigzag } = this;
    const values = this.#values;
    const last = this.#lastInteger;
    last.fill(0, 0, stageCount);
    let magnitude = 0;
    let bits = 0;
    let fits = !this.#mayBeNegativeZero || !hasNegativeZero(values, n);
    for (let i = 0; i < n && fits; i++) {
      const value = values[order === null ? i : order[i]!]!;
      const integer = value | 0;
      fits = integer === value;
      magnitude |= integer ^ (integer >> 31);
      const stage = stages[i]!;
      const residual = (integer - last[stage]!) | 0;
      last[stage] = integer;
      const code = (residual << 1) ^ (residual >> 31);
      zigzag[i] = code;
      bits |= code;
    }
    if (fits && magnitude >>> 30 === 0) {
      out.zigzags(zigzag, n, bits);
    } else {
      this.#writeWide(n, stageCount, out);
    }
  }

  #writeConstant(n: number, stageCount: number, value: number, out: ColumnWriter): void {
    const { zigzag, stages, last } = this;
    zigzag.fill(0, 0, n);
    const code = (value << 1) ^ (value >> 31);
    if (code !== 0) {
      last.fill(0, 0, stageCount);
      for (let i = 0, left = stageCount; i < n && left > 0; i++) {
        if (last[stages[i]!] !== 0) continue;
        last[stages[i]!] = 1;
        zigzag[i] = code;
        left--;
      }
    }
    out.zigzags(zigzag, n, n === 0 ? 0 : code);
  }

  #writeWide(n: number, stageCount: number, out: ColumnWriter): void {
    const { stages, last, order } = this;
    const wide = this.#wide;
    const ordered = this.#values;
    if (order !== null) {
      for (let i = 0; i < n; i++) wide[i] = ordered[order[i]!]!;
      ordered.set(wide.subarray(0, n));
    }
    if (!areSmallIntegers(ordered.subarray(0, n))) {
      out.doubles(ordered, n);
      return;
    }
    last.fill(0, 0, stageCount);
    for (let i = 0; i < n; i++) {
      const value = ordered[i]!;
      const stage = stages[i]!;
      wide[i] = value - last[stage]!;
      last[stage] = value;
    }
    out.integers(wide, n);
  }

  /** Starts and durations in order. */
  orderedTimes(n: number): { readonly startNs: Float64Array; readonly durationNs: Float64Array } {
    const { order, startNs, durationNs } = this;
    if (order === null)
      return { startNs: startNs.subarray(0, n), durationNs: durationNs.subarray(0, n) };
    const starts = this.#values;
    const durations = this.#wide;
    for (let i = 0; i < n; i++) {
      const row = order[i]!;
      starts[i] = startNs[row]!;
      durations[i] = durationNs[row]!;
    }
    startNs.set(starts.subarray(0, n));
    durationNs.set(durations.subarray(0, n));
    return { startNs: startNs.subarray(0, n), durationNs: durationNs.subarray(0, n) };
  }

  /** Workers in order. */
  workerAt(i: number): number {
    return this.worker[this.order === null ? i : this.order[i]!]!;
  }

  orderedLists({ offsets, values }: ListColumn, n: number): Float64Array {
    const { order } = this;
    if (order === null) return values.subarray(offsets[0]!, offsets[n]!);
    const ordered = new Float64Array(offsets[n]! - offsets[0]!);
    let at = 0;
    for (let i = 0; i < n; i++) {
      const from = offsets[order[i]!]!;
      const to = offsets[order[i]! + 1]!;
      ordered.set(values.subarray(from, to), at);
      at += to - from;
    }
    return ordered;
  }
}

function isAll(column: NumberArray | null, length: number, value: number): boolean {
  if (column === null) return value === -1;
  for (let i = 0; i < length; i++) if (column[i] !== value) return false;
  return true;
}

function hasNegativeZero(values: Float64Array, n: number): boolean {
  for (let i = 0; i < n; i++) if (Object.is(values[i], -0)) return true;
  return false;
}
