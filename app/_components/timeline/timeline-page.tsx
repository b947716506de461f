'use client';

import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import type { Deployment } from '#lib/api/deployments.ts';
import type { Problem } from '#lib/api/problem.ts';
import { fetchTimelineTile } from '#lib/api/timeline-client.ts';
import { overviewOf } from '#lib/view/timeline-overview.ts';
import type { TimelineWorker } from '#lib/view/timeline-rows.ts';
import type { TimelineExtent } from '#lib/view/timeline-viewport.ts';
import { useDashboard } from '../dashboard.tsx';
import { useLivePaused } from '../live-store.ts';
import { restPage } from '../page-rest.ts';
import { EmptyState, ErrorState } from '../states.tsx';
import { FilterBar } from './filter-bar.tsx';
import { PanelsProvider } from './panels-context.tsx';
import { PanelLayers } from './panels-extras.tsx';
import { BLOCK_WORKERS } from './picture-workers.ts';
import { TimelineBottom } from './timeline-bottom.tsx';
import { TimelineCanvas } from './timeline-canvas.tsx';
import { TimelineProvider, useTimelinePart, useTimelineStore } from './timeline-context.tsx';
import { TimelineMinimap } from './timeline-minimap.tsx';
import { TimelineNotice } from './timeline-notice.tsx';
import { TimelineSide } from './timeline-side.tsx';
import { TimelineStore } from './timeline-store.ts';
import { TimelineToolbar } from './timeline-toolbar.tsx';
import { useTail } from './use-tail.ts';
import { readLink, useTimelineLink } from './use-timeline-link.ts';

const OVERVIEW_BINS = 512;
const OVERVIEW_MS = 15_000;
const NO_WORKERS: readonly TimelineWorker[] = [];

/** Every event of a deployment over time: rows of workers, from all that is kept down to 1 ns. */
export function TimelinePage() {
  const { deployments, deployment, problem, retry } = useDashboard();
  if (problem !== null) return <ErrorState problem={problem} onRetry={retry} />;
  if (deployments === undefined) return <TimelineSkeleton />;
  const known = deployments.find(({ id }) => id === deployment);
  if (known === undefined) {
    if (deployments.length === 0 || deployment === null) return <EmptyState />;
    return <ErrorState problem={unknownDeployment(deployment, deployments)} onRetry={retry} />;
  }
  return <LoadedTimeline key={known.id} deployment={known} />;
}

function LoadedTimeline({ deployment }: { readonly deployment: Deployment }) {
  const [store] = useState(() => {
    const bounds = boundsOf(deployment);
    return new TimelineStore(bounds, readLink(window.location.search, bounds));
  });
  return (
    <TimelineProvider value={store}>
      <PanelsProvider>
        <PanelLayers />
        <h1 className="sr-only">Timeline</h1>
        <div data-full-bleed className="flex min-h-0 flex-1 flex-col" data-testid="timeline">
          <TimelineToolbar />
          <FilterBar />
          <div className="flex min-h-0 flex-1">
            <div className="flex min-w-0 flex-1 flex-col">
              <LoadedPicture deployment={deployment} />
              <TimelineBottom />
            </div>
            <TimelineSide />
          </div>
        </div>
      </PanelsProvider>
    </TimelineProvider>
  );
}

/** Minimap and picture, and what keeps them at the state of the URL and of the newest data. */
function LoadedPicture({ deployment }: { readonly deployment: Deployment }) {
  const store = useTimelineStore();
  const paused = useLivePaused();
  const info = useTimelinePart((state) => state.info);
  const notice = useTimelinePart((state) => state.notice);
  const bounds = boundsOf(deployment);
  useTimelineLink(store);
  useTail(deployment.id);
  useRest(store);
  const newest = deployment.lastSeenUnixNs;
  useEffect(() => {
    const known = store.state().bounds;
    const toUnixNs = BigInt(newest) + 1n;
    if (toUnixNs > known.toUnixNs) store.setBounds({ ...known, toUnixNs });
  }, [store, newest]);
  const workers = deployment.groups.reduce((sum, group) => sum + group.workers, 0);
  const hasPicture = info.detail !== null || info.problem !== null;
  const whole = useQuery({
    queryKey: ['timeline-overview', deployment.id],
    queryFn: async ({ signal }) => {
      const window = { from: String(bounds.fromUnixNs), to: String(bounds.toUnixNs) };
      const question = { ...window, bins: OVERVIEW_BINS };
      const tile = await fetchTimelineTile(deployment.id, question, { signal });
      return { overview: overviewOf(tile), workers: tile.header.rows };
    },
    refetchInterval: paused ? false : OVERVIEW_MS,
    // The picture comes first, unless it must know its workers.
    enabled: hasPicture || workers > BLOCK_WORKERS,
  });
  return (
    <>
      <TimelineMinimap overview={whole.data?.overview} />
      <TimelineNotice info={info} notice={notice} />
      <TimelineCanvas
        deployment={deployment.id}
        workers={workers}
        known={whole.data?.workers ?? NO_WORKERS}
      />
    </>
  );
}

/** The page rests while the view is moved by hand. */
function useRest(store: TimelineStore): void {
  useEffect(() => {
    const stop = store.onMoving(restPage);
    return () => {
      stop();
      restPage(false);
    };
  }, [store]);
}

function unknownDeployment(id: string, known: readonly Deployment[]): Problem {
  const names = known.map((deployment) => deployment.id).join(', ');
  return {
    type: 'about:blank#not-found',
    title: 'Not found',
    status: 404,
    detail: `There is no deployment "${id}". Known: ${names}.`,
  };
}

function boundsOf({ firstSeenUnixNs, lastSeenUnixNs }: Deployment): TimelineExtent {
  return { fromUnixNs: BigInt(firstSeenUnixNs), toUnixNs: BigInt(lastSeenUnixNs) + 1n };
}

function TimelineSkeleton() {
  return (
    <div data-full-bleed className="flex min-h-0 flex-1 flex-col gap-2 p-2" aria-busy="true">
      <div className="skeleton h-8" />
      <div className="skeleton h-10" />
      <div className="skeleton min-h-0 flex-1" />
    </div>
  );
}
