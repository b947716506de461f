'use client';

import Link from 'next/link';
import type { ReactNode } from 'react';
import {
  type BalanceJson,
  gapRatio,
  nextTerm,
  type TermRow,
  termRows,
} from '#lib/view/balance-view.ts';
import { DEFINITIONS, definitionText } from '#lib/view/definitions.ts';
import { durationFigure, figureText, ratioFigure } from '#lib/view/format.ts';
import { signedPercent } from '#lib/view/interval-scale.ts';
import { STAGE_COLOURS } from '#lib/view/palette.ts';
import { useDashboard } from './dashboard.tsx';
import { Fig, TermName } from './figure.tsx';
import { SaveCsv } from './save-csv.tsx';
import { Swatch } from './stacked-bar.tsx';

/** Measured and ideal period, and the terms of the ideal one: what bounds, and what comes next. */
export function PeriodPanel({
  balance,
  microbatches,
}: {
  readonly balance: BalanceJson;
  readonly microbatches: number;
}) {
  const { hrefOf } = useDashboard();
  const rows = termRows(balance);
  const next = nextTerm(rows);
  const gap = gapRatio(balance);
  const maxNs = Math.max(
    balance.idealPeriodNs,
    balance.measuredPeriodNs ?? 0,
    ...rows.map(({ ns }) => ns),
  );
  return (
    <section className="panel flex min-w-0 flex-col" aria-label="Period and its terms">
      <header className="flex flex-wrap items-baseline gap-x-3 px-3 pt-2">
        <h2 className="panel-title">A layer is {balance.bound}</h2>
        {next !== null && (
          <span className="text-small text-muted">
            next: {DEFINITIONS[next.row.term].name.split(',')[0]},{' '}
            {(next.belowRatio * 100).toFixed(1)} % below
          </span>
        )}
        <span className="ml-auto">
          <SaveCsv
            name="period-terms"
            title="the terms of the period"
            rows={() => [
              ['term', 'ns'],
              ...rows.map(({ id, ns }) => [id, ns]),
              ['ideal', balance.idealPeriodNs],
              ['measured', balance.measuredPeriodNs],
            ]}
          />
        </span>
      </header>
      <dl className="grid grid-cols-4 border-b border-line px-3 pt-1 pb-2">
        <Head
          term="measuredPeriod"
          note={gap === null ? '' : `${signedPercent(gap)} vs ideal`}
          href={hrefOf('/layers', { sort: '-periodNs' })}
        >
          <Fig figure={durationFigure(balance.measuredPeriodNs)} term="measuredPeriod" />
        </Head>
        <Head
          term="idealPeriod"
          note={balance.bound}
          href={hrefOf('/layers', { sort: '-idealPeriodNs' })}
        >
          <Fig figure={durationFigure(balance.idealPeriodNs)} term="idealPeriod" />
        </Head>
        <Head
          term="imbalanceCost"
          href={hrefOf('/stragglers')}
          note={`${ratioFigure(balance.idealPeriodNs > 0 ? balance.imbalanceCostNs / balance.idealPeriodNs : null).value} % of the ideal`}
        >
          <Fig figure={durationFigure(balance.imbalanceCostNs)} term="imbalanceCost" />
        </Head>
        <Head
          term="minMicrobatches"
          note={`${microbatches} in use`}
          href={hrefOf('/balance', { set: [`microbatches=${balance.minMicrobatches}`] })}
        >
          {balance.minMicrobatches}
        </Head>
      </dl>
      {rows.length === 0 ? (
        <p className="p-3 text-muted">This report does not carry the terms of the period.</p>
      ) : (
        <div className="relative px-3 pt-2 pb-3" data-testid="period-terms">
          <table className="w-full text-small">
            <tbody>
              {rows.map((row) => (
                <TermLine key={row.id} row={row} maxNs={maxNs} balance={balance} />
              ))}
            </tbody>
          </table>
          <ul className="mt-1.5 flex flex-wrap gap-x-4 text-tiny text-muted">
            <li className="flex items-center gap-1.5">
              <span aria-hidden="true" className="inline-block h-3 border-l-2 border-text" /> ideal{' '}
              {figureText(durationFigure(balance.idealPeriodNs))}
            </li>
            {balance.measuredPeriodNs !== null && (
              <li className="flex items-center gap-1.5">
                <span
                  aria-hidden="true"
                  className="inline-block h-3 border-l-2 border-dashed border-warning"
                />{' '}
                measured {figureText(durationFigure(balance.measuredPeriodNs))}
              </li>
            )}
            <li className="flex items-center gap-1.5">
              <Swatch look="filled" colour={STAGE_COLOURS.host} /> serial compute
            </li>
            <li className="flex items-center gap-1.5">
              <Swatch look="filled" colour={STAGE_COLOURS.a2f} /> A2F
            </li>
            <li className="flex items-center gap-1.5">
              <Swatch look="filled" colour={STAGE_COLOURS.f2a} /> F2A
            </li>
          </ul>
        </div>
      )}
    </section>
  );
}

