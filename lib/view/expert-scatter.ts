/** The ECharts option of expert time against routed tokens, as plain data. */

import { type LoadPoint, loadLine } from './expert-layer.ts';
import { durationFigure, figureText, significant } from './format.ts';
import { STAGE_COLOURS, type SurfaceColours } from './palette.ts';
import { type AxisText, axisText, type ValueAxis, valueAxis } from './value-axis.ts';

/** A type alias: ECharts wants an index signature, which interfaces do not give. */
export type ScatterOption = {
  readonly animation: false;
  readonly grid: { left: number; right: number; top: number; bottom: number };
  readonly xAxis: ValueAxis & {
    name: string;
    nameLocation: 'end';
    nameGap: number;
    nameTextStyle: AxisText & { align: 'right'; verticalAlign: 'bottom'; padding: number[] };
  };
  readonly yAxis: ValueAxis;
  readonly series: (ScatterSeries | LineSeries)[];
};

interface ScatterSeries {
  id: string;
  type: 'scatter';
  symbol: 'circle' | 'diamond';
  symbolSize: number;
  itemStyle: { color: string; opacity: number };
  /** Places of the points in `points`, so that a hover finds its own. */
  data: { value: [number, number]; name: string }[];
}

interface LineSeries {
  id: string;
  type: 'line';
  showSymbol: false;
  silent: true;
  lineStyle: { width: number; color: string; type: 'dashed' };
  data: [number, number][];
}

/** Points of the chosen layer are larger, filled and of another shape. */
export function scatterOption(
  points: readonly LoadPoint[],
  layer: number | null,
  surface: SurfaceColours,
): ScatterOption {
  const series = (id: string, chosen: boolean): ScatterSeries => ({
    id,
    type: 'scatter',
    symbol: chosen ? 'diamond' : 'circle',
    symbolSize: chosen ? 10 : 5,
    itemStyle: {
      color: chosen ? surface.accent : STAGE_COLOURS.expert,
      opacity: chosen ? 1 : 0.55,
    },
    data: points
      .filter((point) => (point.layer === layer) === chosen)
      .map((point) => ({ value: [point.tokens, point.timeNs], name: pointText(point) })),
  });
  return {
    animation: false,
    grid: { left: 62, right: 12, top: 10, bottom: 34 },
    xAxis: {
      ...valueAxis(surface, (value) => significant(value)),
      name: 'tokens of a key',
      nameLocation: 'end',
      nameGap: 0,
      nameTextStyle: {
        ...axisText(surface),
        align: 'right',
        verticalAlign: 'bottom',
        padding: [0, 0, -30, 0],
      },
    },
    yAxis: valueAxis(surface, (value) => figureText(durationFigure(value))),
    series: [series('layers', false), series('chosen', true), ...fitSeries(points, surface)],
  };
}

function fitSeries(points: readonly LoadPoint[], surface: SurfaceColours): LineSeries[] {
  const line = loadLine(points);
  if (line === null) return [];
  const tokens = points.map((point) => point.tokens);
  const ends = [
    tokens.reduce((a, b) => Math.min(a, b), Infinity),
    tokens.reduce((a, b) => Math.max(a, b), -Infinity),
  ];
  return [
    {
      id: 'fit',
      type: 'line',
      showSymbol: false,
      silent: true,
      lineStyle: { width: 1.5, color: surface.muted, type: 'dashed' },
      data: ends.map((at) => [at, line.fixedNs + line.nsPerToken * at]),
    },
  ];
}

export function pointText(point: LoadPoint): string {
  const time = figureText(durationFigure(point.timeNs));
  return `${point.worker}, layer ${point.layer}: ${significant(point.tokens)} tokens, ${time}`;
}

/** The fitted line in words; null without spread. */
export function fitText(points: readonly LoadPoint[]): string | null {
  const line = loadLine(points);
  if (line === null) return null;
  const perThousand = figureText(durationFigure(1000 * line.nsPerToken));
  return `${figureText(durationFigure(line.fixedNs))} + ${perThousand} per 1,000 tokens`;
}
