'use client';

import type { ReactNode } from 'react';
import type { Health } from '#lib/api/health.ts';
import { clockState } from '#lib/view/clock-state.ts';
import { refusedText } from '#lib/view/condition-text.ts';
import { connectCommand } from '#lib/view/connect-help.ts';
import {
  ageText,
  bytesFigure,
  countFigure,
  durationFigure,
  instantText,
  NO_FIGURE,
} from '#lib/view/format.ts';
import { rejectLines } from '#lib/view/reject-help.ts';
import { ConditionsPanel } from './conditions-panel.tsx';
import { useDashboard } from './dashboard.tsx';
import { Fig, TermName } from './figure.tsx';
import { PageSkeleton } from './skeleton.tsx';
import { CopyLine, ErrorState } from './states.tsx';
import { useNow } from './use-now.ts';
import { useWindowData, type WindowData } from './use-window-data.ts';

/** What came in, what became of it, and who runs. */
export function HealthPage() {
  const { health, healthProblem, retry } = useDashboard();
  const data = useWindowData();
  if (health === undefined) {
    return healthProblem === null ? (
      <PageSkeleton />
    ) : (
      <ErrorState problem={healthProblem} onRetry={retry} />
    );
  }
  return (
    <div className="flex flex-col gap-3">
      <h1 className="text-lead font-semibold">Health</h1>
      <ConditionsPanel conditions={health.collector.conditions ?? []} />
      <div className="grid grid-cols-2 gap-3 xl:grid-cols-3">
        <CollectorPanel health={health} />
        <StorePanel health={health} />
        <div className="max-xl:col-span-2 [&>*]:h-full">
          <StreamPanel data={data} />
        </div>
      </div>
      <TotalsPanel health={health} />
      <ReasonsPanel health={health} />
      <ClockPanel data={data} />
      <section className="panel p-3">
        <h2 className="panel-title">Connect a worker</h2>
        <CopyLine text={connectCommand(health.collector.otlpHttp)} />
      </section>
    </div>
  );
}

function Facts({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <section className="panel min-w-0 p-3" aria-label={title}>
      <h2 className="panel-title mb-1.5">{title}</h2>
      <dl>{children}</dl>
    </section>
  );
}

function Fact({ name, children }: { readonly name: ReactNode; readonly children: ReactNode }) {
  return (
    <div className="flex items-baseline justify-between gap-3 border-t border-line py-1">
      <dt className="whitespace-nowrap text-muted">{name}</dt>
      <dd className="truncate text-right">{children}</dd>
    </div>
  );
}

function CollectorPanel({ health }: { readonly health: Health }) {
  const { collector } = health;
  const now = useNow(1_000);
  const refused = refusedText(collector.refused ?? {});
  return (
    <Facts title="Collector">
      <Fact name="State">
        <span className={STATE_COLOUR[collector.state]} data-testid="collector-state">
          {collector.state}
        </span>
      </Fact>
      {collector.state !== 'degraded' && collector.detail !== '' && (
        <p className="py-1 text-warning">{collector.detail}</p>
      )}
      <Fact name="Runs since">
        {collector.startedUnixMs === null ? (
          '–'
        ) : (
          <span title={instantText(collector.startedUnixMs).utc}>
            {ageText(now - collector.startedUnixMs)}
          </span>
        )}
      </Fact>
      <Fact name={<TermName term="queueWait" />}>
        <Fig
          figure={
            collector.queueWaitMs === undefined
              ? NO_FIGURE
              : durationFigure(collector.queueWaitMs * 1e6)
          }
          term="queueWait"
        />
      </Fact>
      <Fact name={<TermName term="waitingRequests" />}>
        {collector.waitingRequests?.toLocaleString('en-US') ?? '–'}
      </Fact>
      <Fact name={<TermName term="refusedRequests" />}>
        <span data-testid="refused-requests" title={refused}>
          {collector.refused === undefined ? '–' : refused === '' ? 'none' : refused}
        </span>
      </Fact>
      <Fact name="OTLP/HTTP">{collector.otlpHttp ?? '–'}</Fact>
      <Fact name="OTLP/gRPC">{collector.otlpGrpc ?? '–'}</Fact>
      <Fact name="Metrics">
        {collector.admin === null ? (
          '–'
        ) : (
          <a className="text-accent underline" href={`${collector.admin}/metrics`}>
            {collector.admin}/metrics
          </a>
        )}
      </Fact>
    </Facts>
  );
}

