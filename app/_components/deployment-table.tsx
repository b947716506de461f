'use client';

import { DownloadIcon, PinIcon } from 'lucide-react';
import Link from 'next/link';
import { exportUrl } from '#lib/api/client.ts';
import type { DeploymentRow, DeploymentState } from '#lib/view/deployment-rows.ts';
import { ageText, countFigure, instantText } from '#lib/view/format.ts';
import { apiRange } from '#lib/view/time-range.ts';
import { useDashboard } from './dashboard.tsx';
import { Fig } from './figure.tsx';
import { useNow } from './use-now.ts';

const HEADS = [
  ['Deployment', 'text-left'],
  ['State', 'text-left'],
  ['Topology', 'text-left'],
  ['Workers', 'text-left'],
  ['First event', 'text-right'],
  ['Last event', 'text-right'],
  ['Steps', 'text-right'],
  ['Events', 'text-right'],
  ['Raw events', 'text-left'],
  ['', 'text-right'],
] as const;

const STATE_TITLE: Readonly<Record<DeploymentState, string>> = {
  live: 'Its workers sent within the last minute',
  idle: 'Nothing came for a minute or longer',
  imported: 'A recording that somebody brought here',
};

export function DeploymentTable({ rows }: { readonly rows: readonly DeploymentRow[] }) {
  return (
    <section className="panel overflow-x-auto" aria-label="Deployments">
      <table className="w-full text-small" data-testid="deployments">
        <thead className="text-muted">
          <tr>
            {HEADS.map(([name, align]) => (
              <th key={name} scope="col" className={`px-2 py-1 font-normal first:pl-3 ${align}`}>
                {name === '' ? <span className="sr-only">Actions</span> : name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Row key={row.id} row={row} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Row({ row }: { readonly row: DeploymentRow }) {
  const { hrefOf } = useDashboard();
  const shown = { deployment: row.id, range: row.range };
  const archive =
    row.state === 'imported'
      ? exportUrl(row.id, 'archive', {})
      : exportUrl(row.id, 'archive', apiRange(row.range, 60_000));
  return (
    <tr className="border-t border-line">
      <th scope="row" className="max-w-60 truncate py-1.5 pr-2 pl-3 text-left" title={row.id}>
        <Link className="text-accent" href={hrefOf('/', shown)}>
          {row.id}
        </Link>
      </th>
      <td className="px-2 whitespace-nowrap" title={STATE_TITLE[row.state]}>
        {row.state === 'live' && <span aria-hidden>● </span>}
        {row.state}
        {row.isMixed && <span className="text-muted"> + imported</span>}
      </td>
      <td className="px-2">{row.topology === '' ? '–' : row.topology}</td>
      <td className="px-2" title={`${row.workers} workers`}>
        {row.groups === '' ? '–' : row.groups}
      </td>
      <Instant unixMs={row.firstMs} />
      <Instant unixMs={row.lastMs} />
      <td className="px-2 text-right">
        <Fig figure={countFigure(row.steps, '')} />
      </td>
      <td className="px-2 text-right">
        <Fig figure={countFigure(row.events, '')} />
      </td>
      <td className="px-2 whitespace-nowrap">
        {row.isPinned ? (
          <span title="Retention keeps the pinned windows; see Imports">
            <PinIcon size={12} className="inline" aria-hidden /> pinned
          </span>
        ) : (
          <span className="text-muted">by retention</span>
        )}
      </td>
      <td className="py-1 pr-3 pl-2">
        <span className="flex items-center justify-end gap-1">
          <Link className="control" href={hrefOf('/timeline', shown)}>
            Timeline
          </Link>
          <a
            className="control"
            href={archive}
            download
            title={
              row.state === 'imported'
                ? 'Everything of it as one .afdscope file'
                : row.state === 'live'
                  ? 'The newest minute as one .afdscope file'
                  : 'Its last five minutes as one .afdscope file'
            }
          >
            <DownloadIcon size={13} aria-hidden />
            Archive
          </a>
        </span>
      </td>
    </tr>
  );
}

function Instant({ unixMs }: { readonly unixMs: number }) {
  const now = useNow(5_000);
  const { local, utc } = instantText(unixMs);
  const isNear = now - unixMs < 172_800_000;
  return (
    <td className="px-2 text-right whitespace-nowrap" title={`${local} (${utc})`}>
      {isNear ? `${ageText(now - unixMs)} ago` : local.slice(0, 10)}
    </td>
  );
}
