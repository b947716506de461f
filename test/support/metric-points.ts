import { unixNanos } from '#lib/base/units.ts';
import type { MetricSeries, MetricTable } from '#lib/table/metric-table.ts';

export function gauge(name: string, fields: Partial<MetricSeries> = {}): MetricSeries {
  return {
    deployment: 'prod',
    workerId: 'attention/0',
    host: 'node-0',
    hwId: 'GPU-attention-0',
    name,
    unit: '1',
    type: 'gauge',
    cumulative: false,
    monotonic: false,
    attributes: '',
    bounds: [],
    ...fields,
  };
}

/** A table of `[series, offset from base in ns, value]` points, each with count 1. */
export function metricTable(
  baseUnixNs: bigint,
  points: readonly (readonly [series: MetricSeries, timeNs: number, value: number])[],
): MetricTable {
  const series = [...new Set(points.map(([one]) => one))];
  return {
    length: points.length,
    baseUnixNs: unixNanos(baseUnixNs),
    series,
    seriesIndex: Int32Array.from(points, ([one]) => series.indexOf(one)),
    timeNs: Float64Array.from(points, ([, time]) => time),
    value: Float64Array.from(points, ([, , value]) => value),
    count: new Float64Array(points.length).fill(1),
    buckets: null,
  };
}