function Head({
  term,
  note,
  href,
  children,
}: {
  readonly term: 'measuredPeriod' | 'idealPeriod' | 'imbalanceCost' | 'minMicrobatches';
  readonly note: string;
  /** The evidence. */
  readonly href: string;
  readonly children: ReactNode;
}) {
  return (
    <div className="min-w-0 pr-2">
      <dt className="truncate text-small text-muted">
        <TermName term={term} />
      </dt>
      <dd className="text-lead leading-tight font-semibold whitespace-nowrap">
        <Link
          href={href}
          prefetch={false}
          className="underline decoration-line underline-offset-4 hover:decoration-accent"
        >
          {children}
        </Link>
      </dd>
      <dd className="truncate text-tiny text-muted">{note}</dd>
    </div>
  );
}

function TermLine({
  row,
  maxNs,
  balance,
}: {
  readonly row: TermRow;
  readonly maxNs: number;
  readonly balance: BalanceJson;
}) {
  const { hrefOf } = useDashboard();
  const at = (ns: number): string => `${(ns / maxNs) * 100}%`;
  return (
    <tr>
      <th scope="row" className="w-40 py-1 pr-2 text-left font-normal whitespace-nowrap">
        <Link
          href={hrefOf('/layers', { sort: `-${row.sort}` })}
          className={`defined ${row.isLargest ? 'font-semibold' : ''}`}
          title={definitionText(row.term)}
        >
          {DEFINITIONS[row.term].name}
        </Link>
      </th>
      <td className="py-1">
        <div className="relative h-5">
          <div className="flex h-5" aria-hidden="true">
            {row.parts.map((part) => (
              <div
                key={part.label}
                className="h-full border-r border-panel"
                style={{ width: at(part.ns), background: part.colour }}
                title={`${part.label} ${figureText(durationFigure(part.ns))}`}
              />
            ))}
          </div>
          <div
            aria-hidden="true"
            className="absolute -inset-y-1 border-l-2 border-text"
            style={{ left: `calc(${at(balance.idealPeriodNs)} - 1px)` }}
          />
          {balance.measuredPeriodNs !== null && (
            <div
              aria-hidden="true"
              className="absolute -inset-y-1 border-l-2 border-dashed border-warning"
              style={{ left: `calc(${at(balance.measuredPeriodNs)} - 2px)` }}
            />
          )}
        </div>
      </td>
      <td className="w-20 py-1 pl-3 text-right whitespace-nowrap">
        <Fig figure={durationFigure(row.ns)} term={row.term} />
      </td>
      <td className="w-20 py-1 pl-2 text-right whitespace-nowrap">
        {row.isLargest ? (
          <strong>bound</strong>
        ) : (
          <span className="text-muted" title="Against the largest term">
            {signedPercent(row.ratio - 1)}
          </span>
        )}
      </td>
    </tr>
  );
}
