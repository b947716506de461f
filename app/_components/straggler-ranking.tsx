'use client';

import { TriangleAlertIcon } from 'lucide-react';
import Link from 'next/link';
import type { CSSProperties } from 'react';
import type { StragglersAnswer } from '#lib/api/stragglers.ts';
import { definitionText } from '#lib/view/definitions.ts';
import { durationFigure, instantText, ratioFigure } from '#lib/view/format.ts';
import { loadModelTexts } from '#lib/view/load-model-text.ts';
import { lookedAt, scoreFigure, scoresOf, unixMsOf } from '#lib/view/score-trend.ts';
import { sparklinePath } from '#lib/view/sparkline.ts';
import { type StragglerRow, stragglerRows } from '#lib/view/straggler-rows.ts';
import { useDashboard } from './dashboard.tsx';
import { Fig, TermName } from './figure.tsx';
import { TimelineLink } from './timeline-link.tsx';

/** More rows than this tell no more. */
const MAX_ROWS = 40;
/** What a timeline shows on both sides: some steps. */
const AROUND_NS = 500_000_000n;
const AROUND_MS = { before: 5_000, after: 25_000 } as const;

/** Who is slow, worst first: by how much, why, since when, what to do. */
export function StragglerRanking({
  answer,
  blamedNs,
}: {
  readonly answer: StragglersAnswer;
  /** What others waited because of a worker, by the wait matrices; undefined: not known. */
  readonly blamedNs: (worker: string) => number | undefined;
}) {
  const rows = stragglerRows(answer.ranking);
  if (rows.length === 0) return <NobodySlow answer={answer} />;
  const maxExcess = Math.max(...rows.map((row) => row.loadRatio + row.deviceRatio), 0.02);
  return (
    <section className="panel" aria-label="Ranking">
      <header className="flex flex-wrap items-center gap-x-3 px-3 pt-2 pb-1">
        <h2 className="panel-title">Slow workers, worst first</h2>
        <span className="text-small text-muted">
          score of {answer.thresholdScore} or more; as it is → at equal load
        </span>
        <span className="ml-auto flex gap-3 text-small text-muted">
          <PartKey part="load" /> <PartKey part="device" />
        </span>
      </header>
      <table className="w-full text-small" data-testid="ranking">
        <thead className="text-muted">
          <tr>
            <th scope="col" className="px-3 py-1 text-left font-normal">
              Worker
            </th>
            <th scope="col" className="px-2 text-left font-normal">
              Stage
            </th>
            <th scope="col" className="px-2 text-left font-normal">
              <TermName term="stragglerClass" />
            </th>
            <th scope="col" className="px-2 text-right font-normal">
              <TermName term="stragglerScore" />
            </th>
            <th scope="col" className="w-[24%] px-2 text-left font-normal">
              <TermName term="stragglerExcess" />
            </th>
            <th scope="col" className="px-2 text-right font-normal">
              <TermName term="stragglerSince" />
            </th>
            <th scope="col" className="px-2 text-right font-normal whitespace-nowrap">
              <TermName term="slowWindows" />
            </th>
            <th scope="col" className="px-2 text-right font-normal whitespace-nowrap">
              <TermName term="suffered" />
            </th>
            <th scope="col" className="px-3 text-left font-normal max-xl:hidden">
              Score over time
            </th>
          </tr>
        </thead>
        {rows.slice(0, MAX_ROWS).map((row) => (
          <RankedWorker
            key={row.key}
            row={row}
            answer={answer}
            maxExcess={maxExcess}
            sufferedNs={row.straggler.sufferedNs ?? blamedNs(row.straggler.worker)}
          />
        ))}
      </table>
      <LoadModelLine answer={answer} />
      {rows.length > MAX_ROWS && (
        <p className="border-t border-line px-3 py-1 text-small text-muted">
          and {rows.length - MAX_ROWS} more, less slow
        </p>
      )}
    </section>
  );
}

