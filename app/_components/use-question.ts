'use client';

/** One question of a page to the API, asked anew as the window moves. */
import { useQuery } from '@tanstack/react-query';
import type { ClientOptions, TimeRange } from '#lib/api/client.ts';
import type { Problem } from '#lib/api/problem.ts';
import { apiRange, refreshMs } from '#lib/view/time-range.ts';
import { problemOf, useDashboard } from './dashboard.tsx';
import { useLivePaused } from './live-store.ts';

export interface Answer<T> {
  /** undefined while loading, or where it failed. */
  readonly data: T | undefined;
  /** Of the window before, until that of the chosen one is there. */
  readonly isRefilling: boolean;
  readonly problem: Problem | null;
  readonly retry: () => void;
}

/** `liveMs`: how much of the newest time is asked for while the page is live. */
export function useQuestion<T>(
  name: string,
  ask: (deployment: string, range: TimeRange, options: ClientOptions) => Promise<T>,
  liveMs?: number,
): Answer<T> {
  const { deployment, state } = useDashboard();
  const paused = useLivePaused();
  const range = apiRange(state.range, liveMs);
  const asked = useQuery({
    queryKey: [name, deployment, range],
    queryFn: ({ signal }) => ask(deployment ?? '', range, { signal }),
    enabled: deployment !== null,
    refetchInterval: paused ? false : (refreshMs(state.range) ?? false),
    placeholderData: (old, query) => (query?.queryKey[1] === deployment ? old : undefined),
  });
  const { refetch } = asked;
  return {
    data: asked.data,
    isRefilling: asked.isPlaceholderData,
    problem: problemOf(asked.error),
    retry: () => void refetch(),
  };
}
