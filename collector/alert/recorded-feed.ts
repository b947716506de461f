/** Recorded events as a feed: what ended within a second is there a second later. */
import type { CommittedMessage } from '#collector/messages.ts';
import { lowerBound } from '#lib/base/bisect.ts';
import { NS_PER_S, type UnixNanos, unixNanos } from '#lib/base/units.ts';
import { pickRows } from '#lib/live/partition-table.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { TelemetryFeed } from './alert-replay.ts';

const SECOND = BigInt(NS_PER_S);

/** Time after the last event: windows empty, what was pending is decided. */
const AFTER_NS = 60n * SECOND;

/** Rows of one table by when they ended. */
interface SortedTable {
  readonly table: EventTable;
  readonly order: Int32Array;
  readonly endNs: Float64Array;
  next: number;
}

export class RecordedFeed implements TelemetryFeed {
  readonly fromUnixNs: UnixNanos;
  readonly toUnixNs: UnixNanos;
  readonly #tables: readonly SortedTable[];

  /** `tables`: at least one event. */
  constructor(tables: readonly EventTable[]) {
    this.#tables = tables.filter(({ length }) => length > 0).map(sortedByEnd);
    let first: bigint | null = null;
    let last: bigint | null = null;
    for (const { table, endNs } of this.#tables) {
      const from = table.baseUnixNs + BigInt(Math.floor(endNs[0]!));
      const to = table.baseUnixNs + BigInt(Math.ceil(endNs.at(-1)!));
      if (first === null || from < first) first = from;
      if (last === null || to > last) last = to;
    }
    const start = (first ?? 0n) - ((first ?? 0n) % SECOND);
    this.fromUnixNs = unixNanos(start);
    this.toUnixNs = unixNanos((last ?? start) + AFTER_NS);
  }

  until(nowUnixNs: bigint): CommittedMessage[] {
    const messages: CommittedMessage[] = [];
    for (const sorted of this.#tables) {
      const sentNs = Number(nowUnixNs - SECOND - sorted.table.baseUnixNs);
      const end = lowerBound(sorted.endNs, sentNs);
      if (end <= sorted.next) continue;
      const rows = sorted.order.subarray(sorted.next, end);
      sorted.next = end;
      messages.push(committedTable(pickRows(sorted.table, [...rows])));
    }
    return messages;
  }
}

/** Events as the ingest thread passes them on once they are on disk. */
export function committedTable(table: EventTable): CommittedMessage {
  return {
    type: 'committed',
    events: [table],
    packed: [],
    leftOut: new Map(),
    metrics: [],
    rejected: new Map(),
    logRecords: 0,
    missed: [],
  };
}

function sortedByEnd(table: EventTable): SortedTable {
  const ends = Float64Array.from(table.startNs, (start, row) => start + table.durationNs[row]!);
  const order = Int32Array.from(ends, (_, row) => row).sort((a, b) => ends[a]! - ends[b]!);
  return { table, order, endNs: Float64Array.from(order, (row) => ends[row]!), next: 0 };
}
