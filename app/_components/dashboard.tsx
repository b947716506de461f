'use client';

/** What every page needs to know: which deployment, which time, is the collector there. */
import { useQuery } from '@tanstack/react-query';
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from 'react';
import { ApiProblem, fetchDeployments, fetchHealth } from '#lib/api/client.ts';
import type { Deployment } from '#lib/api/deployments.ts';
import type { Health } from '#lib/api/health.ts';
import { type Problem, problemKind } from '#lib/api/problem.ts';
import type { PageState } from '#lib/view/url-state.ts';
import { liveStore } from './live-store.ts';
import { usePageState } from './use-page-state.ts';

export interface Dashboard {
  readonly state: PageState;
  readonly update: (change: Partial<PageState>, how?: 'push' | 'replace') => void;
  readonly hrefOf: (path: string, change?: Partial<PageState>) => string;
  /** undefined while loading. */
  readonly deployments: readonly Deployment[] | undefined;
  readonly problem: Problem | null;
  /** The one that the page shows; null where there is none. */
  readonly deployment: string | null;
  readonly health: Health | undefined;
  readonly healthProblem: Problem | null;
  readonly retry: () => void;
}

const DashboardContext = createContext<Dashboard | null>(null);

export function useDashboard(): Dashboard {
  const dashboard = useContext(DashboardContext);
  if (dashboard === null) throw new Error('useDashboard outside of DashboardProvider');
  return dashboard;
}

export function DashboardProvider({ children }: { readonly children: ReactNode }) {
  const { state, update, hrefOf } = usePageState();
  const listed = useQuery({
    queryKey: ['deployments'],
    queryFn: ({ signal }) => fetchDeployments({ signal }),
    // A first worker may connect any moment.
    refetchInterval: (query) =>
      (query.state.data?.deployments.length ?? 0) === 0 ? 2_000 : 15_000,
  });
  const health = useQuery({
    queryKey: ['health'],
    queryFn: ({ signal }) => fetchHealth({ signal }),
    refetchInterval: 5_000,
  });
  const problem = problemOf(listed.error);
  const isEmptyStore = problem !== null && problemKind(problem) === 'no-database';
  const deployments = isEmptyStore ? [] : listed.data?.deployments;
  // Chosen once: two deployments that both send would else take turns.
  const [chosen, setChosen] = useState<string | null>(null);
  const candidate = newest(deployments);
  if (chosen === null && candidate !== null) setChosen(candidate);
  const deployment = state.deployment ?? chosen;
  const isLive = state.range.kind === 'live';
  const isUnknown = deployments?.some(({ id }) => id === deployment) === false;
  useEffect(() => {
    // Of one that is not there, nothing comes however often it is asked for.
    liveStore.follow(isLive && !isUnknown ? deployment : null);
  }, [isLive, isUnknown, deployment]);
  const { refetch } = listed;
  const { refetch: refetchHealth } = health;
  const value = useMemo<Dashboard>(
    () => ({
      state,
      update,
      hrefOf,
      deployments,
      problem: isEmptyStore || listed.data !== undefined ? null : problem,
      deployment,
      health: health.data,
      healthProblem: problemOf(health.error),
      retry: () => {
        void refetch();
        void refetchHealth();
      },
    }),
    [
      state,
      update,
      hrefOf,
      deployments,
      isEmptyStore,
      listed.data,
      problem,
      deployment,
      health.data,
      health.error,
      refetch,
      refetchHealth,
    ],
  );
  return <DashboardContext value={value}>{children}</DashboardContext>;
}

/** Whoever sent last is what people come to see. */
function newest(deployments: readonly Deployment[] | undefined): string | null {
  let best: Deployment | undefined;
  for (const deployment of deployments ?? []) {
    if (best === undefined || BigInt(deployment.lastSeenUnixNs) > BigInt(best.lastSeenUnixNs)) {
      best = deployment;
    }
  }
  return best?.id ?? null;
}

export function problemOf(error: Error | null): Problem | null {
  if (error === null) return null;
  if (error instanceof ApiProblem) return error.problem;
  return {
    type: 'about:blank#internal',
    title: 'The page failed to load this',
    status: 0,
    detail: 'Reload the page; if it stays, look at the browser’s console.',
  };
}
