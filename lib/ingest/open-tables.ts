/**
 * The tables that one request fills. A table's times are offsets from its base that must stay
 * exact, so times further apart than 100 days go to different tables.
 */
import { unixNanos } from '#lib/base/units.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { EventTableBuilder } from '#lib/table/event-table-builder.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';

/** Below 2^53 ns (104 days), so that every offset and difference is an exact double. */
export const MAX_SPREAD_NS = 100 * 86_400 * 1e9;
/** More clusters of time than this in one request are no telemetry. */
const MAX_TABLES = 64;
const TWO_32 = 4294967296;

let tablesMade = 0;

export class OpenTable {
  /** Unique in this process. */
  readonly id = tablesMade++;
  readonly baseHigh: number;
  readonly baseLow: number;
  readonly builder: EventTableBuilder;
  readonly #workerIndex = new Map<WorkerInfo, number>();
  /** Extent of the offsets so far. */
  #minNs = 0;
  #maxNs = 0;

  constructor(baseHigh: number, baseLow: number, stageNames: string[], capacity: number) {
    this.baseHigh = baseHigh;
    this.baseLow = baseLow;
    const base = unixNanos((BigInt(baseHigh) << 32n) + BigInt(baseLow));
    this.builder = new EventTableBuilder(base, [], stageNames, capacity);
  }

  /** The offset of an instant from the base, NaN where the table would get too wide. */
  offsetNs(high: number, low: number): number {
    const offset = (high - this.baseHigh) * TWO_32 + (low - this.baseLow);
    if (offset >= this.#minNs && offset <= this.#maxNs) return offset;
    if (Math.abs(offset) > MAX_SPREAD_NS) return Number.NaN;
    const min = Math.min(offset, this.#minNs);
    const max = Math.max(offset, this.#maxNs);
    if (max - min > MAX_SPREAD_NS) return Number.NaN;
    this.#minNs = min;
    this.#maxNs = max;
    return offset;
  }

  /** Like `offsetNs`, for an instant and all that follows it within `spanNs`. */
  offsetOfSpanNs(high: number, low: number, spanNs: number): number {
    const offset = (high - this.baseHigh) * TWO_32 + (low - this.baseLow);
    const min = Math.min(offset, this.#minNs);
    const max = Math.max(offset + spanNs, this.#maxNs);
    if (!(max - min <= MAX_SPREAD_NS)) return Number.NaN;
    this.#minNs = min;
    this.#maxNs = max;
    return offset;
  }

  indexOf(worker: WorkerInfo): number {
    const known = this.#workerIndex.get(worker);
    if (known !== undefined) return known;
    const index = this.builder.workers.length;
    this.builder.workers.push(worker);
    this.#workerIndex.set(worker, index);
    return index;
  }

  /** The finished table, its base moved to its first start. */
  finish(stageNames: readonly string[]): EventTable {
    const table = this.builder.finish();
    const { startNs } = table;
    let min = Number.POSITIVE_INFINITY;
    for (let i = 0; i < startNs.length; i++) if (startNs[i]! < min) min = startNs[i]!;
    if (min === 0 || startNs.length === 0) return { ...table, stageNames };
    for (let i = 0; i < startNs.length; i++) startNs[i] = startNs[i]! - min;
    return { ...table, stageNames, baseUnixNs: unixNanos(table.baseUnixNs + BigInt(min)) };
  }
}

export class OpenTables {
  readonly #tables: OpenTable[] = [];
  readonly #capacity: number;
  #current: OpenTable | null = null;
  /** Offset of the instant that `tableFor` was asked for last. */
  offsetNs = 0;

  /** `capacity`: rows to make room for at first. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** The table for events at an instant; null where there would be too many tables. */
  tableFor(high: number, low: number): OpenTable | null {
    if (this.#current !== null) {
      this.offsetNs = this.#current.offsetNs(high, low);
      if (!Number.isNaN(this.offsetNs)) return this.#current;
    }
    return this.#otherTable(high, low);
  }

  /** The table for events that start within `spanNs` (at most MAX_SPREAD_NS) of an instant. */
  tableForSpan(high: number, low: number, spanNs: number): OpenTable | null {
    const current = this.#current === null ? [] : [this.#current];
    for (const table of [...current, ...this.#tables]) {
      this.offsetNs = table.offsetOfSpanNs(high, low, spanNs);
      if (Number.isNaN(this.offsetNs)) continue;
      this.#current = table;
      return table;
    }
    const made = this.#newTable(high, low);
    made?.offsetOfSpanNs(high, low, spanNs);
    return made;
  }

  finish(stageNames: readonly string[]): EventTable[] {
    return this.#tables
      .filter((table) => table.builder.length > 0)
      .map((table) => table.finish(stageNames));
  }

  #otherTable(high: number, low: number): OpenTable | null {
    for (const table of this.#tables) {
      this.offsetNs = table.offsetNs(high, low);
      if (!Number.isNaN(this.offsetNs)) {
        this.#current = table;
        return table;
      }
    }
    return this.#newTable(high, low);
  }

  #newTable(high: number, low: number): OpenTable | null {
    if (this.#tables.length >= MAX_TABLES) return null;
    const capacity = this.#tables.length === 0 ? this.#capacity : 16;
    const table = new OpenTable(high, low, [], capacity);
    this.#tables.push(table);
    this.#current = table;
    this.offsetNs = 0;
    return table;
  }
}
