/** An axis of values that do not begin at zero, as plain data for ECharts. */
import type { SurfaceColours } from './palette.ts';

export type AxisText = { readonly color: string; readonly fontSize: number };

export interface ValueAxis {
  type: 'value';
  scale: boolean;
  splitNumber: number;
  axisLine: { show: true; lineStyle: { color: string } };
  axisTick: { show: false };
  axisLabel: AxisText & { formatter: (value: number) => string; hideOverlap: true };
  splitLine: { lineStyle: { color: string } };
}

export function axisText(surface: SurfaceColours): AxisText {
  return { color: surface.muted, fontSize: 10 };
}

export function valueAxis(
  surface: SurfaceColours,
  formatter: (value: number) => string,
): ValueAxis {
  return {
    type: 'value',
    // What is compared lies close together: an axis from zero would show one blot.
    scale: true,
    splitNumber: 4,
    axisLine: { show: true, lineStyle: { color: surface.line } },
    axisTick: { show: false },
    axisLabel: { ...axisText(surface), formatter, hideOverlap: true },
    splitLine: { lineStyle: { color: surface.line } },
  };
}
