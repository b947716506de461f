'use client';

import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { fetchAlertHistory } from '#lib/api/alert-client.ts';
import { type AlertMark, alertMarks } from '#lib/view/alert-marks.ts';
import { useDashboard } from '../dashboard.tsx';
import { useAlerts } from './use-alerts.ts';

/** The window's ends move all the time; the question does so in steps. */
const STEP_MS = 60_000;
const MAX_EVENTS = 2_000;
const NONE: readonly AlertMark[] = [];

/** Alerts of the page's deployment in a window, and those of the collector itself. */
export function useAlertMarks(fromMs: number, toMs: number): readonly AlertMark[] {
  const { deployment } = useDashboard();
  const alerts = useAlerts().data?.alerts;
  // A timeline may reach before 1970: where a clock counts from 0, there is room to its left.
  const fromStep = Math.max(0, Math.floor(fromMs / STEP_MS));
  const from = new Date(fromStep * STEP_MS).toISOString();
  const to = new Date(Math.max(fromStep + 1, Math.ceil(toMs / STEP_MS)) * STEP_MS).toISOString();
  const history = useQuery({
    queryKey: ['alert-history', 'marks', deployment, from, to],
    queryFn: ({ signal }) =>
      fetchAlertHistory({ deployment: deployment ?? '', from, to, limit: MAX_EVENTS }, { signal }),
    enabled: deployment !== null,
    refetchInterval: 10_000,
    placeholderData: (old) => old,
  });
  return useMemo(() => {
    if (history.data === undefined) return NONE;
    const own = (alerts ?? []).filter((alert) => alert.deployment === deployment);
    return alertMarks(history.data.events, own, { fromMs, toMs });
  }, [history.data, alerts, deployment, fromMs, toMs]);
}
