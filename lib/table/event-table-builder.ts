/**
 * Grows event columns row by row. Decoders write the public columns directly at `length`, after
 * `reserve`, and then add one to `length`; everybody else calls `add`.
 */
import { assert } from '#lib/base/assert.ts';
import type { UnixNanos } from '#lib/base/units.ts';
import { ABSENT, STAGES } from './codes.ts';
import {
  type EventTable,
  LISTS,
  type ListColumn,
  type ListName,
  MEASURES,
  type Measure,
} from './event-table.ts';
import type { WorkerInfo } from './worker-info.ts';

/** One event as an object: for tests and small producers. Absent fields take their defaults. */
export interface EventRow {
  readonly startNs: number;
  readonly durationNs: number;
  readonly worker: number;
  readonly stage: number;
  readonly kind: number;
  readonly domain?: number;
  readonly step?: number;
  readonly layer?: number;
  readonly microbatch?: number;
  readonly phase?: number;
  readonly peer?: number;
  readonly measures?: Partial<Record<Measure, number>>;
  readonly lists?: Partial<Record<ListName, readonly number[]>>;
}

/** What every event has. The arrays of one table share a buffer, so that making them is cheap. */
interface Columns {
  startNs: Float64Array;
  durationNs: Float64Array;
  step: Float64Array;
  worker: Int32Array;
  domain: Int32Array;
  layer: Int32Array;
  microbatch: Int32Array;
  peer: Int32Array;
  stage: Uint16Array;
  kind: Uint8Array;
  phase: Uint8Array;
}
const ROW_BYTES = 3 * 8 + 5 * 4 + 2 + 2 * 1;

const COLUMN_NAMES = [
  'startNs',
  'durationNs',
  'step',
  'worker',
  'domain',
  'layer',
  'microbatch',
  'peer',
  'stage',
  'kind',
  'phase',
] as const satisfies readonly (keyof Columns)[];

export class EventTableBuilder implements Columns {
  readonly baseUnixNs: UnixNanos;
  readonly workers: WorkerInfo[];
  readonly stageNames: string[];
  length = 0;
  startNs: Float64Array;
  durationNs: Float64Array;
  worker: Int32Array;
  domain: Int32Array;
  step: Float64Array;
  layer: Int32Array;
  microbatch: Int32Array;
  stage: Uint16Array;
  kind: Uint8Array;
  phase: Uint8Array;
  peer: Int32Array;
  /** In the order of MEASURES; null while no row has one. */
  readonly #measures: (Float64Array | null)[] = MEASURES.map(() => null);
  readonly #lists: Record<ListName, ListBuilder | null> = { peers: null, expertTokens: null };
  #capacity: number;

  constructor(
    baseUnixNs: UnixNanos,
    workers: WorkerInfo[] = [],
    stageNames: string[] = [...STAGES],
    capacity = 256,
  ) {
    this.baseUnixNs = baseUnixNs;
    this.workers = workers;
    this.stageNames = stageNames;
    this.#capacity = capacity;
    const columns = newColumns(capacity);
    this.startNs = columns.startNs;
    this.durationNs = columns.durationNs;
    this.worker = columns.worker;
    this.domain = columns.domain;
    this.step = columns.step;
    this.layer = columns.layer;
    this.microbatch = columns.microbatch;
    this.stage = columns.stage;
    this.kind = columns.kind;
    this.phase = columns.phase;
    this.peer = columns.peer;
  }

  get capacity(): number {
    return this.#capacity;
  }

  /** Makes room for `rows` more rows. */
  reserve(rows: number): void {
    const needed = this.length + rows;
    if (needed <= this.#capacity) return;
    const capacity = Math.max(needed, this.#capacity * 2);
    this.#capacity = capacity;
    Object.assign(this, copied(this, newColumns(capacity), this.length));
    this.#measures.forEach((column, i) => {
      if (column === null) return;
      const grown = new Float64Array(capacity).fill(ABSENT, column.length);
      grown.set(column);
      this.#measures[i] = grown;
    });
  }

  /** The column of `name`, made on first use with every row ABSENT. */
  measure(name: Measure): Float64Array {
    return this.measureAt(MEASURES.indexOf(name));
  }

