'use client';

import { DownloadIcon, FileTextIcon, PinOffIcon } from 'lucide-react';
import Link from 'next/link';
import { useState } from 'react';
import { SEVERITIES, type Severity } from '#lib/api/alert-rules.ts';
import { exportUrl, postmortemUrl } from '#lib/api/client.ts';
import { INCIDENT_STATUSES, type IncidentDetail, type IncidentJson } from '#lib/api/incidents.ts';
import { bytesFigure, durationFigure, instantText } from '#lib/view/format.ts';
import {
  evidenceText,
  incidentExtent,
  incidentRange,
  windowLengthNs,
} from '#lib/view/incident-view.ts';
import { linkToTimeline } from '#lib/view/timeline-link.ts';
import { verdictOf } from '#lib/view/verdict.ts';
import { verdictSentence } from '#lib/view/verdict-text.ts';
import { SeverityMark } from '../alerts/severity-mark.tsx';
import { problemOf, useDashboard } from '../dashboard.tsx';
import { Fig } from '../figure.tsx';
import { VerdictWords } from '../verdict-sentence.tsx';
import { useChangeIncident } from './use-incidents.ts';

/** Stored as text; one of another version says nothing. */
export function severityOf({ severity }: Pick<IncidentJson, 'severity'>): Severity | null {
  return SEVERITIES.find((name) => name === severity) ?? null;
}

/** What it was in words, its status, what is kept of it, and the ways out of the page. */
export function IncidentHead({ detail }: { readonly detail: IncidentDetail }) {
  const { incident, report, reportNote } = detail;
  const { state, hrefOf } = useDashboard();
  const change = useChangeIncident(incident.id);
  const problem = problemOf(change.error);
  const severity = severityOf(incident);
  const range = incidentRange(incident);
  const page = { ...state, deployment: incident.deployment, range };
  const created = instantText(incident.createdUnixMs);
  return (
    <section className="panel" aria-label="Incident">
      <header className="flex flex-wrap items-center gap-x-3 gap-y-1 px-4 pt-3">
        {severity !== null && <SeverityMark severity={severity} />}
        <h1 className="text-lead font-semibold break-words">{incident.title}</h1>
        <fieldset className="segments ml-auto" aria-label="Status">
          {INCIDENT_STATUSES.map((status) => (
            <button
              key={status}
              type="button"
              className="control"
              aria-pressed={incident.status === status}
              disabled={change.isPending}
              onClick={() => incident.status !== status && change.mutate({ status })}
            >
              {status}
            </button>
          ))}
        </fieldset>
      </header>
      <p className="px-4 py-2 text-lead leading-snug" data-testid="incident-verdict">
        {report === null ? (
          <span className="text-muted">
            {incident.evidence === 'recording'
              ? 'The window is still being recorded; the report follows when it is over.'
              : reportNote || 'There is no report of the window.'}
          </span>
        ) : (
          <VerdictWords
            sentence={verdictSentence(verdictOf(report))}
            linkOf={(evidence) =>
              'anchor' in evidence
                ? `${hrefOf('/', { deployment: incident.deployment, range })}#${evidence.anchor}`
                : hrefOf(evidence.path, {
                    deployment: incident.deployment,
                    range,
                    ...evidence.change,
                  })
            }
          />
        )}
      </p>
      {report !== null && reportNote !== '' && (
        <p className="px-4 pb-1 text-small text-warning">{reportNote}</p>
      )}
      <p className="flex flex-wrap gap-x-3 border-t border-line px-4 py-1.5 text-small text-muted">
        <span>{incident.deployment}</span>
        <span title={`${created.utc}; window from ${new Date(range.fromMs).toISOString()}`}>
          {instantText(range.fromMs).local} +{' '}
          <Fig figure={durationFigure(windowLengthNs(incident))} />
        </span>
        <span>
          {incident.origin === 'manual' ? 'frozen by hand' : `made by the rule ${incident.rule}`}
        </span>
        <Evidence incident={incident} onRelease={() => change.mutate({ release: true })} />
      </p>
      {problem !== null && (
        <p role="alert" className="px-4 pb-2 text-critical">
          {problem.title}: {problem.detail}
        </p>
      )}
      <div className="flex flex-wrap gap-1 border-t border-line px-4 py-2">
        <Link
          className="control"
          href={linkToTimeline(page, incidentExtent(detail))}
          prefetch={false}
        >
          Timeline
        </Link>
        <Link
          className="control"
          href={hrefOf('/', { deployment: incident.deployment, range })}
          prefetch={false}
        >
          Overview of the window
        </Link>
        <a
          className="control"
          href={exportUrl(incident.deployment, 'archive', {
            from: incident.window.fromUnixNs,
            to: incident.window.toUnixNs,
          })}
          download
        >
          <DownloadIcon size={13} aria-hidden /> Archive
        </a>
        <a
          className="control"
          href={postmortemUrl(incident.deployment, {
            format: 'html',
            from: incident.window.fromUnixNs,
            to: incident.window.toUnixNs,
          })}
          target="_blank"
          rel="noopener"
        >
          <FileTextIcon size={13} aria-hidden /> HTML report
        </a>
      </div>
    </section>
  );
}

/** Is what happened still there, and how much it takes; releasing it is asked for once. */
function Evidence({
  incident,
  onRelease,
}: {
  readonly incident: IncidentJson;
  readonly onRelease: () => void;
}) {
  const [isAsked, setAsked] = useState(false);
  const { evidence, evidenceNote, pinnedBytes } = incident;
  const isKept = evidence === 'kept' || evidence === 'partial';
  return (
    <span className="flex flex-wrap items-center gap-x-2" data-testid="evidence">
      <span className={evidence === 'partial' || evidence === 'released' ? 'text-warning' : ''}>
        {evidenceText(incident)}
        {evidenceNote !== '' && `: ${evidenceNote}`}
      </span>
      {isKept && pinnedBytes !== null && <Fig figure={bytesFigure(pinnedBytes)} />}
      {isKept && !isAsked && (
        <button
          type="button"
          className="text-accent underline"
          title="Gives the raw events to retention; the report stays"
          onClick={() => setAsked(true)}
        >
          <PinOffIcon size={12} className="inline" aria-hidden /> release
        </button>
      )}
      {isAsked && (
        <>
          <span className="text-warning">Retention will delete its raw events.</span>
          <button
            type="button"
            className="text-accent underline"
            onClick={() => {
              setAsked(false);
              onRelease();
            }}
          >
            Release them
          </button>
          <button type="button" className="text-accent underline" onClick={() => setAsked(false)}>
            Keep
          </button>
        </>
      )}
    </span>
  );
}
