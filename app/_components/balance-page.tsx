'use client';

import type { ReportJson } from '#lib/api/report-schema.ts';
import { durationFigure } from '#lib/view/format.ts';
import { rangeText } from '#lib/view/time-range.ts';
import { AdvicePanel } from './advice-panel.tsx';
import { BalanceGauge } from './balance-gauge.tsx';
import { useDashboard } from './dashboard.tsx';
import { Fig, TermName } from './figure.tsx';
import { PathPanel } from './path-panel.tsx';
import { PeriodPanel } from './period-panel.tsx';
import { PageSkeleton, Waiting } from './skeleton.tsx';
import { EmptyState, ErrorState } from './states.tsx';
import { useReport } from './use-report.ts';
import { UtilizationPanel } from './utilization-panel.tsx';
import { WhatifPanel } from './whatif-panel.tsx';
import { WindowProblems } from './window-problems.tsx';

/** Is the split right, what bounds a layer, what would another split bring. */
export function BalancePage() {
  const { deployments, deployment, problem, retry } = useDashboard();
  const { report, problem: failed, retry: askAgain, ...shown } = useReport('calm');
  if (problem !== null) return <ErrorState problem={problem} onRetry={retry} />;
  if (deployment === null) {
    return deployments === undefined ? <PageSkeleton /> : <EmptyState />;
  }
  if (report === undefined) {
    return failed === null ? <PageSkeleton /> : <ErrorState problem={failed} onRetry={askAgain} />;
  }
  const isOld = shown.staleMs !== null || shown.isRefilling;
  return (
    <div
      className={`flex flex-col gap-3 ${isOld ? 'stale' : ''}`}
      aria-busy={shown.isRefilling}
      data-testid="balance-page"
    >
      <WindowProblems
        problems={failed === null ? [] : [{ question: 'newer report', problem: failed }]}
      />
      <Heading report={report} />
      <Balanced report={report} />
    </div>
  );
}

function Heading({ report }: { readonly report: ReportJson | null }) {
  const { state } = useDashboard();
  return (
    <header className="flex flex-wrap items-baseline gap-x-3">
      <h1 className="text-lead font-semibold">Balance</h1>
      {report !== null && (
        <span className="text-muted">
          {report.topology.attention}A{report.topology.ffn}F
          {report.topology.microbatches > 0 && ` · ${report.topology.microbatches} micro-batches`} ·{' '}
          {report.steps.count.toLocaleString('en-US')} {report.steps.count === 1 ? 'step' : 'steps'}{' '}
          in <Fig figure={durationFigure(report.window.durationNs)} /> · {rangeText(state.range)} ·{' '}
          <TermName term="exactness">{report.exactness}</TermName>
        </span>
      )}
    </header>
  );
}

function Balanced({ report }: { readonly report: ReportJson | null }) {
  const balance = report?.balance ?? null;
  if (report === null || balance === null) {
    return (
      <>
        <section className="panel p-3" aria-label="No balance">
          <Waiting heightPx={200} text={whyNone(report)} />
        </section>
        {report !== null && <UtilizationPanel report={report} />}
      </>
    );
  }
  return (
    <>
      <div className="grid grid-cols-1 gap-3 xl:grid-cols-[5fr_7fr]">
        <BalanceGauge balance={balance} />
        <PeriodPanel balance={balance} microbatches={report.topology.microbatches} />
      </div>
      <AdvicePanel balance={balance} report={report} />
      <WhatifPanel report={report} />
      <div className="grid grid-cols-1 gap-3 xl:grid-cols-2">
        <PathPanel report={report} />
        <UtilizationPanel report={report} />
      </div>
    </>
  );
}

/** What is missing, and what to do about it. */
function whyNone(report: ReportJson | null): string {
  if (report === null || report.steps.count === 0) {
    return 'No steps in this window. Choose one that holds some.';
  }
  const roles = new Set(report.groups.map(({ role }) => role));
  if (!roles.has('attention') || !roles.has('ffn')) {
    return 'Not disaggregated: a balance needs an attention and an FFN group.';
  }
  if (report.exactness === 'rollup') {
    return 'This window is answered from rollups, which know no balance. Choose a shorter or newer one.';
  }
  return 'No layer was seen whole on both sides, which a balance needs. Choose a longer window.';
}
