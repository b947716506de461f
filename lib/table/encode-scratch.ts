/** Columns on their way into a chunk, in memory that is used again and again. */
import { areSmallIntegers, type ColumnWriter } from './column-codec.ts';
import type { ListColumn } from './event-table.ts';
import { RowRuns } from './row-runs.ts';

/** Residuals of values below this fit 32 bits, as does their zigzag form. */
const NARROW = 2 ** 30;
const FIRST_ROWS = 65_536;

/** Rows of a table, and its column; null: it has none, and every value is -1. */
export type ColumnPart<T> = readonly [rows: number, column: T | null];

export class EncodeScratch {
  /** As the tables came until `sort`; then to be read in the order of `runs`. */
  startNs = new Float64Array(0);
  durationNs = new Float64Array(0);
  worker = new Int32Array(0);
  stage = new Uint16Array(0);
  /** Rows by (worker, start). */
  readonly runs = new RowRuns();
  /** Residuals as zigzag. */
  zigzag = new Int32Array(0);
  /** Stages in order. */
  stages = new Uint16Array(0);
  #integers = new Int32Array(0);
  #values = new Float64Array(0);
  #wide = new Float64Array(0);
  /** Of each stage. */
  readonly last = new Float64Array(65_536);
  readonly #lastInteger = new Int32Array(65_536);
  /** Bits of all codes of a column, and of all its values. */
  readonly #seen = new Int32Array(2);

  reserve(n: number): void {
    if (n <= this.startNs.length) return;
    const room = Math.max(FIRST_ROWS, 2 ** Math.ceil(Math.log2(n)));
    this.startNs = new Float64Array(room);
    this.durationNs = new Float64Array(room);
    this.worker = new Int32Array(room);
    this.stage = new Uint16Array(room);
    this.zigzag = new Int32Array(room);
    this.stages = new Uint16Array(room);
    this.#integers = new Int32Array(room);
    this.#values = new Float64Array(room);
    this.#wide = new Float64Array(room);
  }

  /** Finds the order by (worker, start); rows of equal keys keep theirs. */
  sort(n: number, workerCount: number): void {
    this.runs.find(n, this.worker, this.startNs, workerCount);
    const { order } = this.runs;
    if (order === null) return;
    this.startNs = this.#movedNumbers(this.startNs, order);
    this.durationNs = this.#movedNumbers(this.durationNs, order);
    this.worker = this.#movedIntegers(this.worker, order);
    for (let i = 0; i < n; i++) this.stages[i] = this.stage[order[i]!]!;
    this.stage.set(this.stages.subarray(0, n));
  }

