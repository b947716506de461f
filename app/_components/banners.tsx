'use client';

import Link from 'next/link';
import { usePathname } from 'next/navigation';
import { conditionEffect, conditionTitle } from '#lib/view/condition-text.ts';
import { ageText, instantText } from '#lib/view/format.ts';
import { staleForMs } from '#lib/view/live-state.ts';
import { openHang } from '#lib/view/verdict.ts';
import { AlertBanner } from './alerts/alert-banner.tsx';
import { Banner } from './banner.tsx';
import { useDashboard } from './dashboard.tsx';
import { useLive } from './live-store.ts';
import { useNow } from './use-now.ts';

/** What is wrong with the picture as a whole: said once, over the page that still stands. */
export function Banners() {
  const { health, state, hrefOf } = useDashboard();
  const pathname = usePathname();
  const isHealthPage = pathname === '/health';
  // The verdict of the Overview and the Stragglers page say it themselves, with all there is to it.
  const saysHangs = pathname === '/' || pathname === '/stragglers';
  const { state: live, paused } = useLive();
  const now = useNow(1_000);
  const isLive = state.range.kind === 'live';
  const staleMs = isLive && !paused ? staleForMs(live, now) : null;
  const collector = health?.collector;
  // Why nothing comes in is said already.
  const isRefusing = collector?.conditions?.some(({ notReady }) => notReady) === true;
  const isQuiet = isLive && !isRefusing && staleMs === null && live.overview?.state === 'quiet';
  const hang = saysHangs || !isLive ? null : openHang(live.overview?.hangs);
  return (
    <div aria-live="polite">
      {hang !== null && (
        <Banner severity="critical" word={hang.kind === 'hang' ? 'Hung' : 'Silent'}>
          <Link
            className="text-accent underline"
            href={hrefOf('/stragglers', { worker: hang.worker })}
          >
            {hang.worker ?? 'Every worker'}
          </Link>{' '}
          since {instantText(Number(BigInt(hang.sinceUnixNs) / 1_000_000n)).local.slice(11)}
          {hang.waiting > 0 && `; ${countOf(hang.waiting)} for it`}. What is below was measured
          before.
        </Banner>
      )}
      <AlertBanner />
      {collector?.state === 'down' && (
        <Banner severity="critical" word="Collector down">
          Nothing is being received; what is stored can still be read. {collector.detail}
        </Banner>
      )}
      {collector?.state === 'starting' && (
        <Banner severity="warning" word="Collector starting">
          {collector.detail}
        </Banner>
      )}
      {collector?.conditions?.map((condition) => (
        <Banner
          key={condition.name}
          severity={condition.severity}
          word={conditionTitle(condition.name)}
        >
          {conditionEffect(condition, now)}{' '}
          {/* The health page has it all below; a warning takes one line of the other pages. */}
          {!isHealthPage && condition.severity === 'critical' && condition.remedy}
          {!isHealthPage && condition.severity === 'warning' && (
            <Link className="text-accent underline" href={hrefOf('/health')}>
              What to do
            </Link>
          )}
        </Banner>
      ))}
      {staleMs !== null && live.lastEventMs !== null && (
        <Banner severity="warning" word="Stale">
          {live.connection === 'open'
            ? 'The collector is late with live figures'
            : 'The live stream broke'}
          ; those shown are {ageText(staleMs)} old, from{' '}
          {instantText(live.lastEventMs).local.slice(11)}.
          {live.connection !== 'open' && ' Connecting again.'}
        </Banner>
      )}
      {isQuiet && (
        <Banner severity="warning" word="Quiet">
          No events for over 10 s: no traffic, a rank that hangs, or senders that cannot reach the
          collector. The figures are the last that were measured
          {live.overview?.ingest.lagMs !== null &&
            live.overview?.ingest.lagMs !== undefined &&
            `, ${ageText(live.overview.ingest.lagMs)} ago`}
          .
        </Banner>
      )}
    </div>
  );
}

function countOf(waiting: number): string {
  return waiting === 1 ? '1 worker waits' : `${waiting} workers wait`;
}
