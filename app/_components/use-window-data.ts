'use client';

/** The page's figures: from the live stream, or asked for a window of the past. */
import { useQuery } from '@tanstack/react-query';
import { fetchHeatmap, fetchSeries, fetchStrip } from '#lib/api/client.ts';
import type { GpuActivity, Heatmap, Overview, Strip, TrendPoint } from '#lib/api/live-event.ts';
import type { Problem } from '#lib/api/problem.ts';
import type { ReportJson } from '#lib/api/report-schema.ts';
import { apiRange, refreshMs } from '#lib/view/time-range.ts';
import { problemOf, useDashboard } from './dashboard.tsx';
import { useLive } from './live-store.ts';
import { useReport } from './use-report.ts';

export interface WindowData {
  readonly isLive: boolean;
  /** undefined while loading, null where the window holds none. */
  readonly report: ReportJson | null | undefined;
  readonly strip: Strip | null | undefined;
  readonly heatmap: Heatmap | null | undefined;
  /** The heat map is from rollups: bubbles and waits of its layers are estimates. */
  readonly isHeatmapRollup: boolean;
  /** Length of the newest part of the window that the heat map is of; null: of all of it. */
  readonly heatmapPartNs: number | null;
  readonly points: readonly TrendPoint[] | undefined;
  readonly gpu: readonly GpuActivity[];
  readonly tpotMs: Overview['tpotMs'];
  readonly overview: Overview | null;
  /** Age of live figures that stopped coming; null while they come. */
  readonly staleMs: number | null;
  /** The figures are of the window before, until those of the chosen one are there. */
  readonly isRefilling: boolean;
  /** What failed, by question; the others still stand. */
  readonly problems: readonly { readonly question: string; readonly problem: Problem }[];
}

const NO_GPU: readonly GpuActivity[] = [];

export function useWindowData(): WindowData {
  const { deployment, state } = useDashboard();
  const { state: live, paused } = useLive();
  const shown = useReport();
  const { isLive } = shown;
  const range = apiRange(state.range);
  const options = {
    enabled: !isLive && deployment !== null,
    refetchInterval: paused ? (false as const) : (refreshMs(state.range) ?? (false as const)),
  };
  const name = deployment ?? '';
  const series = useQuery({
    queryKey: ['series', name, range],
    queryFn: ({ signal }) => fetchSeries(name, range, { signal }),
    ...options,
    placeholderData: (old, query) => (query?.queryKey[1] === name ? old : undefined),
  });
  const strip = useQuery({
    queryKey: ['strip', name, range],
    queryFn: ({ signal }) => fetchStrip(name, range, { signal }),
    ...options,
    placeholderData: (old, query) => (query?.queryKey[1] === name ? old : undefined),
  });
  const heatmap = useQuery({
    queryKey: ['heatmap', name, range],
    queryFn: ({ signal }) => fetchHeatmap(name, range, { signal }),
    ...options,
    placeholderData: (old, query) => (query?.queryKey[1] === name ? old : undefined),
  });
  if (isLive) {
    const { overview } = live;
    const waiting = overview === null ? undefined : null;
    return {
      isLive,
      report: shown.report,
      strip: live.strip ?? waiting,
      heatmap: live.heatmap ?? waiting,
      isHeatmapRollup: false,
      heatmapPartNs: null,
      points: overview === null && live.points.length === 0 ? undefined : live.points,
      gpu: overview?.gpu ?? NO_GPU,
      tpotMs: overview?.tpotMs ?? null,
      overview,
      staleMs: shown.staleMs,
      isRefilling: false,
      problems: [],
    };
  }
  const asked = { series, strip, heatmap };
  return {
    isLive,
    report: shown.report,
    strip: strip.data?.strip,
    heatmap: heatmap.data?.heatmap,
    isHeatmapRollup: heatmap.data?.exactness === 'rollup',
    heatmapPartNs: heatmap.data?.isPart === true ? (heatmap.data.window?.durationNs ?? null) : null,
    points: series.data?.points,
    gpu: NO_GPU,
    tpotMs: null,
    overview: null,
    staleMs: null,
    isRefilling:
      shown.isRefilling || Object.values(asked).some(({ isPlaceholderData }) => isPlaceholderData),
    problems: [
      ...(shown.problem === null ? [] : [{ question: 'report', problem: shown.problem }]),
      ...Object.entries(asked).flatMap(([question, { error }]) => {
        const problem = problemOf(error);
        return problem === null ? [] : [{ question, problem }];
      }),
    ],
  };
}
