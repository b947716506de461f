/** The ECharts option of one trend chart, as plain data. */
import type { SurfaceColours } from './palette.ts';
import { TIME_CHART_GRID, type TimeAxis, timeAxis } from './time-axis.ts';
import type { TrendChart } from './trend-charts.ts';
import { type AxisText, axisText } from './value-axis.ts';

type Point = readonly [number, number | null];
/** A point that no line reaches: it needs a mark of its own. */
type LonePoint = { value: Point; symbol: 'circle' };

/** A type alias: ECharts wants an index signature, which interfaces do not give. */
export type TrendOption = {
  readonly animation: false;
  readonly grid: { left: number; right: number; top: number; bottom: number };
  readonly tooltip: { trigger: 'axis'; showContent: false };
  readonly axisPointer: { lineStyle: { color: string }; label: { show: false }; snap: true };
  readonly xAxis: TimeAxis;
  readonly yAxis: {
    type: 'value';
    min: 0;
    max?: number;
    interval?: number;
    splitNumber: number;
    axisLabel: AxisText & { formatter: (value: number) => string };
    splitLine: { lineStyle: { color: string } };
  };
  readonly series: {
    id: string;
    name: string;
    type: 'line';
    showSymbol: true;
    symbol: 'none';
    symbolSize: number;
    connectNulls: false;
    sampling: 'minmax';
    silent: true;
    lineStyle: { width: number; color: string; type: 'dashed' | 'solid' };
    itemStyle: { color: string };
    data: (Point | LonePoint)[];
  }[];
};

export function trendOption(
  chart: TrendChart,
  window: { readonly fromMs: number; readonly toMs: number },
  surface: SurfaceColours,
): TrendOption {
  return {
    animation: false,
    grid: TIME_CHART_GRID,
    tooltip: { trigger: 'axis', showContent: false },
    axisPointer: { lineStyle: { color: surface.muted }, label: { show: false }, snap: true },
    xAxis: timeAxis(window, 4, surface),
    yAxis: {
      type: 'value',
      min: 0,
      ...(chart.max === null ? {} : { max: chart.max, interval: chart.max / 4 }),
      splitNumber: 3,
      axisLabel: { ...axisText(surface), formatter: (value) => tickText(chart, value) },
      splitLine: { lineStyle: { color: surface.line } },
    },
    series: chart.lines.map((line) => ({
      id: line.name,
      name: line.name,
      type: 'line',
      showSymbol: true,
      symbol: 'none',
      symbolSize: 3,
      connectNulls: false,
      sampling: 'minmax',
      silent: true,
      lineStyle: { width: 1.5, color: line.colour, type: line.dashed ? 'dashed' : 'solid' },
      itemStyle: { color: line.colour },
      data: withLonePoints(line.data),
    })),
  };
}

/** Clusters that report a step now and then have gaps on both sides of every point. */
function withLonePoints(data: readonly Point[]): (Point | LonePoint)[] {
  const isGap = (index: number): boolean => (data[index]?.[1] ?? null) === null;
  return data.map((point, i) =>
    !isGap(i) && isGap(i - 1) && isGap(i + 1) ? { value: point, symbol: 'circle' } : point,
  );
}

/** Ticks are round numbers: shown as they are, large ones with a prefix, without trailing zeros. */
function tickText(chart: TrendChart, value: number): string {
  if (chart.unit === '%') return `${Math.round(value * 100)} %`;
  if (chart.unit === 'tokens/s' || chart.unit === '/s') return axisNumber(value);
  // After a hang times are seconds, not thousands of ms.
  if (chart.unit === 'ms' && value >= 1e3) return `${axisNumber(value / 1e3)} s`;
  if (chart.unit === 'µs' && value >= 1e4) return `${axisNumber(value / 1e3)} ms`;
  return `${axisNumber(value)} ${chart.unit}`;
}

function axisNumber(value: number): string {
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3))} M`;
  if (value >= 1e4) return `${Number((value / 1e3).toPrecision(3))} k`;
  return Number(value.toPrecision(3)).toLocaleString('en-US');
}
