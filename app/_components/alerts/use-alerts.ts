'use client';

/** Questions about alerts, asked again and again: an alert does not wait for a click. */
import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback } from 'react';
import {
  fetchAlertHistory,
  fetchAlerts,
  fetchDeliveries,
  fetchReceivers,
  fetchRules,
  fetchSilences,
} from '#lib/api/alert-client.ts';
import type { RulesAnswer } from '#lib/api/alert-rules.ts';
import type { AlertHistory, Alerts, Deliveries, Receivers, SilenceJson } from '#lib/api/alerts.ts';
import type { TimeRange } from '#lib/api/client.ts';
import type { Problem } from '#lib/api/problem.ts';
import { problemOf } from '../dashboard.tsx';

export interface Asked<T> {
  readonly data: T | undefined;
  readonly problem: Problem | null;
  readonly retry: () => void;
}

function useAsked<T>(
  key: readonly unknown[],
  ask: (signal: AbortSignal) => Promise<T>,
  everyMs: number,
): Asked<T> {
  const asked = useQuery({
    queryKey: key,
    queryFn: ({ signal }) => ask(signal),
    refetchInterval: everyMs,
  });
  const { refetch } = asked;
  return { data: asked.data, problem: problemOf(asked.error), retry: () => void refetch() };
}

/** Of all deployments. Everybody who asks shares one answer. */
export function useAlerts(everyMs = 5_000): Asked<Alerts> {
  return useAsked(['alerts'], (signal) => fetchAlerts({}, { signal }), everyMs);
}

export function useRules(): Asked<RulesAnswer> {
  return useAsked(['alert-rules'], (signal) => fetchRules({ signal }), 10_000);
}

export function useSilences(): Asked<readonly SilenceJson[]> {
  return useAsked(['silences'], (signal) => fetchSilences({ signal }), 10_000);
}

export function useDeliveries(): Asked<Deliveries> {
  return useAsked(['deliveries'], (signal) => fetchDeliveries({ signal }), 5_000);
}

export function useReceivers(): Asked<Receivers> {
  return useAsked(['receivers'], (signal) => fetchReceivers({ signal }), 30_000);
}

export interface HistoryQuestion extends TimeRange {
  readonly deployment?: string;
  readonly rule?: string;
}

/** Changes of one answer: episodes are made of several. */
const PAGE_EVENTS = 500;

/** Newest first, page by page. */
export function useAlertHistory(question: HistoryQuestion) {
  return useInfiniteQuery({
    queryKey: ['alert-history', question],
    queryFn: ({ signal, pageParam }) =>
      fetchAlertHistory(
        { ...question, ...(pageParam === null ? {} : { to: pageParam }), limit: PAGE_EVENTS },
        { signal },
      ),
    initialPageParam: null as string | null,
    getNextPageParam: ({ events, more }: AlertHistory) => {
      const last = events.at(-1);
      // Others of the same millisecond may come twice; they are told apart by what they are.
      return more && last !== undefined ? new Date(last.atUnixMs + 1).toISOString() : null;
    },
    refetchInterval: 15_000,
  });
}

/** After a change: everything about alerts is asked for anew. */
export function useAlertsChanged(): () => void {
  const client = useQueryClient();
  return useCallback(() => {
    for (const key of ['alerts', 'alert-history', 'silences', 'alert-rules', 'deliveries']) {
      void client.invalidateQueries({ queryKey: [key] });
    }
  }, [client]);
}
