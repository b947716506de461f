'use client';

/** The report that a page shows: of the live stream, or asked for a window of the past. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { fetchReport } from '#lib/api/client.ts';
import type { Problem } from '#lib/api/problem.ts';
import type { ReportJson } from '#lib/api/report-schema.ts';
import { staleForMs } from '#lib/view/live-state.ts';
import { apiRange, refreshMs } from '#lib/view/time-range.ts';
import { problemOf, useDashboard } from './dashboard.tsx';
import { useLive } from './live-store.ts';
import { useNow } from './use-now.ts';

/** What is read, and not watched, changes no more often than this. */
const CALM_MS = 5_000;

export interface PageReport {
  readonly isLive: boolean;
  /** undefined while loading, null where the live window holds none. */
  readonly report: ReportJson | null | undefined;
  /** Of the window before, until that of the chosen one is there. */
  readonly isRefilling: boolean;
  /** Age of live figures that stopped coming; null while they come. */
  readonly staleMs: number | null;
  readonly problem: Problem | null;
  readonly retry: () => void;
}

/** `pace` calm: a live report stands for five seconds, so that sentences and lists can be read. */
export function useReport(pace: 'live' | 'calm' = 'live'): PageReport {
  const { deployment, state } = useDashboard();
  const { state: live, paused } = useLive();
  const now = useNow(1_000);
  const isLive = state.range.kind === 'live';
  const range = apiRange(state.range);
  const name = deployment ?? '';
  const asked = useQuery({
    queryKey: ['report', name, range],
    queryFn: ({ signal }) => fetchReport(name, range, { signal }),
    enabled: !isLive && deployment !== null,
    refetchInterval: paused ? (false as const) : (refreshMs(state.range) ?? (false as const)),
    placeholderData: (old, query) => (query?.queryKey[1] === name ? old : undefined),
  });
  const streamed = live.overview === null ? undefined : (live.lastReport ?? null);
  const calm = useCalm(streamed, live.deployment, now);
  const { refetch } = asked;
  const retry = () => void refetch();
  if (isLive) {
    return {
      isLive,
      report: pace === 'calm' ? calm : streamed,
      isRefilling: false,
      staleMs: paused ? null : staleForMs(live, now),
      problem: null,
      retry,
    };
  }
  return {
    isLive,
    report: asked.data,
    isRefilling: asked.isPlaceholderData,
    staleMs: null,
    problem: problemOf(asked.error),
    retry,
  };
}

interface Held {
  readonly report: ReportJson | null | undefined;
  readonly deployment: string | null;
  readonly atMs: number;
}

function useCalm(
  report: ReportJson | null | undefined,
  deployment: string | null,
  now: number,
): ReportJson | null | undefined {
  const [held, setHeld] = useState<Held>({ report, deployment, atMs: now });
  const isOther = held.deployment !== deployment;
  const isFirst = (held.report === undefined || held.report === null) && report !== held.report;
  if (isOther || isFirst || (report !== held.report && now - held.atMs >= CALM_MS)) {
    setHeld({ report, deployment, atMs: now });
    return report;
  }
  return held.report;
}
