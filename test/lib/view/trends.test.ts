import { describe, expect, test } from 'vitest';
import { SURFACES } from '#lib/view/palette.ts';
import { sparklinePath } from '#lib/view/sparkline.ts';
import { hasData, lastValue, trendCharts, trendCsv, trendFigure } from '#lib/view/trend-charts.ts';
import { valueNear } from '#lib/view/trend-lookup.ts';
import { trendOption } from '#lib/view/trend-option.ts';
import { samplePoint } from './sample-points.ts';

const points = [1000, 2000, 3000, 9000].map(samplePoint);
const charts = trendCharts(points);
const chart = (id: string) => charts.find((entry) => entry.id === id)!;

describe('lines', () => {
  test('break where points are missing', () => {
    expect(chart('throughput').lines[0]!.data).toEqual([
      [1000, 1001],
      [2000, 1002],
      [3000, 1003],
      [4000, null],
      [9000, 1009],
    ]);
  });

  test('attention comes first whatever the order of the groups', () => {
    expect(chart('busy').lines.map((line) => line.name)).toEqual(['attention', 'ffn']);
    expect(chart('busy').lines.map((line) => line.colour)).toEqual(['#4f9dff', '#f2a33a']);
  });

  test('a figure that nobody sent is no data', () => {
    expect(hasData(chart('overlap'))).toBe(false);
    expect(hasData(chart('period'))).toBe(true);
    expect(lastValue(chart('latency').lines[0]!)).toBeNull();
    expect(lastValue(chart('throughput').lines[0]!)).toBe(1009);
  });

  test('a group that appears later has no value before', () => {
    const late = {
      ...samplePoint(10_000),
      groups: [{ ...samplePoint(1).groups[0]!, group: 'new' }],
    };
    const busy = trendCharts([...points, late]).find((entry) => entry.id === 'busy')!;
    const line = busy.lines.find((entry) => entry.name === 'new')!;
    expect(line.data[0]).toEqual([1000, null]);
    expect(line.dashed).toBe(true);
  });
});

describe('option', () => {
  const option = trendOption(chart('busy'), { fromMs: 0, toMs: 10_000 }, SURFACES.dark);

  test('is still, starts at zero, ends ratios at one, keeps gaps', () => {
    expect(option.animation).toBe(false);
    expect(option.yAxis).toMatchObject({ min: 0, max: 1 });
    expect(option.xAxis).toMatchObject({ min: 0, max: 10_000 });
    expect(option.series.every((series) => !series.connectNulls)).toBe(true);
    expect(option.yAxis.axisLabel.formatter(0.75)).toBe('75 %');
  });

  test('a point between gaps is marked: it has no line', () => {
    expect(option.series[0]!.data.at(-1)).toMatchObject({ symbol: 'circle' });
    expect(option.series[0]!.data.filter((entry) => 'symbol' in entry)).toHaveLength(1);
  });

  test('other axes end where their data ends', () => {
    const throughput = trendOption(chart('throughput'), { fromMs: 0, toMs: 1 }, SURFACES.light);
    expect(throughput.yAxis.max).toBeUndefined();
    expect(throughput.yAxis.axisLabel.formatter(15_000)).toBe('15 k');
    const period = trendOption(chart('period'), { fromMs: 0, toMs: 300_000 }, SURFACES.dark);
    expect([1_500, 150_000].map(period.yAxis.axisLabel.formatter)).toEqual(['1,500 µs', '150 ms']);
  });
});

test('values at the crosshair are the nearest, nothing inside a gap', () => {
  const { data } = chart('throughput').lines[0]!;
  expect(valueNear(data, 0)).toBe(1001);
  expect(valueNear(data, 1400)).toBe(1001);
  expect(valueNear(data, 1600)).toBe(1002);
  expect(valueNear(data, 4100)).toBeNull();
  expect(valueNear(data, 99_999)).toBe(1009);
  expect(valueNear([], 1)).toBeNull();
});

test('figures carry the unit of their chart', () => {
  expect(trendFigure(chart('busy'), 0.5)).toMatchObject({ value: '50.0', unit: '%' });
  expect(trendFigure(chart('period'), 741.3)).toMatchObject({ value: '741', unit: 'µs' });
  expect(trendFigure(chart('period'), null).value).toBe('–');
});

test('CSV has one row an instant and defuses formulas', () => {
  const rows = trendCsv(chart('busy')).split('\n');
  expect(rows[0]).toBe('time,attention (ratio),ffn (ratio)');
  expect(rows[1]).toBe('1970-01-01T00:00:01.000Z,0.6,0.9');
  const evil = { ...chart('busy'), lines: [{ ...chart('busy').lines[0]!, name: '=cmd,"x"' }] };
  expect(trendCsv(evil).split('\n')[0]).toBe(`time,"'=cmd,""x"" (ratio)"`);
});

test('a sparkline breaks at gaps and marks a lone point', () => {
  const path = sparklinePath(
    [
      [0, 0],
      [10, 1],
      [20, null],
      [30, 0.5],
      [40, null],
    ],
    40,
    10,
  );
  expect(path).toBe('M0.0 10.0L10.0 0.0M30.0 5.0h0.5');
  expect(sparklinePath([], 40, 10)).toBe('');
});
