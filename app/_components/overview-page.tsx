'use client';

import { useDashboard } from './dashboard.tsx';
import { GroupCards } from './group-cards.tsx';
import { HeatMapPanel } from './heat-map-panel.tsx';
import { IngestLine } from './ingest-line.tsx';
import { PageSkeleton } from './skeleton.tsx';
import { EmptyState, ErrorState } from './states.tsx';
import { StripPanel } from './strip-panel.tsx';
import { TrendPanel } from './trend-panel.tsx';
import { useWindowData } from './use-window-data.ts';
import { VerdictPanel, verdictOn } from './verdict-panel.tsx';
import { WindowProblems } from './window-problems.tsx';

export function OverviewPage() {
  const { deployments, deployment, problem, retry } = useDashboard();
  const data = useWindowData();
  if (problem !== null) return <ErrorState problem={problem} onRetry={retry} />;
  if (deployment === null) {
    return deployments === undefined ? <PageSkeleton /> : <EmptyState />;
  }
  if (data.report === undefined && data.problems.length === 0) return <PageSkeleton />;
  const isOld = data.staleMs !== null || data.isRefilling || data.overview?.state === 'quiet';
  const verdict = verdictOn(data);
  // What stands still now is news, however old the figures are.
  const isVerdictOld = isOld && verdict.kind !== 'hung';
  return (
    <>
      <div className={isVerdictOld ? 'stale' : ''}>
        <WindowProblems problems={data.problems} />
        <VerdictPanel data={data} verdict={verdict} />
      </div>
      <div
        className={`mt-3 flex flex-col gap-3 ${isOld ? 'stale' : ''}`}
        aria-busy={data.isRefilling}
        data-testid="overview-figures"
      >
        <GroupCards data={data} />
        <StripPanel strip={data.strip} />
        <HeatMapPanel
          heatmap={data.heatmap}
          isRollup={data.isHeatmapRollup}
          partNs={data.heatmapPartNs}
        />
        <TrendPanel points={data.points} />
        <IngestLine data={data} />
      </div>
    </>
  );
}