function RankedWorker({
  row,
  answer,
  maxExcess,
  sufferedNs,
}: {
  readonly row: StragglerRow;
  readonly answer: StragglersAnswer;
  readonly maxExcess: number;
  readonly sufferedNs: number | undefined;
}) {
  const { state, update, hrefOf } = useDashboard();
  const { straggler } = row;
  const isChosen = state.worker === straggler.worker;
  const sinceMs = unixMsOf(straggler.sinceUnixNs);
  const since = instantText(sinceMs);
  const sinceNs = BigInt(straggler.sinceUnixNs);
  const around = {
    kind: 'absolute' as const,
    fromMs: sinceMs - AROUND_MS.before,
    toMs: sinceMs + AROUND_MS.after,
  };
  const isBefore = BigInt(straggler.sinceUnixNs) <= BigInt(answer.window.startUnixNs);
  const scores = scoresOf(answer.trends, straggler.worker, straggler.stage);
  const { confidence, windows } = straggler;
  return (
    <tbody
      className={`border-t border-line ${isChosen ? 'bg-raised shadow-[inset_2px_0_0_var(--accent)]' : ''}`}
      data-worker={straggler.worker}
    >
      <tr>
        <th scope="row" className="px-3 pt-1.5 text-left font-semibold whitespace-nowrap">
          <button
            type="button"
            aria-pressed={isChosen}
            title="Mark it in the matrices below"
            className="inline-flex items-center gap-1.5 underline decoration-dotted underline-offset-3"
            onClick={() => update({ worker: isChosen ? null : straggler.worker }, 'replace')}
          >
            <TriangleAlertIcon size={13} className="shrink-0 text-warning" aria-hidden />
            {straggler.worker}
          </button>
        </th>
        <td className="px-2 pt-1.5">{straggler.stage}</td>
        <td className="px-2 pt-1.5">{row.className}</td>
        <td
          className={`px-2 pt-1.5 text-right whitespace-nowrap ${confidence === 'low' ? 'text-muted' : 'font-semibold'}`}
        >
          <Fig figure={scoreFigure(straggler.rawScore ?? straggler.score)} term="stragglerScore" />
          {straggler.rawScore !== undefined && (
            <span className="unit" title="The score at equal load: what is left is the device’s">
              {' '}
              → {scoreFigure(straggler.score).value}
            </span>
          )}
        </td>
        <td className="px-2 pt-1.5">
          <ExcessBar row={row} maxExcess={maxExcess} />
        </td>
        <td className="px-2 pt-1.5 text-right whitespace-nowrap">
          <Link
            className="text-accent underline"
            href={`${hrefOf('/', { range: around })}#strip`}
            title={`${isBefore ? 'Slow since the window began, or longer: ' : ''}${since.local} (${since.utc}). Shows the time around it on the Overview`}
          >
            {isBefore && 'before '}
            {since.local.slice(11)}
          </Link>{' '}
          <TimelineLink
            window={{ fromUnixNs: sinceNs - AROUND_NS, toUnixNs: sinceNs + AROUND_NS }}
            place={{ worker: straggler.worker }}
            title={`Timeline of ${straggler.worker} when it became slow`}
          />
        </td>
        <td className="px-2 pt-1.5 text-right whitespace-nowrap">
          {windows === undefined ? (
            '–'
          ) : (
            <span title={definitionText('slowWindows')}>
              {windows.slow} <span className="unit">of {windows.of}</span>
            </span>
          )}
        </td>
        <td className="px-2 pt-1.5 text-right whitespace-nowrap">
          <a href="#waits" className="underline decoration-dotted underline-offset-3">
            <Fig figure={durationFigure(sufferedNs)} term="suffered" />
          </a>
        </td>
        <td className="w-32 px-3 pt-1.5 max-xl:hidden">
          <ScoreSpark scores={scores} threshold={answer.thresholdScore} worker={straggler.worker} />
        </td>
      </tr>
      <tr>
        <td colSpan={9} className="px-3 pb-1.5 text-muted">
          <span className="text-text">→ {row.remedy}:</span> {row.remedyText}
          {confidence !== undefined && confidence !== 'high' && (
            <span title="Low: a single window, few events, or less than 4 workers to compare with.">
              {' '}
              Confidence {confidence}.
            </span>
          )}
        </td>
      </tr>
    </tbody>
  );
}

/** Excess as a bar in two parts, on one scale for all rows, and in figures. */
function ExcessBar({ row, maxExcess }: { readonly row: StragglerRow; readonly maxExcess: number }) {
  const { excessRatio, meanNs, medianNs } = row.straggler;
  const width = (ratio: number) => `${(ratio / maxExcess) * 100}%`;
  const title = [
    `Load ${ratioFigure(row.loadRatio).value} %, device ${ratioFigure(row.deviceRatio).value} %`,
    ...(meanNs === undefined || medianNs === undefined
      ? []
      : [
          `mean ${durationFigure(meanNs).exact}, median of its group ${durationFigure(medianNs).exact}`,
        ]),
  ].join('; ');
  return (
    <div className="flex items-center gap-2" title={title}>
      <div className="flex h-3 min-w-0 flex-1" aria-hidden="true">
        {row.loadRatio > 0 && (
          <div
            className="hatched h-full border border-warning"
            style={{ width: width(row.loadRatio), '--hatch': 'var(--warning)' } as CSSProperties}
          />
        )}
        <div className="h-full bg-critical" style={{ width: width(row.deviceRatio) }} />
      </div>
      <span className="min-w-28 shrink-0 text-right whitespace-nowrap">
        +{ratioFigure(excessRatio).value} <span className="unit">%</span>
        <span className="unit">
          {' '}
          = {percentOf(row.loadRatio)} + {percentOf(row.deviceRatio)}
        </span>
      </span>
    </div>
  );
}

