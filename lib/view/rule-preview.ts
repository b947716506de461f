/** When a rule would have fired, as figures, sentences and the option of a chart. */
import type { RulePreview } from '#lib/api/alert-rules.ts';
import { metricFigure, subjectText, unitOfMetric } from './alert-words.ts';
import { ageText, figureText } from './format.ts';
import type { SurfaceColours } from './palette.ts';
import { TIME_CHART_GRID, type TimeAxis, timeAxis } from './time-axis.ts';
import { axisText } from './value-axis.ts';

export type PreviewSeries = RulePreview['series'][number];

export interface PreviewRow {
  /** Of the answer's series. */
  readonly index: number;
  readonly name: string;
  readonly fired: number;
  readonly firingMs: number;
  readonly firesNow: boolean;
  /** Furthest on the bad side; null: no data. */
  readonly worst: number | null;
}

/** The series that would have fired most first. `isUp`: larger is worse. */
export function previewRows(preview: RulePreview, isUp: boolean): readonly PreviewRow[] {
  return preview.series
    .map((series, index) => {
      const firing = series.spans.filter(({ state }) => state === 'firing');
      const known = series.value.filter((value) => value !== null);
      return {
        index,
        name: seriesName(series),
        fired: firing.length,
        firingMs: firing.reduce(
          (sum, { fromUnixMs, toUnixMs }) => sum + (toUnixMs ?? preview.toUnixMs) - fromUnixMs,
          0,
        ),
        firesNow: firing.some(({ toUnixMs }) => toUnixMs === null),
        worst:
          known.length === 0
            ? null
            : known.reduce((a, b) => (isUp ? Math.max(a, b) : Math.min(a, b))),
      };
    })
    .sort(
      (a, b) =>
        b.firingMs - a.firingMs ||
        b.fired - a.fired ||
        (isUp ? 1 : -1) * ((b.worst ?? 0) - (a.worst ?? 0)),
    );
}

export function seriesName({ deployment, labels }: PreviewSeries): string {
  const subject = subjectText(labels);
  const where = deployment === '' ? 'the collector' : deployment;
  return subject === '' ? where : `${where} · ${subject}`;
}

/** `Would have fired 3 times on 2 of 12 series, 4 min in all.` */
export function previewSentence(preview: RulePreview, rows: readonly PreviewRow[]): string {
  if (preview.missing !== null) return preview.missing;
  if (rows.length === 0) return 'No series matches the rule in this time.';
  const count = rows.length + preview.hiddenSeries;
  const series = `${count} series`;
  const fired = rows.reduce((sum, row) => sum + row.fired, 0);
  if (fired === 0) return `Would not have fired, on any of ${series}.`;
  const on = rows.filter((row) => row.fired > 0).length;
  const lengthMs = rows.reduce((sum, row) => sum + row.firingMs, 0);
  const times = fired === 1 ? 'once' : `${fired} times`;
  const now = rows.some((row) => row.firesNow) ? '; it would fire now' : '';
  return `Would have fired ${times} on ${on} of ${series}, ${ageText(lengthMs)} in all${now}.`;
}

/** A type alias: ECharts wants an index signature, which interfaces do not give. */
export type PreviewOption = {
  readonly animation: false;
  readonly grid: { left: number; right: number; top: number; bottom: number };
  readonly xAxis: TimeAxis;
  readonly yAxis: {
    type: 'value';
    min?: 0;
    scale: boolean;
    splitNumber: number;
    axisLabel: { color: string; fontSize: number; formatter: (value: number) => string };
    splitLine: { lineStyle: { color: string } };
  };
  readonly series: {
    id: string;
    name: string;
    type: 'line';
    symbol: 'none';
    connectNulls: false;
    sampling?: 'minmax';
    step?: 'end';
    silent: true;
    lineStyle: { width: number; color: string; type: 'dashed' | 'solid' };
    data: (readonly [number, number | null])[];
  }[];
};

/**
 * Where the chart begins: a little before the first sample, where samples were kept for a part of the window
 * only, which would be a sliver of it.
 */
export function chartFromMs(
  series: PreviewSeries,
  window: { readonly fromMs: number; readonly toMs: number },
): number {
  const first = series.atUnixMs[0] ?? window.fromMs;
  return Math.max(window.fromMs, first - Math.max(60_000, (window.toMs - first) / 20));
}

export function previewOption(
  series: PreviewSeries,
  metric: string,
  window: { readonly fromMs: number; readonly toMs: number },
  surface: SurfaceColours,
): PreviewOption {
  const unit = unitOfMetric(metric);
  const values = [...series.value, ...series.bound].filter((value) => value !== null);
  // Lines far above zero and close together would be one line.
  const least = Math.min(...values);
  const isFlat = values.length > 0 && least > 0 && least > 0.6 * Math.max(...values);
  const text = axisText(surface);
  return {
    animation: false,
    grid: TIME_CHART_GRID,
    xAxis: timeAxis(window, 5, surface),
    yAxis: {
      type: 'value',
      ...(isFlat || least < 0 ? {} : { min: 0 as const }),
      scale: isFlat,
      splitNumber: 3,
      axisLabel: {
        ...text,
        formatter: (value) => figureText(metricFigure(metric, unit, value)),
      },
      splitLine: { lineStyle: { color: surface.line } },
    },
    series: [
      {
        id: 'value',
        name: 'value',
        type: 'line',
        symbol: 'none',
        connectNulls: false,
        sampling: 'minmax',
        silent: true,
        lineStyle: { width: 1.5, color: surface.accent, type: 'solid' },
        data: withGaps(series.atUnixMs, series.value),
      },
      {
        id: 'bound',
        name: 'bound',
        type: 'line',
        symbol: 'none',
        connectNulls: false,
        step: 'end',
        silent: true,
        lineStyle: { width: 1.5, color: surface.warning, type: 'dashed' },
        data: withGaps(series.atUnixMs, series.bound),
      },
    ],
  };
}

/** Breaks the line where points are much further apart than they usually are. */
function withGaps(
  atUnixMs: readonly number[],
  values: readonly (number | null)[],
): (readonly [number, number | null])[] {
  const steps = atUnixMs.slice(1).map((at, i) => at - atUnixMs[i]!);
  const usual = steps.length === 0 ? 0 : [...steps].sort((a, b) => a - b)[steps.length >> 1]!;
  const data: (readonly [number, number | null])[] = [];
  for (const [i, at] of atUnixMs.entries()) {
    const before = atUnixMs[i - 1];
    if (before !== undefined && at - before > 4 * usual) data.push([before + usual, null]);
    data.push([at, values[i] ?? null]);
  }
  return data;
}
