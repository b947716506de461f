'use client';

import type { EChartsType } from 'echarts/core';
import { type PointerEvent, useEffect, useMemo, useRef, useState } from 'react';
import type { AlertMark } from '#lib/view/alert-marks.ts';
import { instantText } from '#lib/view/format.ts';
import { SURFACES, type SurfaceColours } from '#lib/view/palette.ts';
import { TIME_CHART_GRID } from '#lib/view/time-axis.ts';
import { lastValue, type TrendChart, trendCsv, trendFigure } from '#lib/view/trend-charts.ts';
import { valueNear } from '#lib/view/trend-lookup.ts';
import { trendOption } from '#lib/view/trend-option.ts';
import { AlertMarks } from './alerts/alert-marks.tsx';
import { chartSvg, initTrend } from './echarts-core.ts';
import { Fig, TermName } from './figure.tsx';
import type { Picture } from './picture.ts';
import { useTheme } from './root-setting.ts';
import { SaveMenu } from './save-menu.tsx';
import { useChart } from './use-chart.ts';

const HEIGHT_PX = 150;
const MIN_BRUSH_PX = 8;

interface Props {
  readonly chart: TrendChart;
  readonly fromMs: number;
  readonly toMs: number;
  readonly crosshairMs: number | null;
  readonly onCrosshair: (atMs: number | null) => void;
  readonly onBrush: (fromMs: number, toMs: number) => void;
  readonly marks?: readonly AlertMark[];
}

const NO_MARKS: readonly AlertMark[] = [];