const STATE_COLOUR: Readonly<Record<Health['collector']['state'], string>> = {
  up: '',
  starting: 'text-warning',
  degraded: 'text-critical',
  down: 'text-critical',
};

function StorePanel({ health }: { readonly health: Health }) {
  const now = useNow(1_000);
  const { store } = health;
  if (store === null) {
    return (
      <Facts title="Store">
        {health.storeProblem === undefined ? (
          <p className="text-muted">There is no database yet; the first events make it.</p>
        ) : (
          <p className="text-critical">The database cannot be read: {health.storeProblem}</p>
        )}
      </Facts>
    );
  }
  const oldestMs =
    store.oldestRawUnixNs === null ? null : Number(BigInt(store.oldestRawUnixNs) / 1_000_000n);
  return (
    <Facts title="Store">
      <Fact name="Database">
        <Fig figure={bytesFigure(store.databaseBytes)} />
      </Fact>
      <Fact name="Write-ahead log">
        <Fig figure={bytesFigure(store.walBytes)} />
      </Fact>
      <Fact name="Raw events">
        <Fig figure={bytesFigure(store.rawBytes)} />
      </Fact>
      <Fact name="Raw events kept">
        {oldestMs === null ? (
          '–'
        ) : (
          <span title={`since ${instantText(oldestMs).utc}`}>{ageText(now - oldestMs)}</span>
        )}
      </Fact>
      <Fact name={<TermName term="damagedChunks" />}>
        {store.damagedChunks === undefined ? (
          '–'
        ) : (
          <span className={store.damagedChunks > 0 ? 'text-critical' : ''}>
            {store.damagedChunks === 0 ? 'none seen' : store.damagedChunks.toLocaleString('en-US')}
          </span>
        )}
      </Fact>
    </Facts>
  );
}

function StreamPanel({ data }: { readonly data: WindowData }) {
  const { deployment } = useDashboard();
  const ingest = data.overview?.ingest;
  return (
    <Facts title={`Stream of ${deployment ?? 'no deployment'}`}>
      <Fact name="State">
        {data.isLive ? (data.overview?.state ?? '–') : 'choose Live to see it'}
      </Fact>
      <Fact name={<TermName term="eventsPerSecond" />}>
        <Fig figure={countFigure(ingest?.eventsPerSecond, 'events/s')} term="eventsPerSecond" />
      </Fact>
      <Fact name={<TermName term="lag" />}>
        <Fig
          figure={ingest?.lagMs == null ? NO_FIGURE : durationFigure(ingest.lagMs * 1e6)}
          term="lag"
        />
      </Fact>
      <Fact name={<TermName term="unmatched" />}>
        {data.report?.quality.unmatchedReceives.toLocaleString('en-US') ?? '–'}
      </Fact>
    </Facts>
  );
}