  /** The column of MEASURES[index]. */
  measureAt(index: number): Float64Array {
    const known = this.#measures[index];
    if (known != null) return known;
    const column = new Float64Array(this.#capacity).fill(ABSENT);
    this.#measures[index] = column;
    return column;
  }

  /** Sets the list of row `row`; rows must come in ascending order, each at most once. */
  setList(name: ListName, row: number, values: ArrayLike<number>): void {
    const list = this.#lists[name] ?? new ListBuilder();
    this.#lists[name] = list;
    list.set(row, values);
  }

  add(event: EventRow): number {
    this.reserve(1);
    const i = this.length;
    this.startNs[i] = event.startNs;
    this.durationNs[i] = event.durationNs;
    this.worker[i] = event.worker;
    this.domain[i] = event.domain ?? this.workers[event.worker]?.domain ?? 0;
    this.step[i] = event.step ?? ABSENT;
    this.layer[i] = event.layer ?? ABSENT;
    this.microbatch[i] = event.microbatch ?? ABSENT;
    this.stage[i] = event.stage;
    this.kind[i] = event.kind;
    this.phase[i] = event.phase ?? 0;
    this.peer[i] = event.peer ?? ABSENT;
    for (const name of MEASURES) {
      const value = event.measures?.[name];
      if (value !== undefined) this.measure(name)[i] = value;
    }
    for (const name of LISTS) {
      const values = event.lists?.[name];
      if (values !== undefined) this.setList(name, i, values);
    }
    this.length++;
    return i;
  }

  /**
   * The frozen table, in arrays of exactly its length over one buffer that holds nothing else, but for a
   * little room to spare; the builder must not be used after.
   */
  finish(): EventTable {
    const n = this.length;
    const measures = Object.fromEntries(
      MEASURES.map((name, i) => [name, cutOrNull(this.#measures[i] ?? null, n)]),
    ) as Record<Measure, Float64Array | null>;
    const lists = Object.fromEntries(
      LISTS.map((name) => [name, this.#lists[name]?.finish(n) ?? null]),
    ) as Record<ListName, ListColumn | null>;
    const columns = isNearly(n, this.#capacity)
      ? columnsOf(this, n)
      : copied(this, newColumns(n), n);
    return {
      length: n,
      baseUnixNs: this.baseUnixNs,
      workers: this.workers,
      stageNames: this.stageNames,
      ...columns,
      measures,
      lists,
    };
  }
}

class ListBuilder {
  #ends: number[] = [];
  #values: number[] = [];

  set(row: number, values: ArrayLike<number>): void {
    assert(
      row >= this.#ends.length,
      `list rows must ascend: row ${row} after ${this.#ends.length}`,
    );
    while (this.#ends.length < row) this.#ends.push(this.#values.length);
    for (let k = 0; k < values.length; k++) this.#values.push(values[k]!);
    this.#ends.push(this.#values.length);
  }

  finish(length: number): ListColumn {
    const offsets = new Uint32Array(length + 1);
    for (let i = 0; i < length; i++) offsets[i + 1] = this.#ends[i] ?? this.#values.length;
    return { offsets, values: Float64Array.from(this.#values) };
  }
}

/** Columns of zeros; the widest come first, so that each is aligned. */
function newColumns(rows: number): Columns {
  const buffer = new ArrayBuffer(rows * ROW_BYTES);
  return {
    startNs: new Float64Array(buffer, 0, rows),
    durationNs: new Float64Array(buffer, rows * 8, rows),
    step: new Float64Array(buffer, rows * 16, rows),
    worker: new Int32Array(buffer, rows * 24, rows),
    domain: new Int32Array(buffer, rows * 28, rows),
    layer: new Int32Array(buffer, rows * 32, rows),
    microbatch: new Int32Array(buffer, rows * 36, rows),
    peer: new Int32Array(buffer, rows * 40, rows),
    stage: new Uint16Array(buffer, rows * 44, rows),
    kind: new Uint8Array(buffer, rows * 46, rows),
    phase: new Uint8Array(buffer, rows * 47, rows),
  };
}

/** The first `rows` rows, where they are. */
function columnsOf(from: Columns, rows: number): Columns {
  return {
    startNs: from.startNs.subarray(0, rows),
    durationNs: from.durationNs.subarray(0, rows),
    step: from.step.subarray(0, rows),
    worker: from.worker.subarray(0, rows),
    domain: from.domain.subarray(0, rows),
    layer: from.layer.subarray(0, rows),
    microbatch: from.microbatch.subarray(0, rows),
    peer: from.peer.subarray(0, rows),
    stage: from.stage.subarray(0, rows),
    kind: from.kind.subarray(0, rows),
    phase: from.phase.subarray(0, rows),
  };
}

/** Is so little to spare that copying costs more? */
function isNearly(rows: number, capacity: number): boolean {
  return rows >= capacity * (7 / 8);
}

/** `to`, with the first `rows` rows of `from` in it. */
function copied(from: Columns, to: Columns, rows: number): Columns {
  for (const name of COLUMN_NAMES) to[name].set(from[name].subarray(0, rows));
  return to;
}

function cutOrNull(column: Float64Array | null, length: number): Float64Array | null {
  if (column === null || column.length === length) return column;
  return isNearly(length, column.length) ? column.subarray(0, length) : column.slice(0, length);
}
