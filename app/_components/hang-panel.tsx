'use client';

import { ArrowLeftIcon, CircleAlertIcon, HistoryIcon } from 'lucide-react';
import Link from 'next/link';
import type { HangJson } from '#lib/api/hangs.ts';
import { ageText, durationFigure, figureText, instantText } from '#lib/view/format.ts';
import { hangChain, hangRows, hangSentence, workerRanges } from '#lib/view/hang-chain.ts';
import { unixMsOf } from '#lib/view/score-trend.ts';
import { useDashboard } from './dashboard.tsx';
import { TermName } from './figure.tsx';
import { useNow } from './use-now.ts';

/** Time shown around a hang, before and after its start. */
const AROUND_MS = { before: 5_000, after: 25_000 } as const;

/** What stands still, or stood still: the chain from its first fault, and where every worker is. */
export function HangPanel({ hang }: { readonly hang: HangJson }) {
  const now = useNow(1_000);
  const { hrefOf } = useDashboard();
  const sinceMs = unixMsOf(hang.sinceUnixNs);
  const isOn = hang.untilUnixNs === null;
  const since = instantText(sinceMs);
  const lengthText = isOn
    ? ageText(Math.max(0, now - sinceMs))
    : figureText(durationFigure(hang.durationNs));
  const around = hrefOf('/', {
    range: {
      kind: 'absolute',
      fromMs: sinceMs - AROUND_MS.before,
      toMs: sinceMs + AROUND_MS.after,
    },
  });
  const Icon = isOn ? CircleAlertIcon : HistoryIcon;
  const colour = isOn ? 'text-critical' : 'text-warning';
  return (
    <section className="panel" aria-label="Hang" data-testid="hang-panel" data-on={isOn}>
      <header className="flex items-start gap-2 px-3 pt-2.5 pb-2">
        <Icon size={16} className={`${colour} mt-0.5 shrink-0`} aria-hidden />
        <div className="min-w-0 flex-1">
          <h2 className="text-lead leading-snug">
            <strong className={colour}>{titleOf(hang)}</strong>{' '}
            <span title={since.utc}>
              {isOn ? 'since' : 'at'} {since.local.slice(11)}
            </span>
            , {isOn ? '' : 'for '}
            <span title={durationFigure(hang.durationNs).exact}>{lengthText}</span>.
          </h2>
          <p className="mt-0.5">{hangSentence(hang)}</p>
        </div>
        <Link className="control shrink-0" href={`${around}#strip`}>
          Show that time
        </Link>
      </header>
      {isOn ? (
        <Evidence hang={hang} />
      ) : (
        <details className="border-t border-line">
          <summary className="px-3 py-1 text-small text-muted">
            Who waited for whom, and where every worker was
          </summary>
          <Evidence hang={hang} />
        </details>
      )}
    </section>
  );
}

function Evidence({ hang }: { readonly hang: HangJson }) {
  const { levels } = hangChain(hang);
  return (
    <>
      {levels.length > 0 && <Chain levels={levels} />}
      <LastKeys hang={hang} />
    </>
  );
}

function titleOf(hang: HangJson): string {
  const who = hang.worker ?? `Step ${hang.step}`;
  if (hang.untilUnixNs === null) return hang.kind === 'hang' ? `${who} hangs` : `${who} is silent`;
  return hang.kind === 'hang' ? `${who} hung` : `${who} was silent`;
}

/** The first fault left, then those that wait for it, then those that wait for them. */
function Chain({ levels }: { readonly levels: readonly (readonly string[])[] }) {
  return (
    <ol
      className="flex flex-wrap items-stretch gap-x-1.5 gap-y-2 border-t border-line px-3 py-2 text-small"
      aria-label="Who waits for whom"
      data-testid="hang-chain"
    >
      {levels.map((level, depth) => (
        <li key={level.join(' ')} className="flex items-center gap-1.5">
          {depth > 0 && (
            <ArrowLeftIcon
              size={14}
              className="text-muted"
              aria-label="is waited for by"
              role="img"
            />
          )}
          <span
            className={`rounded-box border px-2 py-1 ${depth === 0 ? 'border-critical' : 'border-line'}`}
          >
            <strong>{workerRanges(level)}</strong>
            <span className="text-muted">
              {depth === 0
                ? ' · first fault'
                : ` · ${level.length} ${level.length === 1 ? 'waits' : 'wait'} for ${depth === 1 ? 'it' : 'them'}`}
            </span>
          </span>
        </li>
      ))}
    </ol>
  );
}

function LastKeys({ hang }: { readonly hang: HangJson }) {
  const rows = hangRows(hang);
  return (
    <div className="max-h-64 overflow-y-auto border-t border-line">
      <table className="w-full text-small" data-testid="hang-workers">
        <thead className="sticky top-0 bg-panel text-muted">
          <tr>
            <th scope="col" className="px-3 py-1 text-left font-normal">
              Worker
            </th>
            <th scope="col" className="px-2 text-left font-normal">
              <TermName term="lastKey" />
            </th>
            <th scope="col" className="px-2 text-right font-normal">
              Ended
            </th>
            <th scope="col" className="px-2 text-left font-normal">
              Next should be
            </th>
            <th scope="col" className="px-3 text-left font-normal">
              Waits for
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.workers.join(' ')} className="border-t border-line">
              <th scope="row" className="px-3 py-1 text-left font-semibold">
                {workerRanges(row.workers)}
                {row.level === 0 && (
                  <span className="font-normal text-critical"> · first fault</span>
                )}
              </th>
              <td className="px-2">
                {row.last ?? <span className="text-muted">no event in memory</span>}
              </td>
              <td className="px-2 text-right whitespace-nowrap">
                {row.endedUnixNs === null ? '–' : <Clock ended={row.endedUnixNs} />}
              </td>
              <td className="px-2">{row.next ?? '–'}</td>
              <td className="px-3">
                {row.waitsFor.length === 0 ? (
                  <span className="text-muted">nobody</span>
                ) : (
                  workerRanges(row.waitsFor)
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The last end, to the millisecond; UTC, nanoseconds and the first end on hover. */
function Clock({ ended: [first, last] }: { readonly ended: readonly [string, string] }) {
  const ms = unixMsOf(last);
  const { local, utc } = instantText(ms);
  const spread = Number(BigInt(last) - BigInt(first));
  const title = spread === 0 ? '' : `; the first of them ${durationFigure(spread).exact} before`;
  return (
    <span title={`${utc}, ${last} ns${title}`}>
      {local.slice(11)}
      <span className="unit">.{String(((ms % 1000) + 1000) % 1000).padStart(3, '0')}</span>
    </span>
  );
}
