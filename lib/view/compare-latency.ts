/** Both sides' step latencies as cumulative shares: how many of the steps took at most so long. */
import type { Compare } from '#lib/api/compare.ts';
import { durationFigure, figureText } from './format.ts';
import { STAGE_COLOURS, type SurfaceColours } from './palette.ts';
import { type ValueAxis, valueAxis } from './value-axis.ts';

interface Line {
  id: string;
  name: string;
  type: 'line';
  step: 'end';
  showSymbol: false;
  lineStyle: { width: number; color: string; type: 'solid' | 'dashed' };
  data: [number, number][];
}

/** A type alias: ECharts wants an index signature, which interfaces do not give. */
export type LatencyOption = {
  readonly animation: false;
  readonly grid: { left: number; right: number; top: number; bottom: number };
  readonly xAxis: ValueAxis;
  readonly yAxis: ValueAxis & { min: number; max: number };
  readonly series: Line[];
};

/** A is solid, B dashed: colour is never alone. */
export const SIDE_LINES = {
  a: { colour: STAGE_COLOURS.combine, type: 'solid' },
  b: { colour: STAGE_COLOURS.expert, type: 'dashed' },
} as const;

export function latencyOption(latency: Compare['latency'], surface: SurfaceColours): LatencyOption {
  return {
    animation: false,
    grid: { left: 48, right: 24, top: 12, bottom: 26 },
    xAxis: valueAxis(surface, (ns) => figureText(durationFigure(ns))),
    yAxis: { ...valueAxis(surface, (share) => `${Math.round(share * 100)} %`), min: 0, max: 1 },
    series: (['a', 'b'] as const).map((side) => ({
      id: side,
      name: side.toUpperCase(),
      type: 'line',
      step: 'end',
      showSymbol: false,
      lineStyle: { width: 1.5, color: SIDE_LINES[side].colour, type: SIDE_LINES[side].type },
      data: cumulative(latency[side]),
    })),
  };
}

/** `sorted`: ascending. From no step to all of them. */
export function cumulative(sorted: readonly number[]): [number, number][] {
  if (sorted.length === 0) return [];
  return [
    [sorted[0]!, 0],
    ...sorted.map((ns, i): [number, number] => [ns, (i + 1) / sorted.length]),
  ];
}

/** Linear between order statistics; null without any. */
export function quantileOf(sorted: readonly number[], share: number): number | null {
  if (sorted.length === 0) return null;
  const at = share * (sorted.length - 1);
  const low = sorted[Math.floor(at)]!;
  return low + (sorted[Math.ceil(at)]! - low) * (at - Math.floor(at));
}
