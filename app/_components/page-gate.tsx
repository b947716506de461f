'use client';

import type { ReactNode } from 'react';
import { useDashboard } from './dashboard.tsx';
import { PageSkeleton } from './skeleton.tsx';
import { EmptyState, ErrorState } from './states.tsx';
import type { Answer } from './use-question.ts';
import { WindowProblems } from './window-problems.tsx';

/**
 * A page that lives of one answer: what is shown instead while it loads, fails, or where no worker
 * has ever sent. `others`: answers that may fail alone; they are named above the page.
 */
export function PageGate<T>({
  answer,
  question,
  others = [],
  children,
}: {
  readonly answer: Answer<T>;
  /** What the answer is called where a newer one cannot be had. */
  readonly question: string;
  readonly others?: readonly {
    readonly question: string;
    readonly answer: Pick<Answer<unknown>, 'problem' | 'isRefilling'>;
  }[];
  readonly children: (data: T) => ReactNode;
}) {
  const { deployments, deployment, problem, retry } = useDashboard();
  if (problem !== null) return <ErrorState problem={problem} onRetry={retry} />;
  if (deployment === null) {
    return deployments === undefined ? <PageSkeleton /> : <EmptyState />;
  }
  if (answer.data === undefined) {
    return answer.problem === null ? (
      <PageSkeleton />
    ) : (
      <ErrorState problem={answer.problem} onRetry={answer.retry} />
    );
  }
  const isOld = answer.isRefilling || others.some((other) => other.answer.isRefilling);
  return (
    <div className={`flex flex-col gap-3 ${isOld ? 'stale' : ''}`} aria-busy={isOld}>
      <WindowProblems
        problems={[{ question, answer }, ...others].flatMap((asked) =>
          asked.answer.problem === null
            ? []
            : [{ question: asked.question, problem: asked.answer.problem }],
        )}
      />
      {children(answer.data)}
    </div>
  );
}
