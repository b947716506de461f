'use client';

import type { EChartsType } from 'echarts/core';
import { useEffect, useRef } from 'react';
import type { Severity } from '#lib/api/alert-rules.ts';
import { metricFigure, unitOfMetric } from '#lib/view/alert-words.ts';
import { figureText, instantText } from '#lib/view/format.ts';
import { SURFACES } from '#lib/view/palette.ts';
import { type PreviewSeries, previewOption } from '#lib/view/rule-preview.ts';
import { TIME_CHART_GRID } from '#lib/view/time-axis.ts';
import { TimeBand } from '../alerts/time-band.tsx';
import { initChart } from '../echarts-core.ts';
import { useTheme } from '../root-setting.ts';
import { useChart } from '../use-chart.ts';

const HEIGHT_PX = 170;

/** The value, what it is compared with, and bands where it would have been pending or firing. */
export function PreviewChart({
  series,
  name,
  metric,
  severity,
  fromMs,
  toMs,
}: {
  readonly series: PreviewSeries;
  readonly name: string;
  readonly metric: string;
  readonly severity: Severity;
  readonly fromMs: number;
  readonly toMs: number;
}) {
  const holder = useRef<HTMLDivElement>(null);
  const drawn = useRef<EChartsType | null>(null);
  useChart(holder, drawn, initChart);
  const theme = useTheme();
  useEffect(() => {
    drawn.current?.setOption(previewOption(series, metric, { fromMs, toMs }, SURFACES[theme]), {
      replaceMerge: ['series'],
    });
  }, [series, metric, fromMs, toMs, theme]);
  const newest = series.value.findLast((value) => value !== null) ?? null;
  const bound = series.bound.findLast((value) => value !== null) ?? null;
  const text = (value: number | null) =>
    figureText(metricFigure(metric, unitOfMetric(metric), value));
  const fired = series.spans.filter(({ state }) => state === 'firing').length;
  return (
    <figure className="min-w-0" data-testid="preview-chart" data-fired={fired}>
      <figcaption className="flex flex-wrap items-center gap-x-3 text-small">
        <span className="font-semibold">{name}</span>
        <span className="ml-auto flex items-center gap-1.5">
          <span aria-hidden="true" className="inline-block w-3 border-t-2 border-accent" />
          <span className="text-muted">value</span> {text(newest)}
        </span>
        <span className="flex items-center gap-1.5">
          <span
            aria-hidden="true"
            className="inline-block w-3 border-t-2 border-dashed border-warning"
          />
          <span className="text-muted">bound</span> {text(bound)}
        </span>
      </figcaption>
      <div className="relative" style={{ height: HEIGHT_PX }}>
        <div
          ref={holder}
          className="absolute inset-0"
          role="img"
          aria-label={`${name}: value and bound`}
        />
        {series.spans.map((span) => (
          <TimeBand
            key={`${span.state} ${span.fromUnixMs}`}
            grid={TIME_CHART_GRID}
            window={{ fromMs, toMs }}
            fromMs={span.fromUnixMs}
            toMs={span.toUnixMs ?? toMs}
            severity={severity}
            isFaint={span.state === 'pending'}
            title={`Would have been ${span.state}: ${clock(span.fromUnixMs)} – ${
              span.toUnixMs === null ? 'now' : clock(span.toUnixMs)
            }`}
          />
        ))}
      </div>
    </figure>
  );
}

function clock(unixMs: number): string {
  return instantText(unixMs).local.slice(11);
}
