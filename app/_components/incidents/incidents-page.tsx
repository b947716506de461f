'use client';

import Link from 'next/link';
import type { IncidentJson } from '#lib/api/incidents.ts';
import { ageText, bytesFigure, durationFigure, instantText } from '#lib/view/format.ts';
import { evidenceText, incidentOrder, openCount, windowLengthNs } from '#lib/view/incident-view.ts';
import { SeverityMark } from '../alerts/severity-mark.tsx';
import { useDashboard } from '../dashboard.tsx';
import { Fig } from '../figure.tsx';
import { PageSkeleton } from '../skeleton.tsx';
import { CopyLine, ErrorState } from '../states.tsx';
import { useNow } from '../use-now.ts';
import { WindowProblems } from '../window-problems.tsx';
import { severityOf } from './incident-head.tsx';
import { useIncidents } from './use-incidents.ts';

/** What was kept: by an alert that fired, or by somebody who pressed Freeze. */
export function IncidentsPage() {
  const { state, update } = useDashboard();
  const { alerts: choice } = state;
  const asked = useIncidents();
  if (asked.data === undefined) {
    return asked.problem === null ? (
      <PageSkeleton />
    ) : (
      <ErrorState problem={asked.problem} onRetry={asked.retry} />
    );
  }
  const all = incidentOrder(asked.data.incidents);
  const shown = choice.allIncidents ? all : all.filter(({ status }) => status !== 'resolved');
  const closed = all.length - all.filter(({ status }) => status !== 'resolved').length;
  return (
    <div className="flex flex-col gap-3">
      <WindowProblems
        problems={
          asked.problem === null ? [] : [{ question: 'newer incidents', problem: asked.problem }]
        }
      />
      <header className="flex flex-wrap items-center gap-3">
        <h1 className="text-lead font-semibold">Incidents</h1>
        <span className="text-muted">
          {openCount(all)} open of {all.length}
        </span>
        {closed > 0 && (
          <fieldset className="segments ml-auto" aria-label="Which incidents">
            {[false, true].map((isAll) => (
              <button
                key={String(isAll)}
                type="button"
                className="control"
                aria-pressed={choice.allIncidents === isAll}
                onClick={() => update({ alerts: { ...choice, allIncidents: isAll } }, 'replace')}
              >
                {isAll ? `All ${all.length}` : 'Not resolved'}
              </button>
            ))}
          </fieldset>
        )}
      </header>
      {all.length === 0 ? (
        <NoIncidents />
      ) : shown.length === 0 ? (
        <section className="panel p-4">
          <p>
            No incident is open. <span className="text-muted">{closed} are resolved.</span>
          </p>
        </section>
      ) : (
        <IncidentTable incidents={shown} />
      )}
    </div>
  );
}

function NoIncidents() {
  return (
    <section className="panel p-4" data-testid="no-incidents">
      <h2 className="font-semibold">No incident yet</h2>
      <p className="mt-1 text-muted">
        When an alert fires, the raw events around it are kept here, with the report, the last
        healthy window and the configuration of that moment. Freeze, in the top bar, keeps the last
        minutes by hand; so does the command line:
      </p>
      <CopyLine text='npx afdscope incidents freeze --last 5m --title "odd steps"' />
    </section>
  );
}

const HEADS = [
  'Opened',
  'Incident',
  'Deployment',
  'Status',
  'Window',
  'Evidence',
  'Notes',
] as const;

function IncidentTable({ incidents }: { readonly incidents: readonly IncidentJson[] }) {
  return (
    <section className="panel overflow-x-auto" aria-label="Incidents">
      <table className="w-full text-small" data-testid="incidents">
        <thead className="text-muted">
          <tr>
            {HEADS.map((name) => (
              <th key={name} scope="col" className="px-2 py-1 text-left font-normal first:pl-3">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {incidents.map((incident) => (
            <Row key={incident.id} incident={incident} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Row({ incident }: { readonly incident: IncidentJson }) {
  const { hrefOf } = useDashboard();
  const now = useNow(5_000);
  const created = instantText(incident.createdUnixMs);
  const severity = severityOf(incident);
  const isClosed = incident.status === 'resolved';
  return (
    <tr className={`border-t border-line ${isClosed ? 'text-muted' : ''}`} data-testid="incident">
      <td
        className="py-1.5 pr-2 pl-3 whitespace-nowrap"
        title={`${created.local} (${created.utc})`}
      >
        {ageText(now - incident.createdUnixMs)} ago
      </td>
      <th scope="row" className="px-2 text-left font-normal">
        <span className="flex flex-wrap items-baseline gap-x-2">
          {severity !== null && (
            <SeverityMark severity={severity} isMuted={isClosed} hasWord={false} />
          )}
          <Link
            className="text-accent"
            href={hrefOf(`/incidents/${encodeURIComponent(incident.id)}`)}
            prefetch={false}
          >
            {incident.title}
          </Link>
          <span className="text-muted">
            {incident.origin === 'manual' ? 'frozen by hand' : incident.rule}
          </span>
        </span>
      </th>
      <td className="px-2">{incident.deployment}</td>
      <td className="px-2 whitespace-nowrap">{incident.status}</td>
      <td className="px-2 whitespace-nowrap">
        <Fig figure={durationFigure(windowLengthNs(incident))} />
      </td>
      <td className="px-2" title={incident.evidenceNote}>
        {evidenceText(incident)}
        {incident.pinnedBytes !== null && incident.evidence !== 'released' && (
          <>
            {', '}
            <Fig figure={bytesFigure(incident.pinnedBytes)} />
          </>
        )}
      </td>
      <td className="py-1.5 pr-3 pl-2">
        {incident.notes.length === 0 ? '–' : incident.notes.length}
      </td>
    </tr>
  );
}
