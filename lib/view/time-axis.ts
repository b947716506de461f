/** The time axis that charts over time share, as ECharts takes it, and where their plots lie. */
import type { SurfaceColours } from './palette.ts';
import { axisText } from './value-axis.ts';

/** A type alias: ECharts wants an index signature, which interfaces do not give. */
export type TimeAxis = {
  type: 'time';
  min: number;
  max: number;
  splitNumber: number;
  axisLine: { lineStyle: { color: string } };
  axisTick: { show: false };
  axisLabel: ReturnType<typeof axisText> & { hideOverlap: true };
  splitLine: { show: false };
};

/** Where the plot lies in the chart; what is laid over it must know. */
export const TIME_CHART_GRID = { left: 62, right: 10, top: 8, bottom: 22 };

export function timeAxis(
  window: { readonly fromMs: number; readonly toMs: number },
  splitNumber: number,
  surface: SurfaceColours,
): TimeAxis {
  return {
    type: 'time',
    min: window.fromMs,
    max: window.toMs,
    splitNumber,
    axisLine: { lineStyle: { color: surface.line } },
    axisTick: { show: false },
    axisLabel: { ...axisText(surface), hideOverlap: true },
    splitLine: { show: false },
  };
}
