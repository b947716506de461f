'use client';

import { BellOffIcon, CheckIcon } from 'lucide-react';
import Link from 'next/link';
import type { ReactNode } from 'react';
import type { AlertJson } from '#lib/api/alerts.ts';
import { alertExtent, alertPlace, evidencePage, safeLink } from '#lib/view/alert-links.ts';
import { isQuiet } from '#lib/view/alert-list.ts';
import {
  alertSentence,
  deploymentName,
  metricAbout,
  metricFigure,
  metricName,
  otherLabels,
  subjectText,
} from '#lib/view/alert-words.ts';
import { ageText, instantText } from '#lib/view/format.ts';
import { linkToTimeline } from '#lib/view/timeline-link.ts';
import { useDashboard } from '../dashboard.tsx';
import { Fig } from '../figure.tsx';
import { useNow } from '../use-now.ts';
import { SeverityMark } from './severity-mark.tsx';

/** One alert: what it says, value against bound, since when, where to look, what to do. */
export function AlertRow({
  alert,
  onAcknowledge,
  onSilence,
  children,
}: {
  readonly alert: AlertJson;
  readonly onAcknowledge: () => void;
  readonly onSilence: () => void;
  readonly children?: ReactNode;
}) {
  const { state } = useDashboard();
  const isOver = alert.state === 'resolved';
  const isFiring = alert.state === 'firing';
  const subject = subjectText(alert.labels);
  const { description } = alert.annotations;
  return (
    <li
      className="border-t border-line"
      data-testid="alert"
      data-alert={alert.id}
      data-rule={alert.rule}
      data-state={alert.state}
      aria-current={state.alerts.alert === alert.id ? 'true' : undefined}
    >
      <div
        className={`grid grid-cols-[5.5rem_1fr_auto] gap-x-3 gap-y-0.5 px-3 py-2 ${
          state.alerts.alert === alert.id ? 'bg-raised' : ''
        }`}
      >
        <span className="pt-px text-small">
          <SeverityMark severity={alert.severity} isMuted={isOver} />
        </span>
        <div className="min-w-0">
          <p className={`break-words ${isOver ? 'text-muted' : 'font-semibold'}`}>
            {alertSentence(alert)}
          </p>
          {description !== undefined && description !== '' && (
            <p className="break-words">{description}</p>
          )}
          <p className="flex flex-wrap items-baseline gap-x-3 text-small text-muted">
            {/* Without a summary of its own the sentence above is made of this. */}
            {(alert.annotations.summary ?? '') !== '' && <Against alert={alert} />}
            <Since alert={alert} />
            <span>{deploymentName(alert.deployment)}</span>
            {subject !== '' && <span>{subject}</span>}
            {otherLabels(alert.labels).map((label) => (
              <code key={label}>{label}</code>
            ))}
            <Marks alert={alert} />
          </p>
          <Links alert={alert} />
        </div>
        <div className="flex items-start gap-1">
          {isFiring && alert.acknowledged === null && (
            <button type="button" className="control" onClick={onAcknowledge}>
              <CheckIcon size={13} aria-hidden /> Acknowledge
            </button>
          )}
          {!isOver && alert.silencedBy.length === 0 && (
            <button type="button" className="control" onClick={onSilence}>
              <BellOffIcon size={13} aria-hidden /> Silence
            </button>
          )}
        </div>
      </div>
      {children}
    </li>
  );
}

function Against({ alert }: { readonly alert: AlertJson }) {
  const { metric, unit, value, bound, compare, noData } = alert;
  if (noData) return <span className="text-warning">no data comes</span>;
  return (
    <span className="text-text" title={metricAbout(metric)}>
      <span className="text-muted">{metricName(metric)}</span>{' '}
      <Fig figure={metricFigure(metric, unit, value)} />
      {bound !== null && unit !== 'flag' && (
        <>
          {' '}
          {compare} <Fig figure={metricFigure(metric, unit, bound)} />
        </>
      )}
    </span>
  );
}

function Since({ alert }: { readonly alert: AlertJson }) {
  const now = useNow(1_000);
  const at = alert.firedAtUnixMs ?? alert.startsAtUnixMs;
  const { local, utc } = instantText(at);
  const { resolvedAtUnixMs } = alert;
  if (alert.state === 'resolved' && resolvedAtUnixMs !== null) {
    return (
      <span title={`${local} – ${instantText(resolvedAtUnixMs).local} (from ${utc})`}>
        {local.slice(11)} – {instantText(resolvedAtUnixMs).local.slice(11)}, over{' '}
        {ageText(now - resolvedAtUnixMs)} ago
      </span>
    );
  }
  return (
    <span title={`${local} (${utc})`}>
      {alert.state === 'pending' ? 'true' : 'firing'} for {ageText(now - at)}, since{' '}
      {local.slice(11)}
    </span>
  );
}

function Marks({ alert }: { readonly alert: AlertJson }) {
  const { acknowledged } = alert;
  return (
    <>
      {alert.flapping && (
        <span className="text-warning" title="Fired and ended several times within the last hour">
          flapping
        </span>
      )}
      {alert.firedCount > 1 && <span>{alert.firedCount} times in 24 h</span>}
      {isQuiet(alert) && acknowledged !== null && (
        <span title={acknowledged.comment}>
          acknowledged by {acknowledged.by || 'somebody'}
          {acknowledged.comment !== '' && `: ${acknowledged.comment}`}
        </span>
      )}
      {alert.silencedBy.length > 0 && <span>silenced</span>}
    </>
  );
}

function Links({ alert }: { readonly alert: AlertJson }) {
  const { state, hrefOf } = useDashboard();
  const evidence = evidencePage(alert);
  const runbook = safeLink(alert.runbook);
  const look = 'text-accent underline';
  const timeline =
    alert.deployment === ''
      ? null
      : linkToTimeline(
          { ...state, deployment: alert.deployment },
          alertExtent(alert),
          alertPlace(alert.labels),
        );
  return (
    <p className="flex flex-wrap gap-x-3 text-small">
      <Link className={look} href={hrefOf(evidence.path, evidence.change)} prefetch={false}>
        {evidence.name}
      </Link>
      {timeline !== null && (
        <Link className={look} href={timeline} prefetch={false} title="The timeline when it began">
          Timeline
        </Link>
      )}
      {alert.incidentId !== null && (
        <Link
          className={look}
          href={hrefOf(`/incidents/${encodeURIComponent(alert.incidentId)}`)}
          prefetch={false}
          title="What was kept of the time around it"
        >
          Incident
        </Link>
      )}
      <Link
        className={look}
        href={hrefOf('/rules', { alerts: { ...state.alerts, rule: alert.rule } })}
        prefetch={false}
      >
        Rule {alert.rule}
      </Link>
      {runbook !== null && (
        <a className={look} href={runbook} target="_blank" rel="noopener noreferrer">
          Runbook
        </a>
      )}
      {runbook === null && alert.runbook !== '' && (
        <span className="text-muted">Runbook: {alert.runbook}</span>
      )}
    </p>
  );
}