/** One trend: lines over time, alerts as marks, values at the crosshair in the legend, brush to choose a time. */
export function TrendChartView({
  chart,
  fromMs,
  toMs,
  crosshairMs,
  onCrosshair,
  onBrush,
  marks = NO_MARKS,
}: Props) {
  const holder = useRef<HTMLDivElement>(null);
  const drawn = useRef<EChartsType | null>(null);
  useChart(holder, drawn, initTrend);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [brush, setBrush] = useState<{ startPx: number; endPx: number } | null>(null);
  const theme = useTheme();

  useEffect(() => {
    const instance = drawn.current;
    if (instance === null) return;
    const onPointer = (event: unknown) => onCrosshair(axisValue(event));
    const onOut = () => onCrosshair(null);
    instance.on('updateAxisPointer', onPointer);
    instance.on('globalout', onOut);
    return () => {
      if (instance.isDisposed()) return;
      instance.off('updateAxisPointer', onPointer);
      instance.off('globalout', onOut);
    };
  }, [onCrosshair]);

  const shown = useMemo(
    () => ({ ...chart, lines: chart.lines.filter((line) => !hidden.has(line.name)) }),
    [chart, hidden],
  );
  useEffect(() => {
    drawn.current?.setOption(trendOption(shown, { fromMs, toMs }, SURFACES[theme]), {
      replaceMerge: ['series'],
    });
  }, [shown, fromMs, toMs, theme]);

  const instantAt = (xPx: number): number => {
    const at = drawn.current?.convertFromPixel({ xAxisIndex: 0 }, xPx);
    const value = typeof at === 'number' ? at : fromMs;
    return Math.min(toMs, Math.max(fromMs, value));
  };
  const xOf = (event: PointerEvent<HTMLDivElement>) =>
    event.clientX - event.currentTarget.getBoundingClientRect().left;

  return (
    <figure
      className="min-w-0 p-1"
      data-testid={`trend-${chart.id}`}
      data-points={chart.lines.reduce(
        (sum, line) => sum + line.data.filter(([, value]) => value !== null).length,
        0,
      )}
    >
      <figcaption className="flex h-6 items-center gap-3 text-small">
        <span className="truncate font-semibold">
          <TermName term={chart.term}>{chart.title}</TermName>
        </span>
        <ul className="ml-auto flex gap-2">
          {chart.lines.map((line) => (
            <li key={line.name}>
              <button
                type="button"
                className={`flex items-center gap-1.5 whitespace-nowrap ${hidden.has(line.name) ? 'opacity-40' : ''}`}
                aria-pressed={!hidden.has(line.name)}
                title={`${hidden.has(line.name) ? 'Show' : 'Hide'} ${line.name}`}
                onClick={() => setHidden(toggled(hidden, line.name))}
              >
                <span
                  aria-hidden="true"
                  className={`inline-block w-3 border-t-2 ${line.dashed ? 'border-dashed' : ''}`}
                  style={{ borderColor: line.colour }}
                />
                <span className="text-muted">{line.name}</span>
                <Fig
                  figure={trendFigure(
                    chart,
                    crosshairMs === null ? lastValue(line) : valueNear(line.data, crosshairMs),
                  )}
                />
              </button>
            </li>
          ))}
        </ul>
        <SaveMenu
          title={chart.title}
          picture={() => pictureOf(shown, { fromMs, toMs }, SURFACES[theme], drawn.current)}
          csv={{ name: chart.id, text: () => trendCsv(chart) }}
        />
      </figcaption>
      <div
        className="relative cursor-crosshair touch-none select-none"
        style={{ height: HEIGHT_PX }}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          setBrush({ startPx: xOf(event), endPx: xOf(event) });
        }}
        onPointerMove={(event) => {
          if (brush !== null) setBrush({ startPx: brush.startPx, endPx: xOf(event) });
        }}
        onPointerUp={() => {
          if (brush !== null && Math.abs(brush.endPx - brush.startPx) >= MIN_BRUSH_PX) {
            const ends = [instantAt(brush.startPx), instantAt(brush.endPx)].sort((a, b) => a - b);
            const [from, to] = [Math.floor(ends[0]!), Math.ceil(ends[1]!)];
            if (from < to) onBrush(from, to);
          }
          setBrush(null);
        }}
        onPointerCancel={() => setBrush(null)}
      >
        <div
          ref={holder}
          className="absolute inset-0"
          role="img"
          aria-label={`${chart.title}, ${chart.unit}`}
        />
        <AlertMarks marks={marks} grid={TIME_CHART_GRID} window={{ fromMs, toMs }} />
        {crosshairMs !== null && (
          <span className="pointer-events-none absolute right-2 bottom-6 rounded-box bg-panel px-1 text-tiny text-muted">
            {instantText(crosshairMs).local.slice(11)}
          </span>
        )}
        {brush !== null && (
          <span
            className="pointer-events-none absolute top-0 bottom-5 border-x border-accent bg-accent/20"
            style={{
              left: Math.min(brush.startPx, brush.endPx),
              width: Math.abs(brush.endPx - brush.startPx),
            }}
          />
        )}
      </div>
    </figure>
  );
}

function toggled(set: ReadonlySet<string>, name: string): ReadonlySet<string> {
  const next = new Set(set);
  if (!next.delete(name)) next.add(name);
  return next;
}

/** ECharts types this event loosely: read the one number that is needed, or nothing. */
function axisValue(event: unknown): number | null {
  if (typeof event !== 'object' || event === null || !('axesInfo' in event)) return null;
  const axes: unknown = event.axesInfo;
  const first: unknown = Array.isArray(axes) ? axes[0] : null;
  if (typeof first !== 'object' || first === null || !('value' in first)) return null;
  return typeof first.value === 'number' ? first.value : null;
}

function pictureOf(
  chart: TrendChart,
  window: { readonly fromMs: number; readonly toMs: number },
  surface: SurfaceColours,
  drawn: EChartsType | null,
): Picture | null {
  if (drawn === null) return null;
  const widthPx = drawn.getWidth();
  return {
    name: chart.id,
    title: `${chart.title}, ${chart.unit}`,
    legend: chart.lines.map(({ name, colour, dashed }) => ({
      name,
      colour,
      look: dashed ? 'dashed' : 'line',
    })),
    widthPx,
    heightPx: HEIGHT_PX,
    body: { svg: () => chartSvg(trendOption(chart, window, surface), widthPx, HEIGHT_PX) },
  };
}
