'use client';

import { useMemo, useState } from 'react';
import type { TrendPoint } from '#lib/api/live-event.ts';
import { rangeText, trendWindow } from '#lib/view/time-range.ts';
import { hasData, trendCharts } from '#lib/view/trend-charts.ts';
import { useAlertMarks } from './alerts/use-alert-marks.ts';
import { useDashboard } from './dashboard.tsx';
import { Waiting } from './skeleton.tsx';
import { TrendChartView } from './trend-chart.tsx';
import { useNow } from './use-now.ts';

/** The figures over time, on one shared axis with one shared crosshair. */
export function TrendPanel({ points }: { readonly points: readonly TrendPoint[] | undefined }) {
  const { state, update } = useDashboard();
  const now = useNow(1_000);
  const [crosshairMs, setCrosshairMs] = useState<number | null>(null);
  const newestMs = points?.at(-1)?.atUnixMs;
  // The axis ends at the newest point: live data lags the clock by a moment.
  const toMs = newestMs === undefined ? now : now - newestMs < 30_000 ? newestMs : now;
  const window = trendWindow(state.range, toMs);
  const charts = useMemo(
    () =>
      trendCharts(
        (points ?? []).filter(
          ({ atUnixMs }) => atUnixMs >= window.fromMs && atUnixMs <= window.toMs,
        ),
      ),
    [points, window.fromMs, window.toMs],
  );
  const marks = useAlertMarks(window.fromMs, window.toMs);
  return (
    <section id="trends" className="panel scroll-mt-14" aria-label="Trends">
      <header className="flex items-baseline gap-3 px-3 pt-2">
        <h2 className="panel-title">Trends</h2>
        <span className="text-small text-muted">
          {state.range.kind === 'live' ? 'last 5 min, live' : rangeText(state.range)}; drag over a
          chart to show that time
        </span>
      </header>
      {points === undefined ? (
        <div className="p-3">
          <Waiting heightPx={380} text="Loading the history" />
        </div>
      ) : (
        <div className="grid grid-cols-2 gap-x-2 p-2 xl:grid-cols-3" data-testid="trends">
          {charts.map((chart) =>
            hasData(chart) ? (
              <TrendChartView
                key={chart.id}
                chart={chart}
                fromMs={window.fromMs}
                toMs={window.toMs}
                crosshairMs={crosshairMs}
                onCrosshair={setCrosshairMs}
                marks={marks}
                onBrush={(fromMs, untilMs) =>
                  update({ range: { kind: 'absolute', fromMs, toMs: untilMs } })
                }
              />
            ) : (
              <div key={chart.id} className="min-w-0 p-1">
                <h3 className="mb-1 h-6 text-small font-semibold">{chart.title}</h3>
                <Waiting heightPx={150} text="No such figure in this window" />
              </div>
            ),
          )}
        </div>
      )}
    </section>
  );
}
