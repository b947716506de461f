/** Raw events of a window in memory, never more than asked for. */
import { NS_PER_S, type UnixNanos, unixNanos } from '#lib/base/units.ts';
import type { TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import { type EventTable, LISTS, MEASURES } from '#lib/table/event-table.ts';
import { type WantedColumns, withColumns } from '#lib/table/wanted-columns.ts';
import { earlier } from './window.ts';

/**
 * Read around a window so that every step which touches it, and its neighbours, are whole: no step
 * of a serving engine is longer.
 */
export const MARGIN_NS = 10 * NS_PER_S;

/** The last instant of a signed 64-bit column. */
const LAST_UNIX_NS = unixNanos(2n ** 63n - 1n);

export interface LoadedEvents {
  readonly tables: readonly EventTable[];
  readonly events: number;
  /** false: there are more than `maxEvents`, and `tables` is only a part. */
  readonly complete: boolean;
}

/** Pictures of the newest steps make do with less around them. */
const PICTURE_MARGIN_NS = 2 * NS_PER_S;

/** What a report reads of a table: figures are made of every measure and list by now. */
export const REPORT_COLUMNS: WantedColumns = { measures: MEASURES, lists: LISTS };

/** Events of `deployment` that overlap `window` widened by `marginNs` on both sides. */
export async function loadWindow(
  reader: TelemetryReader,
  deployment: string,
  window: Partial<TimeWindow>,
  maxEvents: number,
  marginNs: number = MARGIN_NS,
  columns?: WantedColumns,
): Promise<LoadedEvents> {
  const tables: EventTable[] = [];
  let events = 0;
  const selection = {
    deployment,
    window: widened(window, marginNs),
    ...(columns === undefined ? {} : { columns }),
  };
  for await (const table of reader.scanEvents(selection)) {
    events += table.length;
    if (events > maxEvents) return { tables, events, complete: false };
    tables.push(columns === undefined ? table : withColumns(table, columns));
  }
  return { tables, events, complete: true };
}

/**
 * The newest part of `window` that has at most `maxEvents` events, margins included: starts with the
 * last ten seconds and grows fourfold while there is room.
 */
export async function loadNewest(
  reader: TelemetryReader,
  deployment: string,
  window: TimeWindow,
  maxEvents: number,
): Promise<{ readonly tables: readonly EventTable[]; readonly window: TimeWindow }> {
  const wholeNs = Number(window.toUnixNs - window.fromUnixNs);
  const last = (spanNs: number): TimeWindow =>
    spanNs >= wholeNs
      ? window
      : { fromUnixNs: earlier(window.toUnixNs, spanNs), toUnixNs: window.toUnixNs };
  const load = (span: TimeWindow): Promise<LoadedEvents> =>
    loadWindow(reader, deployment, span, maxEvents, marginAround(span));
  let part = last(10 * NS_PER_S);
  let loaded = await load(part);
  // Even the first span may hold too much: then less of it, down to a millisecond.
  while (!loaded.complete) {
    const spanNs = Number(part.toUnixNs - part.fromUnixNs) / 4;
    if (spanNs < 1e6) break;
    part = last(spanNs);
    loaded = await load(part);
  }
  while (part.fromUnixNs > window.fromUnixNs && loaded.events < maxEvents / 4) {
    const wider = last(Number(part.toUnixNs - part.fromUnixNs) * 4);
    const more = await load(wider);
    if (!more.complete) break;
    part = wider;
    loaded = more;
  }
  return { tables: loaded.tables, window: part };
}

/** Less time is shown where there is much of it, and then less around it will do. */
function marginAround(span: TimeWindow): number {
  return Math.min(PICTURE_MARGIN_NS, Number(span.toUnixNs - span.fromUnixNs));
}

/** An open end reaches as far as the store's instants do. */
export function widened(window: Partial<TimeWindow>, marginNs: number): TimeWindow {
  return {
    fromUnixNs: earlier(window.fromUnixNs ?? unixNanos(0n), marginNs),
    toUnixNs: window.toUnixNs === undefined ? LAST_UNIX_NS : later(window.toUnixNs, marginNs),
  };
}

function later(instant: UnixNanos, spanNs: number): UnixNanos {
  const end = instant + BigInt(Math.round(spanNs));
  return end > LAST_UNIX_NS ? LAST_UNIX_NS : unixNanos(end);
}
