'use client';

import type { Compare } from '#lib/api/compare.ts';
import { useDashboard } from '../dashboard.tsx';
import { PageSkeleton } from '../skeleton.tsx';
import { EmptyState, ErrorState } from '../states.tsx';
import { WindowProblems } from '../window-problems.tsx';
import { ChangesPanel } from './changes-panel.tsx';
import { CompareMaps } from './compare-maps.tsx';
import { FiguresPanel } from './figures-panel.tsx';
import { LatencyPanel } from './latency-panel.tsx';
import { SidePickers } from './side-pickers.tsx';
import { useCompare } from './use-compare.ts';

/** Two windows, runs or deployments side by side: how much, since what, where. */
export function ComparePage() {
  const { deployments, deployment, problem, retry } = useDashboard();
  const answer = useCompare();
  if (problem !== null) return <ErrorState problem={problem} onRetry={retry} />;
  if (deployment === null) {
    return deployments === undefined ? <PageSkeleton /> : <EmptyState />;
  }
  const { data } = answer;
  return (
    <div className="flex flex-col gap-3">
      <header className="flex flex-wrap items-baseline gap-x-3">
        <h1 className="text-lead font-semibold">Compare</h1>
        <span className="text-muted">B is measured against A, step by step</span>
      </header>
      <SidePickers answer={answer} />
      {data === undefined ? (
        answer.problem === null ? (
          <>
            <p role="status" className="text-muted">
              Reading the steps of both windows, which takes some seconds.
            </p>
            <PageSkeleton />
          </>
        ) : (
          <ErrorState problem={answer.problem} onRetry={answer.retry} />
        )
      ) : (
        <div
          className={`flex flex-col gap-3 ${answer.isRefilling ? 'stale' : ''}`}
          aria-busy={answer.isRefilling}
        >
          <WindowProblems
            problems={
              answer.problem === null
                ? []
                : [{ question: 'newer comparison', problem: answer.problem }]
            }
          />
          <Verdict answer={data} />
          <div className="grid grid-cols-[minmax(0,3fr)_minmax(0,2fr)] items-start gap-3">
            <ChangesPanel answer={data} />
            <LatencyPanel answer={data} />
          </div>
          <FiguresPanel answer={data} />
          <CompareMaps answer={data} />
          <Notes answer={data} />
        </div>
      )}
    </div>
  );
}

function Verdict({ answer: { verdict } }: { readonly answer: Compare }) {
  const look = {
    slower: { mark: '▲', text: 'Slower' },
    faster: { mark: '▼', text: 'Faster' },
    same: { mark: '=', text: 'No difference shown' },
    unknown: { mark: '?', text: 'Cannot be told' },
  }[verdict.direction];
  return (
    <section className="panel p-3" aria-label="Verdict" data-direction={verdict.direction}>
      <p className="flex gap-3 text-lead" data-testid="compare-verdict">
        <strong
          className={`shrink-0 ${verdict.direction === 'slower' ? 'text-warning' : ''}`}
          title="Of the time per step, B against A"
        >
          <span aria-hidden="true">{look.mark}</span> {look.text}
        </strong>
        <span className="min-w-0">{verdict.sentence}</span>
      </p>
    </section>
  );
}

function Notes({ answer: { alignment, notes } }: { readonly answer: Compare }) {
  return (
    <section
      className="panel p-3 text-small"
      aria-label="What does not align, and how it was compared"
    >
      <h2 className="panel-title">What does not align, and how it was compared</h2>
      <ul className="mt-1 list-disc pl-5">
        {alignment.onlyA.map((text) => (
          <li key={`a ${text}`}>Only in A: {text}</li>
        ))}
        {alignment.onlyB.map((text) => (
          <li key={`b ${text}`}>Only in B: {text}</li>
        ))}
        {alignment.onlyA.length + alignment.onlyB.length === 0 && (
          <li>Both sides have the same groups, stages, layers and workers.</li>
        )}
        {notes.map((note) => (
          <li key={note} className="text-muted">
            {note}
          </li>
        ))}
      </ul>
    </section>
  );
}