function TotalsPanel({ health }: { readonly health: Health }) {
  return (
    <section className="panel p-3" aria-label="Received">
      <h2 className="panel-title mb-1.5">Received since the database was made</h2>
      {health.totals.length === 0 ? (
        <p className="text-muted">Nothing yet.</p>
      ) : (
        <table className="w-full text-small">
          <thead className="text-muted">
            <tr>
              <th scope="col" className="py-1 text-left font-normal">
                Deployment
              </th>
              {['Events', 'Metric points', 'Log records (counted, not stored)'].map((name) => (
                <th key={name} scope="col" className="text-right font-normal">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {health.totals.map((totals) => (
              <tr key={totals.deployment} className="border-t border-line">
                <th scope="row" className="py-1 text-left font-normal">
                  {totals.deployment === '' ? (
                    <span className="text-muted">no deployment named</span>
                  ) : (
                    totals.deployment
                  )}
                </th>
                {[totals.acceptedEvents, totals.acceptedMetricPoints, totals.logRecords].map(
                  (count, index) => (
                    <td key={['events', 'points', 'logs'][index]} className="text-right">
                      {count.toLocaleString('en-US')}
                    </td>
                  ),
                )}
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function ReasonsPanel({ health }: { readonly health: Health }) {
  const lines = health.totals.flatMap((totals) =>
    rejectLines(totals.rejected).map((line) => ({ ...line, deployment: totals.deployment })),
  );
  return (
    <section className="panel p-3" aria-label="Not stored unchanged" data-testid="reject-reasons">
      <h2 className="panel-title mb-1.5">
        <TermName term="rejected" />
      </h2>
      {lines.length === 0 ? (
        <p className="text-muted">
          Every event that arrived is stored as it came: no duplicate, late, clamped or refused one.
        </p>
      ) : (
        <table className="w-full text-small">
          <thead className="text-muted">
            <tr>
              {['Reason', 'Deployment', 'What to do'].map((name) => (
                <th key={name} scope="col" className="py-1 pr-3 text-left font-normal">
                  {name}
                </th>
              ))}
              <th scope="col" className="text-right font-normal">
                Events
              </th>
            </tr>
          </thead>
          <tbody>
            {lines.map((line) => (
              <tr
                key={`${line.deployment} ${line.reason}`}
                className="border-t border-line align-top"
              >
                <th scope="row" className="py-1 pr-3 text-left font-normal whitespace-nowrap">
                  {line.label}{' '}
                  <span className={line.stored ? 'text-muted' : 'text-warning'}>
                    {line.stored ? '· stored' : '· not stored'}
                  </span>
                </th>
                <td className="pr-3 whitespace-nowrap">{line.deployment || '–'}</td>
                <td className="pr-3 text-muted">{line.remedy}</td>
                <td className="text-right">{line.count.toLocaleString('en-US')}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function ClockPanel({ data }: { readonly data: WindowData }) {
  const clock = data.report?.clock;
  const warning = clock === undefined ? '' : clockState(clock).warning;
  return (
    <section className="panel p-3" aria-label="Clocks">
      <h2 className="panel-title mb-1.5">
        <TermName term="clockError">Clocks</TermName>
      </h2>
      {clock === undefined || clock.domains.length === 0 ? (
        <p className="text-muted">
          Clocks are not aligned in this window: times are as the senders gave them. Between hosts
          they may differ by hundreds of microseconds.
        </p>
      ) : (
        <table className="w-full text-small">
          <thead className="text-muted">
            <tr>
              {['Clock domain', 'Offset', 'Uncertainty', 'Drift'].map((name, index) => (
                <th
                  key={name}
                  scope="col"
                  className={`py-1 font-normal ${index === 0 ? 'text-left' : 'text-right'}`}
                >
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {clock.domains.map((domain) => (
              <tr key={domain.domain} className="border-t border-line">
                <th scope="row" className="py-1 text-left font-normal">
                  {domain.domain}
                  {domain.domain === clock.referenceDomain && (
                    <span className="text-muted"> · reference</span>
                  )}
                </th>
                <td className="text-right">
                  <Fig figure={durationFigure(domain.offsetNs)} />
                </td>
                <td className="text-right">
                  <Fig figure={durationFigure(domain.errorNs)} term="clockError" />
                </td>
                <td className="text-right">
                  {domain.driftPpm === null ? '–' : `${domain.driftPpm.toFixed(2)} ppm`}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {clock?.transfers !== undefined && clock.transfers > 0 && (
        <p className="mt-1.5 text-small text-muted">
          {clock.transfers.toLocaleString('en-US')} transfers between clocks,{' '}
          {(clock.violationsBefore ?? 0).toLocaleString('en-US')} of them received before they were
          sent by the senders’ times, {(clock.violationsAfter ?? 0).toLocaleString('en-US')} as
          aligned.
        </p>
      )}
      {warning !== '' && <p className="mt-1.5 text-small text-warning">{warning}</p>}
    </section>
  );
}