  #movedNumbers(from: Float64Array<ArrayBuffer>, order: Uint32Array): Float64Array<ArrayBuffer> {
    const to = this.#wide;
    for (let i = 0; i < order.length; i++) to[i] = from[order[i]!]!;
    this.#wide = from;
    return to;
  }

  #movedIntegers(from: Int32Array<ArrayBuffer>, order: Uint32Array): Int32Array<ArrayBuffer> {
    const to = this.zigzag;
    for (let i = 0; i < order.length; i++) to[i] = from[order[i]!]!;
    this.zigzag = from;
    return to;
  }

  rowsOfWorker(workerCount: number): Float64Array {
    const rows = new Float64Array(workerCount);
    const { from, to, count } = this.runs;
    for (let r = 0; r < count; r++) rows[this.worker[from[r]!]!]! += to[r]! - from[r]!;
    return rows;
  }

  /** The column of stages: each as the difference to the row before. Puts them in order, too. */
  stageSteps(n: number, out: ColumnWriter): void {
    const { stage, stages, zigzag } = this;
    const { from, to, count } = this.runs;
    let previous = 0;
    let bits = 0;
    let at = 0;
    for (let r = 0; r < count; r++) {
      const end = to[r]!;
      for (let i = from[r]!; i < end; i++, at++) {
        const own = stage[i]!;
        const step = own - previous;
        previous = own;
        const code = (step << 1) ^ (step >> 31);
        stages[at] = own;
        zigzag[at] = code;
        bits |= code;
      }
    }
    out.zigzags(zigzag, n, bits);
  }

  /** A column of integers: each value as the difference to the last one of its stage. */
  integerColumn(
    parts: readonly ColumnPart<Int32Array | Uint8Array>[],
    n: number,
    stageCount: number,
    out: ColumnWriter,
  ): void {
    let values = this.#integers;
    fillParts(values, parts);
    if (areEqualIntegers(values, n) && Math.abs(values[0]!) < NARROW) {
      this.#writeConstant(n, stageCount, values[0]!, out);
      return;
    }
    const { from, to, count, order } = this.runs;
    if (order !== null) {
      values = this.#movedIntegers(values, order);
      this.#integers = values;
    }
    const { stages, zigzag } = this;
    const last = this.#lastInteger;
    last.fill(0, 0, stageCount);
    const seen = this.#seen.fill(0);
    for (let r = 0, at = 0; r < count; r++) {
      integerRun(values, from[r]!, to[r]!, stages, at, last, zigzag, seen);
      at += to[r]! - from[r]!;
    }
    if (seen[1]! >>> 30 === 0) {
      out.zigzags(zigzag, n, seen[0]!);
      return;
    }
    this.#values.set(values.subarray(0, n));
    this.#writeWide(n, stageCount, out);
  }

  /** A column of any numbers: differences as of integers where they are small, else plain doubles. */
  numberColumn(
    parts: readonly ColumnPart<Float64Array>[],
    n: number,
    stageCount: number,
    out: ColumnWriter,
  ): void {
    let values = this.#values;
    fillParts(values, parts);
    const first = values[0]!;
    if (
      areEqualNumbers(values, n) &&
      // Zeros may differ in their sign.
      first !== 0 &&
      Number.isInteger(first) &&
      Math.abs(first) < NARROW
    ) {
      this.#writeConstant(n, stageCount, first, out);
      return;
    }
    const { from, to, count, order } = this.runs;
    if (order !== null) {
      values = this.#movedNumbers(values, order);
      this.#values = values;
    }
    const { stages, zigzag } = this;
    const last = this.#lastInteger;
    last.fill(0, 0, stageCount);
    const seen = this.#seen.fill(0);
    let fits = true;
    for (let r = 0, at = 0; r < count && fits; r++) {
      fits = numberRun(values, from[r]!, to[r]!, stages, at, last, zigzag, seen);
      at += to[r]! - from[r]!;
    }
    if (fits && seen[1]! >>> 30 === 0) out.zigzags(zigzag, n, seen[0]!);
    else this.#writeWide(n, stageCount, out);
  }

  #writeConstant(n: number, stageCount: number, value: number, out: ColumnWriter): void {
    const { zigzag, stages, last } = this;
    const code = (value << 1) ^ (value >> 31);
    if (code !== 0) {
      zigzag.fill(0, 0, n);
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
    const { stages, last } = this;
    const ordered = this.#ordered(this.#values, n, this.#wide);
    if (!areSmallIntegers(ordered)) {
      out.doubles(ordered, n);
      return;
    }
    last.fill(0, 0, stageCount);
    for (let i = 0; i < n; i++) {
      const value = ordered[i]!;
      const stage = stages[i]!;
      ordered[i] = value - last[stage]!;
      last[stage] = value;
    }
    out.integers(ordered, n);
  }

  /** Starts and durations in order, valid until the next column. */
  orderedTimes(n: number): { readonly startNs: Float64Array; readonly durationNs: Float64Array } {
    return {
      startNs: this.#ordered(this.startNs, n, this.#values),
      durationNs: this.#ordered(this.durationNs, n, this.#wide),
    };
  }

  #ordered(from: Float64Array, n: number, to: Float64Array): Float64Array {
    const { runs } = this;
    let at = 0;
    for (let r = 0; r < runs.count; r++) {
      const end = runs.to[r]!;
      for (let i = runs.from[r]!; i < end; i++) to[at++] = from[i]!;
    }
    return to.subarray(0, n);
  }

  orderedLists({ offsets, values }: ListColumn, n: number): Float64Array {
    const { from, to, count, order } = this.runs;
    const ordered = new Float64Array(offsets[n]! - offsets[0]!);
    let at = 0;
    for (const row of order ?? []) {
      for (let k = offsets[row]!; k < offsets[row + 1]!; k++) ordered[at++] = values[k]!;
    }
    if (order !== null) return ordered;
    for (let r = 0; r < count; r++) {
      const run = values.subarray(offsets[from[r]!]!, offsets[to[r]!]!);
      ordered.set(run, at);
      at += run.length;
    }
    return ordered;
  }
}

/** One part after the other; -1 where a part has no such column. */
function fillParts(
  values: Int32Array | Float64Array,
  parts: readonly ColumnPart<Int32Array | Uint8Array | Float64Array>[],
): void {
  let filled = 0;
  for (const [rows, column] of parts) {
    if (column === null) values.fill(-1, filled, filled + rows);
    else values.set(column.length === rows ? column : column.subarray(0, rows), filled);
    filled += rows;
  }
}

/** Rows `from` until `to`, of which the first is row `at` in order: their codes, and what is `seen`. */
function integerRun(
  values: Int32Array,
  from: number,
  to: number,
  stages: Uint16Array,
  at: number,
  last: Int32Array,
  zigzag: Int32Array,
  seen: Int32Array,
): void {
  let bits = 0;
  let magnitude = 0;
  for (let i = from, k = at; i < to; i++, k++) {
    const value = values[i]!;
    const stage = stages[k]!;
    const residual = (value - last[stage]!) | 0;
    last[stage] = value;
    const code = (residual << 1) ^ (residual >> 31);
    zigzag[k] = code;
    bits |= code;
    magnitude |= value ^ (value >> 31);
  }
  seen[0]! |= bits;
  seen[1]! |= magnitude;
}

/** The same of any numbers. false: one is no integer of 32 bits. */
function numberRun(
  values: Float64Array,
  from: number,
  to: number,
  stages: Uint16Array,
  at: number,
  last: Int32Array,
  zigzag: Int32Array,
  seen: Int32Array,
): boolean {
  let bits = 0;
  let magnitude = 0;
  for (let i = from, k = at; i < to; i++, k++) {
    const value = values[i]!;
    const integer = value | 0;
    if (integer !== value || (integer === 0 && Object.is(value, -0))) return false;
    const stage = stages[k]!;
    const residual = (integer - last[stage]!) | 0;
    last[stage] = integer;
    const code = (residual << 1) ^ (residual >> 31);
    zigzag[k] = code;
    bits |= code;
    magnitude |= integer ^ (integer >> 31);
  }
  seen[0]! |= bits;
  seen[1]! |= magnitude;
  return true;
}

// One function a type: a loop that meets several takes more than twice the time.

function areEqualIntegers(values: Int32Array, n: number): boolean {
  const first = values[0]!;
  for (let i = 1; i < n; i++) if (values[i] !== first) return false;
  return true;
}

function areEqualNumbers(values: Float64Array, n: number): boolean {
  const first = values[0]!;
  for (let i = 1; i < n; i++) if (values[i] !== first) return false;
  return true;
}
