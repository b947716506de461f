'use client';

import Link from 'next/link';
import { useDashboard } from '../dashboard.tsx';
import { PageSkeleton } from '../skeleton.tsx';
import { ErrorState } from '../states.tsx';
import { WindowProblems } from '../window-problems.tsx';
import { IncidentAlerts } from './incident-alerts.tsx';
import { IncidentCompare } from './incident-compare.tsx';
import { IncidentHead } from './incident-head.tsx';
import { IncidentNotes } from './incident-notes.tsx';
import { IncidentPicture } from './incident-picture.tsx';
import { IncidentSetup } from './incident-setup.tsx';
import { useIncident } from './use-incidents.ts';

/** One incident: what it was, what it looked like, how it differs, what was done about it. */
export function IncidentPage({ id }: { readonly id: string }) {
  const { hrefOf } = useDashboard();
  const asked = useIncident(id);
  if (asked.data === undefined) {
    return asked.problem === null ? (
      <PageSkeleton />
    ) : (
      <>
        <ErrorState problem={asked.problem} onRetry={asked.retry} />
        <p className="mx-auto mt-2 max-w-3xl">
          <Link className="text-accent underline" href={hrefOf('/incidents')} prefetch={false}>
            All incidents
          </Link>
        </p>
      </>
    );
  }
  const detail = asked.data;
  return (
    <div className="flex flex-col gap-3" data-testid="incident-page">
      <WindowProblems
        problems={
          asked.problem === null ? [] : [{ question: 'newer state', problem: asked.problem }]
        }
      />
      <IncidentHead detail={detail} />
      <IncidentPicture detail={detail} />
      <div className="grid grid-cols-1 items-start gap-3 lg:grid-cols-2">
        <IncidentCompare detail={detail} />
        <div className="flex min-w-0 flex-col gap-3">
          <IncidentAlerts detail={detail} />
          <IncidentNotes incident={detail.incident} />
        </div>
      </div>
      <IncidentSetup setup={detail.setup} />
    </div>
  );
}
