'use client';

import Link from 'next/link';
import type { ReactNode } from 'react';
import { clockState } from '#lib/view/clock-state.ts';
import { countFigure, durationFigure, NO_FIGURE } from '#lib/view/format.ts';
import { droppedEvents, rejectLines } from '#lib/view/reject-help.ts';
import { useDashboard } from './dashboard.tsx';
import { Fig, TermName } from './figure.tsx';
import type { WindowData } from './use-window-data.ts';

/** What comes in, in one line; the health page has the rest. */
export function IngestLine({ data }: { readonly data: WindowData }) {
  const { hrefOf, health, deployment } = useDashboard();
  const ingest = data.overview?.ingest;
  const totals = health?.totals.find((entry) => entry.deployment === deployment);
  const rejected = ingest?.rejected ?? totals?.rejected ?? {};
  const dropped = droppedEvents(rejected);
  const late = rejected.late ?? 0;
  const clock = data.report == null ? null : clockState(data.report.clock);
  const reasons = rejectLines(rejected)
    .map((line) => `${line.label}: ${line.count}`)
    .join(', ');
  return (
    <section
      className="panel flex flex-wrap items-center gap-x-5 gap-y-1 px-3 py-2 text-small"
      aria-label="Ingest health"
      data-testid="ingest-line"
    >
      <Link
        href={hrefOf('/health')}
        className="font-semibold text-accent underline underline-offset-3"
      >
        Ingest
      </Link>
      {ingest !== undefined && (
        <Item>
          <Fig figure={countFigure(ingest.eventsPerSecond, 'events/s')} term="eventsPerSecond" />
        </Item>
      )}
      {ingest !== undefined && (
        <Item name={<TermName term="lag" />}>
          <Fig
            figure={ingest.lagMs === null ? NO_FIGURE : durationFigure(ingest.lagMs * 1e6)}
            term="lag"
          />
        </Item>
      )}
      <Item name={<TermName term="accepted" />}>
        <Fig
          figure={countFigure(ingest?.acceptedEvents ?? totals?.acceptedEvents, '')}
          term="accepted"
        />
      </Item>
      <Item name={<TermName term="rejected">dropped</TermName>}>
        <span className={dropped > 0 ? 'text-warning' : ''} title={reasons}>
          {dropped.toLocaleString('en-US')}
        </span>
      </Item>
      <Item name="late">
        <span className={late > 0 ? 'text-warning' : ''}>{late.toLocaleString('en-US')}</span>
      </Item>
      <Item name={<TermName term="unmatched" />}>
        {data.report?.quality.unmatchedReceives.toLocaleString('en-US') ?? '–'}
      </Item>
      <Item name={<TermName term="clockError" />}>
        {clock === null || clock.errorNs === null ? (
          <span className="text-muted">not aligned</span>
        ) : (
          <Fig figure={durationFigure(clock.errorNs)} term="clockError" />
        )}
        {clock !== null && clock.warning !== '' && (
          <span className="ml-1.5 text-warning" title={clock.warning}>
            {clock.conflicts > 0 ? 'conflict' : `${clock.unknown} unknown`}
          </span>
        )}
      </Item>
    </section>
  );
}

function Item({ name, children }: { readonly name?: ReactNode; readonly children: ReactNode }) {
  return (
    <span className="whitespace-nowrap">
      {name !== undefined && <span className="mr-1.5 text-muted">{name}</span>}
      {children}
    </span>
  );
}
