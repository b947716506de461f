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

export class EventTableBuilder {
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
  readonly measures: Record<Measure, Float64Array | null>;
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
    this.startNs = new Float64Array(capacity);
    this.durationNs = new Float64Array(capacity);
    this.worker = new Int32Array(capacity);
    this.domain = new Int32Array(capacity);
    this.step = new Float64Array(capacity);
    this.layer = new Int32Array(capacity);
    this.microbatch = new Int32Array(capacity);
    this.stage = new Uint16Array(capacity);
    this.kind = new Uint8Array(capacity);
    this.phase = new Uint8Array(capacity);
    this.peer = new Int32Array(capacity);
    this.measures = Object.fromEntries(MEASURES.map((name) => [name, null])) as Record<
      Measure,
      Float64Array | null
    >;
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
    this.startNs = grown(this.startNs, new Float64Array(capacity));
    this.durationNs = grown(this.durationNs, new Float64Array(capacity));
    this.worker = grown(this.worker, new Int32Array(capacity));
    this.domain = grown(this.domain, new Int32Array(capacity));
    this.step = grown(this.step, new Float64Array(capacity));
    this.layer = grown(this.layer, new Int32Array(capacity));
    this.microbatch = grown(this.microbatch, new Int32Array(capacity));
    this.stage = grown(this.stage, new Uint16Array(capacity));
    this.kind = grown(this.kind, new Uint8Array(capacity));
    this.phase = grown(this.phase, new Uint8Array(capacity));
    this.peer = grown(this.peer, new Int32Array(capacity));
    for (const name of MEASURES) {
      const column = this.measures[name];
      if (column !== null) {
        this.measures[name] = grown(column, new Float64Array(capacity).fill(ABSENT, column.length));
      }
    }
  }

  /** The column of `name`, made on first use with every row ABSENT. */
  measure(name: Measure): Float64Array {
    const column = this.measures[name] ?? new Float64Array(this.#capacity).fill(ABSENT);
    this.measures[name] = column;
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

  /** The frozen table, in arrays of exactly its length; the builder must not be used after. */
  finish(): EventTable {
    const n = this.length;
    const measures = Object.fromEntries(
      MEASURES.map((name) => [name, cutOrNull(this.measures[name], n)]),
    ) as Record<Measure, Float64Array | null>;
    const lists = Object.fromEntries(
      LISTS.map((name) => [name, this.#lists[name]?.finish(n) ?? null]),
    ) as Record<ListName, ListColumn | null>;
    return {
      length: n,
      baseUnixNs: this.baseUnixNs,
      workers: this.workers,
      stageNames: this.stageNames,
      startNs: cut(this.startNs, n),
      durationNs: cut(this.durationNs, n),
      worker: cut(this.worker, n),
      domain: cut(this.domain, n),
      step: cut(this.step, n),
      layer: cut(this.layer, n),
      microbatch: cut(this.microbatch, n),
      stage: cut(this.stage, n),
      kind: cut(this.kind, n),
      phase: cut(this.phase, n),
      peer: cut(this.peer, n),
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

function grown<T extends Float64Array | Int32Array | Uint16Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

type Column = Float64Array | Int32Array | Uint16Array | Uint8Array;

/** The first `length` values without a copy: the array gives its memory away. */
function cut<T extends Column>(column: T, length: number): T;
function cut(column: Column, length: number): Column {
  if (column.length === length) return column;
  if (!(column.buffer instanceof ArrayBuffer)) return column.slice(0, length);
  const buffer = column.buffer.transferToFixedLength(length * column.BYTES_PER_ELEMENT);
  if (column instanceof Float64Array) return new Float64Array(buffer);
  if (column instanceof Int32Array) return new Int32Array(buffer);
  return column instanceof Uint16Array ? new Uint16Array(buffer) : new Uint8Array(buffer);
}

function cutOrNull(column: Float64Array | null, length: number): Float64Array | null {
  return column === null ? null : cut(column, length);
}
