import { describe, expect, test } from 'vitest';
import { unixNanos } from '#lib/base/units.ts';
import {
  histogramQuantile,
  meanTpotMs,
  type TokenDelta,
  TokenDeltas,
  tokenLatency,
} from '#lib/query/token-latency.ts';
import type { MetricSeries, MetricTable } from '#lib/table/metric-table.ts';
import { gauge } from '#test/support/metric-points.ts';

const BASE = unixNanos(1_795_442_400_000_000_000n);
const BOUNDS = [0.01, 0.02, 0.05];

function histogram(fields: Partial<MetricSeries> = {}): MetricSeries {
  return gauge('vllm:time_per_output_token_seconds', {
    deployment: 'demo',
    type: 'histogram',
    cumulative: true,
    monotonic: true,
    bounds: BOUNDS,
    ...fields,
  });
}

type Point = readonly [seconds: number, sum: number, buckets: readonly number[]];

function table(series: MetricSeries, points: readonly Point[]): MetricTable {
  const width = BOUNDS.length + 1;
  return {
    length: points.length,
    baseUnixNs: BASE,
    series: [series],
    seriesIndex: new Int32Array(points.length),
    timeNs: Float64Array.from(points, ([seconds]) => seconds * 1e9),
    value: Float64Array.from(points, ([, sum]) => sum),
    count: Float64Array.from(points, ([, , buckets]) => buckets.reduce((a, b) => a + b, 0)),
    buckets: {
      offsets: Uint32Array.from({ length: points.length + 1 }, (_, i) => i * width),
      values: Float64Array.from(points.flatMap(([, , buckets]) => [...buckets])),
    },
  };
}

function deltasOf(series: MetricSeries, points: readonly Point[]): readonly TokenDelta[] {
  return new TokenDeltas().add(table(series, points)).get('demo') ?? [];
}

describe('TokenDeltas', () => {
  test('cumulative points become differences; the first says nothing', () => {
    const deltas = deltasOf(histogram(), [
      [10, 1, [10, 20, 0, 0]],
      [20, 3, [10, 60, 10, 0]],
      [30, 3, [10, 60, 10, 0]],
    ]);
    expect(deltas).toEqual([
      {
        timeUnixNs: BASE + 20_000_000_000n,
        count: 50,
        sumS: 2,
        bounds: BOUNDS,
        buckets: [0, 40, 10, 0],
      },
    ]);
  });

  test('points out of order, across tables, and repeated ones', () => {
    const deltas = new TokenDeltas();
    const first = deltas.add(
      table(histogram(), [
        [20, 2, [0, 20, 0, 0]],
        [10, 1, [0, 10, 0, 0]],
      ]),
    );
    expect(first.get('demo')?.map((delta) => delta.count)).toEqual([10]);
    const again = deltas.add(table(histogram(), [[20, 2, [0, 20, 0, 0]]]));
    expect(again.get('demo')).toBeUndefined();
    const later = deltas.add(table(histogram(), [[30, 5, [0, 25, 0, 0]]]));
    expect(later.get('demo')?.map((delta) => [delta.count, delta.sumS])).toEqual([[5, 3]]);
  });

  test('a smaller count is a restarted engine', () => {
    const deltas = deltasOf(histogram(), [
      [10, 9, [0, 90, 0, 0]],
      [20, 1, [5, 0, 0, 0]],
    ]);
    expect(deltas.map((delta) => [delta.count, delta.sumS])).toEqual([[5, 1]]);
  });

  test('delta temporality counts as it is; other metrics do not count', () => {
    const series = histogram({ cumulative: false });
    expect(deltasOf(series, [[10, 1, [10, 0, 0, 0]]]).map((delta) => delta.count)).toEqual([10]);
    expect(
      deltasOf(histogram({ name: 'vllm:e2e_request_latency_seconds', cumulative: false }), [
        [10, 1, [10, 0, 0, 0]],
      ]),
    ).toEqual([]);
  });

  test('remembers a bounded number of series', () => {
    const deltas = new TokenDeltas(2);
    for (const host of ['a', 'b', 'c'])
      deltas.add(table(histogram({ host }), [[10, 1, [1, 0, 0, 0]]]));
    const forgotten = deltas.add(table(histogram({ host: 'a' }), [[20, 2, [2, 0, 0, 0]]]));
    expect(forgotten.get('demo')).toBeUndefined();
    const kept = deltas.add(table(histogram({ host: 'c' }), [[20, 2, [2, 0, 0, 0]]]));
    expect(kept.get('demo')).toHaveLength(1);
  });
});

describe('tokenLatency', () => {
  const delta = (seconds: number, sumS: number, buckets: readonly number[]): TokenDelta => ({
    timeUnixNs: unixNanos(BASE + BigInt(seconds * 1e9)),
    count: buckets.reduce((a, b) => a + b, 0),
    sumS,
    bounds: BOUNDS,
    buckets,
  });

  test('mean, and quantiles interpolated inside their bucket', () => {
    const latency = tokenLatency([delta(1, 1, [0, 50, 0, 0]), delta(2, 1, [0, 50, 0, 0])]);
    expect(latency).toEqual({ meanS: 0.02, p50S: 0.015, p99S: 0.0199, count: 100 });
    expect(tokenLatency([])).toBeNull();
  });

  test('quantiles in the first and the open last bucket', () => {
    expect(histogramQuantile(0.5, [0.01, 0.02], [10, 0, 0])).toBe(0.005);
    expect(histogramQuantile(0.9, [0.01, 0.02], [0, 0, 10])).toBe(0.02);
    expect(histogramQuantile(0.5, [0.01], [0, 0])).toBeNull();
  });

  test('mean milliseconds of a span of time', () => {
    const deltas = [delta(1, 1, [0, 50, 0, 0]), delta(2, 4, [0, 0, 100, 0])];
    expect(meanTpotMs(deltas, unixNanos(BASE + 1_000_000_000n), 1e9)).toBeCloseTo(20, 9);
    expect(meanTpotMs(deltas, unixNanos(BASE + 2_000_000_000n), 1e9)).toBeCloseTo(40, 9);
    expect(meanTpotMs(deltas, unixNanos(BASE + 3_000_000_000n), 1e9)).toBeNull();
    expect(meanTpotMs(deltas, BASE, 10e9)).toBeCloseTo(5000 / 150, 9);
  });
});