function percentOf(ratio: number): string {
  return (ratio * 100).toFixed(ratio < 0.0995 ? 1 : 0);
}

function PartKey({ part }: { readonly part: 'load' | 'device' }) {
  return (
    <span className="flex items-center gap-1.5">
      <span
        aria-hidden="true"
        className={`inline-block size-2.5 rounded-xs ${part === 'load' ? 'hatched border border-warning' : 'bg-critical'}`}
        style={{ '--hatch': 'var(--warning)' } as CSSProperties}
      />
      <TermName term={part === 'load' ? 'loadPart' : 'devicePart'} />
    </span>
  );
}

function ScoreSpark({
  scores,
  threshold,
  worker,
}: {
  readonly scores: readonly (number | null)[];
  readonly threshold: number;
  readonly worker: string;
}) {
  const widthPx = 120;
  const heightPx = 20;
  const top = Math.max(1.5 * threshold, ...scores.map((score) => score ?? 0));
  const label = `Score of ${worker} over the window, 0 to ${top.toFixed(0)}; the line is the threshold`;
  const y = heightPx - (threshold / top) * heightPx;
  return (
    <svg
      viewBox={`0 0 ${widthPx} ${heightPx}`}
      preserveAspectRatio="none"
      className="h-5 w-full"
      role="img"
      aria-label={label}
    >
      <title>{label}</title>
      <line
        x1="0"
        x2={widthPx}
        y1={y}
        y2={y}
        stroke="var(--muted)"
        strokeDasharray="3 3"
        vectorEffect="non-scaling-stroke"
      />
      <path
        d={sparklinePath(
          scores.map((score, i) => [i, score === null ? null : score / top] as const),
          widthPx,
          heightPx,
        )}
        fill="none"
        stroke="var(--critical)"
        strokeWidth="1.5"
        vectorEffect="non-scaling-stroke"
      />
    </svg>
  );
}

/** What "normalised for load" means in this window. */
function LoadModelLine({ answer }: { readonly answer: StragglersAnswer }) {
  const texts = loadModelTexts(answer.loadModel);
  if (texts.length === 0) return null;
  return (
    <p className="border-t border-line px-3 py-1 text-small text-muted" data-testid="load-model">
      <TermName term="loadModel" />: {texts.join(' · ')}
    </p>
  );
}

/** Nobody is off: what was looked at, and how far the nearest is from the threshold. */
function NobodySlow({ answer }: { readonly answer: StragglersAnswer }) {
  const looked = lookedAt(answer.trends);
  if (looked.windows === 0) {
    return (
      <section className="panel p-3" aria-label="Ranking" data-testid="nobody-slow">
        <h2 className="panel-title">Nobody to compare</h2>
        <p className="mt-1 text-muted">
          No step ended in this window, its events are no longer kept, or no group has two workers
          with the same stage. Choose a window that holds steps.
        </p>
      </section>
    );
  }
  return (
    <section className="panel" aria-label="Ranking" data-testid="nobody-slow">
      <div className="p-3">
        <h2 className="text-lead font-semibold">
          Nobody is slow.{' '}
          <span className="font-normal">
            {looked.groups.map(({ group, workers }) => `${workers} ${group}`).join(' + ')} workers,{' '}
            {looked.windows} {looked.windows === 1 ? 'window' : 'windows'} of{' '}
            <Fig figure={durationFigure(looked.spanNs)} />: nobody over {answer.thresholdScore}.
          </span>
        </h2>
        <p className="mt-2 mb-1 text-small text-muted">
          Nearest to the threshold, by <TermName term="stragglerScore">median score</TermName>:
        </p>
        <ul className="grid grid-cols-2 gap-x-6 gap-y-1 text-small xl:grid-cols-3">
          {looked.nearest.slice(0, 9).map((near) => (
            <li key={`${near.group} ${near.stage}`} className="flex items-center gap-2">
              <span className="w-20 shrink-0 truncate text-muted">{near.stage}</span>
              <span className="w-20 shrink-0 truncate">{near.worker}</span>
              <span className="h-1.5 min-w-0 flex-1 bg-line" aria-hidden="true">
                <span
                  className="block h-full bg-muted"
                  style={{
                    width: `${Math.min(100, Math.max(0, (near.score / answer.thresholdScore) * 100))}%`,
                  }}
                />
              </span>
              <span className="w-24 shrink-0 text-right whitespace-nowrap">
                <Fig figure={scoreFigure(near.score)} term="stragglerScore" />{' '}
                <span className="unit">of {answer.thresholdScore}</span>
              </span>
            </li>
          ))}
        </ul>
      </div>
      <LoadModelLine answer={answer} />
    </section>
  );
}
