'use client';

import { fetchStragglers, fetchWaits } from '#lib/api/client.ts';
import type { StragglersAnswer } from '#lib/api/stragglers.ts';
import { sortedHangs } from '#lib/view/hang-chain.ts';
import { lookedAt } from '#lib/view/score-trend.ts';
import { useDashboard } from './dashboard.tsx';
import { HangPanel } from './hang-panel.tsx';
import { useLive } from './live-store.ts';
import { PageGate } from './page-gate.tsx';
import { ScorePanel } from './score-panel.tsx';
import { StragglerRanking } from './straggler-ranking.tsx';
import { useQuestion } from './use-question.ts';
import { WaitMatrices } from './wait-matrices.tsx';
import { WindowText } from './window-text.tsx';

const LIVE_MS = 30_000;

/** Who is slow or stands still, why, and who waited for it. */
export function StragglersPage() {
  const stragglers = useQuestion('stragglers', fetchStragglers, LIVE_MS);
  const waits = useQuestion('waits', fetchWaits, LIVE_MS);
  const { deployments, deployment, state } = useDashboard();
  const { state: live } = useLive();
  const groups = deployments?.find(({ id }) => id === deployment)?.groups;
  const roleOf = (worker: string): string | null =>
    waits.data?.workers.find(({ id }) => id === worker)?.role ??
    groups?.find(({ group }) => worker.startsWith(`${group}/`))?.role ??
    null;
  // A hang is told by the stream within seconds; the store knows it too, a little later.
  const told = state.range.kind === 'live' ? live.overview?.hangs : undefined;
  return (
    <PageGate
      answer={stragglers}
      question="newer ranking"
      others={[{ question: 'wait matrices', answer: waits }]}
    >
      {(answer) => (
        <>
          <Heading answer={answer} />
          {sortedHangs(told ?? answer.hangs).map((hang) => (
            <HangPanel key={`${hang.sinceUnixNs} ${hang.worker}`} hang={hang} />
          ))}
          <StragglerRanking
            answer={answer}
            blamedNs={(worker) => waits.data?.workers.find(({ id }) => id === worker)?.blamedNs}
          />
          <ScorePanel answer={answer} roleOf={roleOf} />
          {(waits.data !== undefined || waits.problem === null) && (
            <WaitMatrices waits={waits.data} />
          )}
        </>
      )}
    </PageGate>
  );
}

function Heading({ answer }: { readonly answer: StragglersAnswer }) {
  const { groups, windows } = lookedAt(answer.trends);
  return (
    <header className="flex flex-wrap items-baseline gap-x-3">
      <h1 className="text-lead font-semibold">Stragglers</h1>
      <span className="text-muted">
        <WindowText durationNs={answer.window.durationNs} liveMs={LIVE_MS} />
        {groups.length > 0 &&
          ` · ${groups.map(({ group, workers }) => `${workers} ${group}`).join(' + ')} workers`}
        {windows > 0 && ` · ${windows} sub-windows`}
      </span>
    </header>
  );
}
