/** Metric tables as wholes: choosing rows and joining. Every result is a new table. */
import { assert } from '#lib/base/assert.ts';
import { nanosBetween, type UnixNanos } from '#lib/base/units.ts';
import type { ListColumn } from './event-table.ts';
import type { MetricSeries, MetricTable } from './metric-table.ts';

/** The rows of `table` with these indexes, in this order, and only the series that they use. */
export function selectPoints(table: MetricTable, rows: Uint32Array): MetricTable {
  const n = rows.length;
  const series: MetricSeries[] = [];
  const newIndex = new Int32Array(table.series.length).fill(-1);
  const seriesIndex = new Int32Array(n);
  const timeNs = new Float64Array(n);
  const value = new Float64Array(n);
  const count = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const row = rows[i]!;
    const old = table.seriesIndex[row]!;
    if (newIndex[old] === -1) newIndex[old] = series.push(table.series[old]!) - 1;
    seriesIndex[i] = newIndex[old]!;
    timeNs[i] = table.timeNs[row]!;
    value[i] = table.value[row]!;
    count[i] = table.count[row]!;
  }
  const buckets = table.buckets === null ? null : selectBuckets(table.buckets, rows);
  return {
    length: n,
    baseUnixNs: table.baseUnixNs,
    series,
    seriesIndex,
    timeNs,
    value,
    count,
    buckets,
  };
}

function selectBuckets(from: ListColumn, rows: Uint32Array): ListColumn {
  const offsets = new Uint32Array(rows.length + 1);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    offsets[i + 1] = offsets[i]! + from.offsets[row + 1]! - from.offsets[row]!;
  }
  const values = new Float64Array(offsets[rows.length]!);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    values.set(from.values.subarray(from.offsets[row]!, from.offsets[row + 1]!), offsets[i]!);
  }
  return { offsets, values };
}

/** All rows as one table on `baseUnixNs`; equal series become one. */
export function concatMetrics(tables: readonly MetricTable[], baseUnixNs: UnixNanos): MetricTable {
  const n = tables.reduce((sum, table) => sum + table.length, 0);
  const series: MetricSeries[] = [];
  const indexByKey = new Map<string, number>();
  const seriesIndex = new Int32Array(n);
  const timeNs = new Float64Array(n);
  const value = new Float64Array(n);
  const count = new Float64Array(n);
  const hasBuckets = tables.some((table) => table.buckets !== null);
  const offsets = new Uint32Array(hasBuckets ? n + 1 : 0);
  const bucketParts: Float64Array[] = [];
  let bucketEnd = 0;
  let row = 0;
  for (const table of tables) {
    const shiftNs = nanosBetween(baseUnixNs, table.baseUnixNs);
    assert(Math.abs(shiftNs) <= 2 ** 53, 'concatMetrics: bases more than 104 days apart');
    const indexes = table.series.map((one) => {
      const key = seriesKey(one);
      const known = indexByKey.get(key);
      if (known !== undefined) return known;
      const index = series.push(one) - 1;
      indexByKey.set(key, index);
      return index;
    });
    const { buckets } = table;
    for (let i = 0; i < table.length; i++, row++) {
      seriesIndex[row] = indexes[table.seriesIndex[i]!]!;
      timeNs[row] = table.timeNs[i]! + shiftNs;
      value[row] = table.value[i]!;
      count[row] = table.count[i]!;
      if (hasBuckets) {
        if (buckets !== null) bucketEnd += buckets.offsets[i + 1]! - buckets.offsets[i]!;
        offsets[row + 1] = bucketEnd;
      }
    }
    if (buckets !== null) {
      bucketParts.push(
        buckets.values.subarray(buckets.offsets[0]!, buckets.offsets[table.length]!),
      );
    }
  }
  const values = new Float64Array(bucketEnd);
  let at = 0;
  for (const part of bucketParts) {
    values.set(part, at);
    at += part.length;
  }
  return {
    length: n,
    baseUnixNs,
    series,
    seriesIndex,
    timeNs,
    value,
    count,
    buckets: hasBuckets ? { offsets, values } : null,
  };
}

/** Equal for two series exactly when all their fields are equal. */
export function seriesKey(series: MetricSeries): string {
  return JSON.stringify([
    series.deployment,
    series.workerId,
    series.host,
    series.hwId,
    series.name,
    series.unit,
    series.type,
    series.cumulative,
    series.monotonic,
    series.attributes,
    series.bounds,
  ]);
}
