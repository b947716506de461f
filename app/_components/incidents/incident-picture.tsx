'use client';

import { useQuery } from '@tanstack/react-query';
import { useRouter } from 'next/navigation';
import { useMemo, useState } from 'react';
import { fetchSeries, fetchStrip } from '#lib/api/client.ts';
import type { IncidentDetail } from '#lib/api/incidents.ts';
import { alertMarks } from '#lib/view/alert-marks.ts';
import { incidentExtent, incidentRange } from '#lib/view/incident-view.ts';
import { hasData, trendCharts } from '#lib/view/trend-charts.ts';
import { useAlerts } from '../alerts/use-alerts.ts';
import { problemOf, useDashboard } from '../dashboard.tsx';
import { Waiting } from '../skeleton.tsx';
import { StripPanel } from '../strip-panel.tsx';
import { TrendChartView } from '../trend-chart.tsx';
import { WindowProblems } from '../window-problems.tsx';

/** The charts that show most incidents. */
const SHOWN = ['latency', 'busy', 'period'] as const;

/** The window as charts with the alerts on them, and a step from when it began. */
export function IncidentPicture({ detail }: { readonly detail: IncidentDetail }) {
  const { incident, timeline } = detail;
  const { hrefOf } = useDashboard();
  const router = useRouter();
  const { fromMs, toMs } = incidentRange(incident);
  const range = { from: incident.window.fromUnixNs, to: incident.window.toUnixNs };
  const isRecording = incident.evidence === 'recording';
  const alerts = useAlerts().data?.alerts;
  const series = useQuery({
    queryKey: ['incident-series', incident.id, range.from, range.to],
    queryFn: ({ signal }) => fetchSeries(incident.deployment, range, { signal }),
    refetchInterval: isRecording ? 3_000 : false,
  });
  const near = incidentExtent(detail);
  const strip = useQuery({
    queryKey: ['incident-strip', incident.id, String(near.toUnixNs), isRecording],
    queryFn: ({ signal }) =>
      fetchStrip(
        incident.deployment,
        { from: String(near.fromUnixNs), to: String(near.toUnixNs) },
        { signal },
      ),
  });
  const [crosshairMs, setCrosshairMs] = useState<number | null>(null);
  const charts = useMemo(
    () =>
      trendCharts(series.data?.points ?? []).filter(({ id }) => SHOWN.some((name) => name === id)),
    [series.data],
  );
  const marks = useMemo(
    () => alertMarks(timeline, alerts ?? [], { fromMs, toMs }),
    [timeline, alerts, fromMs, toMs],
  );
  const failed = [
    { question: 'trends', problem: problemOf(series.error) },
    { question: 'step', problem: problemOf(strip.error) },
  ].flatMap(({ question, problem }) => (problem === null ? [] : [{ question, problem }]));
  return (
    <>
      <WindowProblems problems={failed} />
      <section className="panel" aria-label="The window">
        <h2 className="panel-title px-3 pt-2">The window</h2>
        {series.data === undefined ? (
          <div className="p-3">
            <Waiting
              heightPx={180}
              text={series.error === null ? 'Loading the window' : 'It could not be loaded'}
            />
          </div>
        ) : (
          <div className="grid grid-cols-2 gap-x-2 p-2 xl:grid-cols-3">
            {charts.map((chart) =>
              hasData(chart) ? (
                <TrendChartView
                  key={chart.id}
                  chart={chart}
                  fromMs={fromMs}
                  toMs={toMs}
                  crosshairMs={crosshairMs}
                  onCrosshair={setCrosshairMs}
                  onBrush={(from, to) =>
                    router.push(
                      hrefOf('/', {
                        deployment: incident.deployment,
                        range: { kind: 'absolute', fromMs: from, toMs: to },
                      }),
                    )
                  }
                  marks={marks}
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
      {strip.data?.strip != null && <StripPanel strip={strip.data.strip} />}
    </>
  );
}
