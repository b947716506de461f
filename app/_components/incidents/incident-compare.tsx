'use client';

import Link from 'next/link';
import type { IncidentDetail } from '#lib/api/incidents.ts';
import { millisOf } from '#lib/view/alert-links.ts';
import { deltaText, instantText } from '#lib/view/format.ts';
import { beforeAfter, compareHref } from '#lib/view/incident-view.ts';
import { Fig } from '../figure.tsx';

const TONES = {
  better: 'font-semibold',
  worse: 'font-semibold text-warning',
  calm: 'text-muted',
} as const;

/** Key figures beside those of the last healthy window. */
export function IncidentCompare({ detail }: { readonly detail: IncidentDetail }) {
  const { incident, report, baseline, baselineNote } = detail;
  const rows = beforeAfter(report, baseline);
  return (
    <section className="panel min-w-0 pb-2" aria-label="Against the last healthy window">
      <header className="flex flex-wrap items-baseline gap-x-3 px-3 pt-2 pb-1">
        <h2 className="panel-title">Against the last healthy window</h2>
        {baseline !== null && (
          <span className="text-small text-muted" title="The window of the same length">
            from {instantText(millisOf(baseline.window.startUnixNs)).local}
          </span>
        )}
        {report !== null && baseline !== null && (
          <Link
            className="ml-auto text-small text-accent underline"
            href={compareHref(incident.deployment, report.window, baseline.window)}
            prefetch={false}
          >
            Compare all figures
          </Link>
        )}
      </header>
      {baseline === null && (
        <p className="px-3 pb-1 text-muted">
          {baselineNote ||
            (report === null
              ? 'It is looked for when the window is over.'
              : 'No healthy window was found before it.')}
        </p>
      )}
      {baseline !== null && baselineNote !== '' && (
        <p className="px-3 pb-1 text-small text-muted">{baselineNote}</p>
      )}
      {rows.length > 0 && (
        <table className="w-full text-small" data-testid="before-after">
          <thead className="text-muted">
            <tr>
              {['Figure', 'Healthy', 'Incident', 'Change'].map((name, column) => (
                <th
                  key={name}
                  scope="col"
                  className={`px-2 py-0.5 font-normal first:pl-3 last:pr-3 ${column === 0 ? 'text-left' : 'text-right'}`}
                >
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map(({ name, before, after, change, tone }) => (
              <tr key={name} className="border-t border-line">
                <th scope="row" className="py-0.5 pr-2 pl-3 text-left font-normal">
                  {name}
                </th>
                <td className="px-2 text-right whitespace-nowrap">
                  <Fig figure={before} />
                </td>
                <td className="px-2 text-right whitespace-nowrap">
                  <Fig figure={after} />
                </td>
                <td className={`pr-3 pl-2 text-right whitespace-nowrap ${TONES[tone]}`}>
                  {change === null ? '–' : deltaText(change)}
                  {tone !== 'calm' && <span className="sr-only">, {tone}</span>}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
