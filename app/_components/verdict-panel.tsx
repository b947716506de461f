'use client';

import { Fragment } from 'react';
import { durationFigure, instantText } from '#lib/view/format.ts';
import { headlineOf, topologyText } from '#lib/view/headline.ts';
import { rangeText } from '#lib/view/time-range.ts';
import { type Verdict, verdictOf } from '#lib/view/verdict.ts';
import type { Evidence } from '#lib/view/verdict-piece.ts';
import { verdictSentence } from '#lib/view/verdict-text.ts';
import { useDashboard } from './dashboard.tsx';
import { Fig, TermName } from './figure.tsx';
import { extentOfWindow, TimelineLink } from './timeline-link.tsx';
import type { WindowData } from './use-window-data.ts';
import { VerdictWords } from './verdict-sentence.tsx';

/** The verdict on what the page shows. */
export function verdictOn(data: WindowData): Verdict {
  const { overview } = data;
  return verdictOf(data.report ?? null, {
    hangs: overview?.hangs?.filter(({ untilUnixNs }) => untilUnixNs === null),
    stragglers: overview?.stragglers,
  });
}

/** The state of the deployment in one sentence, and its few headline figures. */
export function VerdictPanel({
  data,
  verdict,
}: {
  readonly data: WindowData;
  readonly verdict: Verdict;
}) {
  const { state, hrefOf, deployment } = useDashboard();
  const report = data.report ?? null;
  const lastSeenText = useLastSeen(deployment);
  const sentence = verdictSentence(verdict);
  const linkOf = (evidence: Evidence) =>
    'anchor' in evidence ? `#${evidence.anchor}` : hrefOf(evidence.path, evidence.change);
  const isCritical = sentence.severity === 'critical';
  return (
    <section
      className={`panel ${isCritical ? 'border-critical' : ''}`}
      aria-label="Verdict"
      data-kind={verdict.kind}
    >
      <p className="px-4 pt-3 pb-2.5 text-lead leading-snug" data-testid="verdict">
        <VerdictWords sentence={sentence} linkOf={linkOf} />
      </p>
      {report === null ? (
        <NoSteps lastSeenText={lastSeenText} />
      ) : (
        <dl className="grid grid-cols-3 border-t border-line lg:grid-cols-[1.4fr_repeat(5,1fr)]">
          {headlineOf(report, data.tpotMs, data.isLive).map(({ term, figure, note }) => (
            <div key={term} className="min-w-0 border-line px-3 py-2 not-first:border-l xl:px-4">
              <dt className="text-small text-muted">
                <TermName term={term} />
              </dt>
              <dd className="text-head leading-tight font-semibold whitespace-nowrap">
                <Fig figure={figure} term={term} />
              </dd>
              <dd className="truncate text-tiny text-muted" title={note}>
                {note}
              </dd>
            </div>
          ))}
        </dl>
      )}
      {report !== null && (
        <p className="border-t border-line px-4 py-1.5 text-tiny text-muted">
          {topologyText(report)}
          {report.steps.count.toLocaleString('en-US')} {report.steps.count === 1 ? 'step' : 'steps'}{' '}
          in <Fig figure={durationFigure(report.window.durationNs)} /> · {rangeText(state.range)} ·{' '}
          <TermName term="exactness">{report.exactness}</TermName>
          <Fragment> · until </Fragment>
          <Until unixNs={report.window.endUnixNs} />{' '}
          <TimelineLink
            window={newestPart(report.window)}
            title="Timeline of the newest steps of this window"
          >
            timeline
          </TimelineLink>
        </p>
      )}
    </section>
  );
}

/** Enough to see steps, not so much that they are bins. */
const NEWEST_NS = 500_000_000n;

function newestPart(window: { readonly startUnixNs: string; readonly endUnixNs: string }) {
  const { fromUnixNs, toUnixNs } = extentOfWindow(window);
  const newest = toUnixNs - NEWEST_NS;
  return { fromUnixNs: newest > fromUnixNs ? newest : fromUnixNs, toUnixNs };
}

function useLastSeen(deployment: string | null): string | null {
  const { deployments } = useDashboard();
  const found = deployments?.find(({ id }) => id === deployment);
  return found === undefined
    ? null
    : instantText(Number(BigInt(found.lastSeenUnixNs) / 1_000_000n)).local;
}

function NoSteps({ lastSeenText }: { readonly lastSeenText: string | null }) {
  return (
    <p className="border-t border-line px-4 py-2 text-muted">
      {lastSeenText === null
        ? 'Nothing of this deployment was ever stored.'
        : `Its newest event is from ${lastSeenText}. Choose a window that holds it.`}
    </p>
  );
}

function Until({ unixNs }: { readonly unixNs: string }) {
  const { local, utc } = instantText(Number(BigInt(unixNs) / 1_000_000n));
  return <span title={utc}>{local.slice(11)}</span>;
}
