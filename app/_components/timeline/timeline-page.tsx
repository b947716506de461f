'use client';

import { useState } from 'react';
import type { Deployment } from '#lib/api/deployments.ts';
import type { TimelineWorker } from '#lib/view/timeline-rows.ts';
import type { TimelineExtent } from '#lib/view/timeline-viewport.ts';
import { useDashboard } from '../dashboard.tsx';
import { EmptyState, ErrorState } from '../states.tsx';
import { FilterBar } from './filter-bar.tsx';
import { PanelsProvider } from './panels-context.tsx';
import { PanelLayers } from './panels-extras.tsx';
import { TimelineBottom } from './timeline-bottom.tsx';
import { TimelineCanvas } from './timeline-canvas.tsx';
import { TimelineProvider } from './timeline-context.tsx';
import { TimelineSide } from './timeline-side.tsx';
import { TimelineStore } from './timeline-store.ts';
import { TimelineToolbar } from './timeline-toolbar.tsx';

const NO_WORKERS: readonly TimelineWorker[] = [];

/** Every event of a deployment over time: rows of workers, from all that is kept down to 1 ns. */
export function TimelinePage() {
  const { deployments, deployment, problem, retry } = useDashboard();
  if (problem !== null) return <ErrorState problem={problem} onRetry={retry} />;
  if (deployments === undefined) return <TimelineSkeleton />;
  const known = deployments.find(({ id }) => id === deployment);
  if (known === undefined) return <EmptyState />;
  return <LoadedTimeline key={known.id} deployment={known} />;
}

function LoadedTimeline({ deployment }: { readonly deployment: Deployment }) {
  const [store] = useState(() => new TimelineStore(boundsOf(deployment)));
  const workers = deployment.groups.reduce((sum, group) => sum + group.workers, 0);
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
              <TimelineCanvas deployment={deployment.id} workers={workers} known={NO_WORKERS} />
              <TimelineBottom />
            </div>
            <TimelineSide />
          </div>
        </div>
      </PanelsProvider>
    </TimelineProvider>
  );
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
