'use client';

import Link from 'next/link';
import type { IncidentDetail } from '#lib/api/incidents.ts';
import { changeText } from '#lib/view/alert-history.ts';
import { subjectText } from '#lib/view/alert-words.ts';
import { instantText } from '#lib/view/format.ts';
import { SeverityMark } from '../alerts/severity-mark.tsx';
import { useDashboard } from '../dashboard.tsx';

/** What the rules said, from first to last. */
export function IncidentAlerts({ detail }: { readonly detail: IncidentDetail }) {
  const { state, hrefOf } = useDashboard();
  const { incident, timeline } = detail;
  return (
    <section className="panel" aria-label="Alerts">
      <h2 className="panel-title px-3 pt-2 pb-1">Alerts</h2>
      {timeline.length === 0 ? (
        <p className="px-3 pb-2 text-muted">No alert changed in its window.</p>
      ) : (
        <ol data-testid="incident-alerts">
          {timeline.map((event) => (
            <li
              key={`${event.atUnixMs} ${event.alertId} ${event.change}`}
              className={`flex flex-wrap items-baseline gap-x-3 border-t border-line px-3 py-1 text-small ${
                incident.alertIds.includes(event.alertId) ? '' : 'text-muted'
              }`}
            >
              <span className="text-muted" title={instantText(event.atUnixMs).utc}>
                {instantText(event.atUnixMs).local.slice(11)}
              </span>
              <SeverityMark
                severity={event.severity}
                isMuted={event.change !== 'firing'}
                hasWord={false}
              />
              <Link
                className="text-accent"
                href={hrefOf('/rules', { alerts: { ...state.alerts, rule: event.rule } })}
                prefetch={false}
              >
                {event.rule}
              </Link>
              <span>{subjectText(event.labels)}</span>
              <span className={event.change === 'firing' ? 'font-semibold' : ''}>
                {changeText(event)}
              </span>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
