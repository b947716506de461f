'use client';

import { useQuery } from '@tanstack/react-query';
import { fetchBreakdown } from '#lib/api/client.ts';
import { durationFigure } from '#lib/view/format.ts';
import { apiRange, LIVE_WINDOW_MS, rangeText, refreshMs } from '#lib/view/time-range.ts';
import { problemOf, useDashboard } from './dashboard.tsx';
import { Fig } from './figure.tsx';
import { LayerDetail } from './layer-detail.tsx';
import { LayerTable } from './layer-table.tsx';
import { useLive } from './live-store.ts';
import { PageSkeleton, Waiting } from './skeleton.tsx';
import { EmptyState, ErrorState } from './states.tsx';
import { WindowProblems } from './window-problems.tsx';

/** Where the time of each layer and micro-batch goes. */
export function LayersPage() {
  const { deployments, deployment, problem, retry, state } = useDashboard();
  const { paused } = useLive();
  const range = apiRange(state.range);
  const breakdown = useQuery({
    queryKey: ['breakdown', deployment, range],
    queryFn: ({ signal }) => fetchBreakdown(deployment ?? '', range, { signal }),
    enabled: deployment !== null,
    refetchInterval: paused ? false : (refreshMs(state.range) ?? false),
    placeholderData: (old, query) => (query?.queryKey[1] === deployment ? old : undefined),
  });
  if (problem !== null) return <ErrorState problem={problem} onRetry={retry} />;
  if (deployment === null) {
    return deployments === undefined ? <PageSkeleton /> : <EmptyState />;
  }
  const failed = problemOf(breakdown.error);
  if (failed !== null && breakdown.data === undefined) {
    return <ErrorState problem={failed} onRetry={() => void breakdown.refetch()} />;
  }
  if (breakdown.data === undefined) return <PageSkeleton />;
  const data = breakdown.data;
  if (data.layers.length === 0) {
    return (
      <section className="panel p-3">
        <h1 className="panel-title mb-2">Layers</h1>
        <Waiting
          heightPx={240}
          text="No layer in this window: it holds no steps, or their events are no longer kept. Choose a newer one."
        />
      </section>
    );
  }
  return (
    <div
      className={`flex flex-col gap-3 ${breakdown.isPlaceholderData ? 'stale' : ''}`}
      aria-busy={breakdown.isPlaceholderData}
    >
      <WindowProblems
        problems={failed === null ? [] : [{ question: 'newer breakdown', problem: failed }]}
      />
      <header className="flex flex-wrap items-baseline gap-x-3">
        <h1 className="text-lead font-semibold">Layers</h1>
        <span className="text-muted">
          medians over {data.steps.toLocaleString('en-US')} {data.steps === 1 ? 'step' : 'steps'} in{' '}
          {state.range.kind === 'live' ? (
            <>
              <Fig figure={durationFigure(data.window.durationNs)} />, newest{' '}
              {LIVE_WINDOW_MS / 1000} s
            </>
          ) : (
            <>
              the newest <Fig figure={durationFigure(data.window.durationNs)} /> of{' '}
              {rangeText(state.range)}
            </>
          )}{' '}
          · {data.layers.length} layers · {data.microbatches} micro-batches
        </span>
      </header>
      <LayerDetail breakdown={data} />
      <LayerTable breakdown={data} />
    </div>
  );
}
