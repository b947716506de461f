/** Which rows lie in a window; the one rule for every store. */
import type { EventTable } from '#lib/table/event-table.ts';
import { selectRows, tableSpan } from '#lib/table/event-tables.ts';
import type { MetricTable } from '#lib/table/metric-table.ts';
import { selectPoints } from '#lib/table/metric-tables.ts';
import type { TimeWindow } from './telemetry-store.ts';

/**
 * The events that overlap `[from, to)`; one of no length does where it starts inside. null: none.
 */
export function eventsInWindow(
  table: EventTable,
  window: TimeWindow | undefined,
): EventTable | null {
  if (table.length === 0) return null;
  if (window === undefined) return table;
  const span = tableSpan(table)!;
  if (span.fromUnixNs >= window.fromUnixNs && span.toUnixNs <= window.toUnixNs) return table;
  const fromNs = offset(window.fromUnixNs, table.baseUnixNs);
  const toNs = offset(window.toUnixNs, table.baseUnixNs);
  const rows: number[] = [];
  for (let i = 0; i < table.length; i++) {
    const start = table.startNs[i]!;
    const end = start + table.durationNs[i]!;
    if (start < toNs && (end > fromNs || start >= fromNs)) rows.push(i);
  }
  if (rows.length === 0) return null;
  return rows.length === table.length ? table : selectRows(table, Uint32Array.from(rows));
}

/** The points with `from <= time < to` whose series has one of `names`. null: none. */
export function pointsInWindow(
  table: MetricTable,
  window: TimeWindow,
  names: readonly string[] | undefined,
): MetricTable | null {
  const wanted = names === undefined ? null : new Set(names);
  const takes = table.series.map((series) => wanted === null || wanted.has(series.name));
  const fromNs = offset(window.fromUnixNs, table.baseUnixNs);
  const toNs = offset(window.toUnixNs, table.baseUnixNs);
  const rows: number[] = [];
  for (let i = 0; i < table.length; i++) {
    const time = table.timeNs[i]!;
    if (takes[table.seriesIndex[i]!] === true && time >= fromNs && time < toNs) rows.push(i);
  }
  if (rows.length === 0) return null;
  return rows.length === table.length ? table : selectPoints(table, Uint32Array.from(rows));
}

/**
 * Bounds further from the base than 2^53 ns lose their last digits as a double; no row lies there,
 * so clamping them changes no answer.
 */
export function offset(instant: bigint, base: bigint): number {
  const limit = 1n << 54n;
  const distance = instant - base;
  if (distance > limit) return Number(limit);
  if (distance < -limit) return -Number(limit);
  return Number(distance);
}
