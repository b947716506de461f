'use client';

import { CircleCheckIcon, TriangleAlertIcon } from 'lucide-react';
import type { ReactNode } from 'react';
import { useMemo } from 'react';
import type { ReportJson } from '#lib/api/report-schema.ts';
import type { WhatifAnswer } from '#lib/api/whatif.ts';
import { durationFigure, figureText } from '#lib/view/format.ts';
import { signedPercent } from '#lib/view/interval-scale.ts';
import type { WhatifResult } from '#lib/view/whatif-rows.ts';
import { useDashboard } from './dashboard.tsx';
import { TermName } from './figure.tsx';
import { Waiting } from './skeleton.tsx';
import { useChoice, useWhatif, type Whatif } from './use-whatif.ts';
import { WhatifControls } from './whatif-controls.tsx';
import { WhatifTable } from './whatif-table.tsx';

/** The recorded steps through the pipeline again, with changes. */
export function WhatifPanel({ report }: { readonly report: ReportJson }) {
  const { update, state } = useDashboard();
  const { attention, ffn } = report.topology;
  const today = useMemo(() => ({ attention, ffn }), [attention, ffn]);
  const { choice, change, isPending } = useChoice(today);
  const whatif = useWhatif();
  const isBusy = whatif.isOld || isPending;
  return (
    <section
      id="whatif"
      className="panel scroll-mt-14"
      aria-label="What-if"
      aria-busy={isBusy}
      data-testid="whatif"
    >
      <header className="flex flex-wrap items-baseline gap-x-3 px-3 pt-2 pb-2">
        <h2 className="panel-title">What if</h2>
        <span className="text-small text-muted">
          the recorded steps replayed, first as they were, then with the changes
        </span>
        {state.set.length > 0 && (
          <button
            type="button"
            className="control ml-auto"
            onClick={() => update({ set: [] })}
            data-testid="whatif-reset"
          >
            reset
          </button>
        )}
      </header>
      <div className="grid grid-cols-1 border-t border-line lg:grid-cols-[270px_1fr] xl:grid-cols-[330px_1fr]">
        <WhatifControls report={report} choice={choice} onChange={change} />
        <div className="min-w-0 border-line p-3 max-lg:border-t lg:border-l">
          <Answer whatif={whatif} isBusy={isBusy} />
        </div>
      </div>
    </section>
  );
}

function Answer({ whatif, isBusy }: { readonly whatif: Whatif; readonly isBusy: boolean }) {
  const { answer, problem, retry } = whatif;
  if (problem !== null && (answer === undefined || isBusy)) {
    return (
      <div role="alert" data-testid="whatif-problem">
        <p>
          <strong>{problem.title}.</strong> {problem.detail}
        </p>
        <button type="button" className="control mt-2" onClick={retry}>
          Try again
        </button>
      </div>
    );
  }
  if (answer === undefined) return <Waiting heightPx={240} text="Replaying the newest steps" />;
  if (answer.result === null) {
    return (
      <Waiting
        heightPx={240}
        text={answer.problem ?? 'Nothing in this window can be replayed. Choose a longer one.'}
      />
    );
  }
  return (
    <div className={isBusy ? 'stale' : ''}>
      <Baseline result={answer.result} answer={answer} />
      <Changes answer={answer} isBusy={isBusy} />
      <WhatifTable result={answer.result} hasChange={answer.changes.length > 0} />
      {answer.assumes.length > 0 && (
        <ul className="mt-2 list-disc pl-4 text-small text-muted" aria-label="Assumptions">
          {answer.assumes.map((text) => (
            <li key={text}>{text}</li>
          ))}
        </ul>
      )}
    </div>
  );
}

/** Is the replay to be believed? Said before what it predicts. */
function Baseline({
  result,
  answer,
}: {
  readonly result: WhatifResult;
  readonly answer: WhatifAnswer;
}) {
  const { reproduces, replayErrorRatio, measured, replayed } = result;
  const Icon = reproduces ? CircleCheckIcon : TriangleAlertIcon;
  return (
    <p className="flex items-start gap-2" data-testid="whatif-baseline">
      <Icon
        size={15}
        aria-hidden
        className={`mt-0.5 shrink-0 ${reproduces ? 'text-muted' : 'text-warning'}`}
      />
      <span>
        {reproduces ? (
          <>The replay reproduces the measurement: </>
        ) : (
          <strong className="text-warning">
            The replay does not reproduce the measurement; do not rely on what follows:{' '}
          </strong>
        )}
        {answer.steps.toLocaleString('en-US')} {answer.steps === 1 ? 'step' : 'steps'}, measured{' '}
        {figureText(durationFigure(measured.stepNs.value))}, replayed{' '}
        {figureText(durationFigure(replayed.stepNs.value))},{' '}
        <TermName term="replayError">error</TermName> {signedPercent(replayErrorRatio)}.
      </span>
    </p>
  );
}

function Changes({ answer, isBusy }: { readonly answer: WhatifAnswer; readonly isBusy: boolean }) {
  const words: ReactNode = isBusy
    ? 'Replaying with the changes; below is what was before them.'
    : answer.changes.length === 0
      ? 'No change yet: set one on the left, or try an advice.'
      : answer.changes.map(({ words: text }) => text).join('; ');
  return (
    <p className="mt-1 mb-2 text-muted" data-testid="whatif-changes">
      {words}
    </p>
  );
}
