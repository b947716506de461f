'use client';

import { FlaskConicalIcon } from 'lucide-react';
import type { ReportJson } from '#lib/api/report-schema.ts';
import type { BalanceJson } from '#lib/view/balance-view.ts';
import { durationFigure } from '#lib/view/format.ts';
import {
  type Estimate,
  type IntervalScale,
  intervalScale,
  intervalText,
  signedPercent,
} from '#lib/view/interval-scale.ts';
import { useDashboard } from './dashboard.tsx';
import { Fig, TermName } from './figure.tsx';
import { IntervalMark } from './interval-mark.tsx';

type AdviceJson = BalanceJson['advice'][number];

/** What to change, what it would bring, and what that takes for granted. */
export function AdvicePanel({
  balance,
  report,
}: {
  readonly balance: BalanceJson;
  readonly report: ReportJson;
}) {
  const { advice } = balance;
  const scale = intervalScale(advice.map(gainOf));
  return (
    <section className="panel" aria-label="Advice" data-testid="advice">
      <header className="flex flex-wrap items-baseline gap-x-3 px-3 pt-2 pb-2">
        <h2 className="panel-title">
          {advice.length === 0
            ? 'No change is worth its while'
            : `${advice.length} ${advice.length === 1 ? 'change' : 'changes'} would bring more tokens per GPU`}
        </h2>
        <Margin balance={balance} report={report} />
      </header>
      {advice.length > 0 && (
        <ol className="grid grid-cols-[repeat(auto-fit,minmax(260px,1fr))] overflow-hidden">
          {advice.map((entry) => (
            <AdviceCard key={`${entry.kind} ${entry.change}`} advice={entry} scale={scale} />
          ))}
        </ol>
      )}
    </section>
  );
}

function gainOf({ gain, low, high }: AdviceJson): Estimate {
  return { value: gain, low, high };
}

/** What would read 0.0 %. */
const LEAST_MARGIN = 0.0005;

function Margin({
  balance: { ratioMargin },
  report: { topology },
}: {
  readonly balance: BalanceJson;
  readonly report: ReportJson;
}) {
  const split = `${topology.attention}A${topology.ffn}F`;
  if (ratioMargin === undefined || ratioMargin === null) {
    return (
      <span className="text-small text-muted">
        How times change with the ratio is not known yet: it needs token counts that vary.
      </span>
    );
  }
  if (ratioMargin.high < LEAST_MARGIN) {
    return (
      <span className="text-small text-muted">
        <TermName term="ratioMargin">no other ratio</TermName> of as many GPUs as {split} would be
        better
      </span>
    );
  }
  return (
    <span className="text-small text-muted">
      <TermName term="ratioMargin">left in the ratio</TermName> of {split}:{' '}
      <span className="text-text">{signedPercent(ratioMargin.gain)}</span> (
      {intervalText({ ...ratioMargin, value: ratioMargin.gain })}) tokens/s per GPU
    </span>
  );
}

function AdviceCard({
  advice,
  scale,
}: {
  readonly advice: AdviceJson;
  readonly scale: IntervalScale;
}) {
  const { update } = useDashboard();
  const { set } = advice;
  return (
    <li className="-ml-px flex min-w-0 flex-col gap-1.5 border-t border-l border-line p-3">
      <div className="flex items-start gap-2">
        <h3 className="min-w-0 font-semibold break-words">{advice.change}</h3>
        <span className="ml-auto text-lead leading-tight font-semibold whitespace-nowrap">
          <TermName term="gainPerGpu">{signedPercent(advice.gain)}</TermName>
        </span>
      </div>
      <IntervalMark
        estimate={gainOf(advice)}
        scale={scale}
        label={`Predicted gain of ${advice.change} in tokens/s per GPU`}
      />
      <p className="text-small">
        <span className="text-muted">{intervalText(gainOf(advice))} tokens/s per GPU</span>
        {advice.periodNs !== undefined && (
          <>
            {' '}
            · <span className="text-muted">layer</span>{' '}
            <Fig figure={durationFigure(advice.periodNs)} term="idealPeriod" />
          </>
        )}
      </p>
      <p className="text-small break-words text-muted">Assumes: {advice.assumes}</p>
      {set !== undefined && set.length > 0 && (
        <button
          type="button"
          className="control mt-auto self-start"
          aria-label={`Try ${advice.change} in the what-if`}
          onClick={() => {
            update({ set });
            document.getElementById('whatif')?.scrollIntoView({ block: 'start' });
          }}
        >
          <FlaskConicalIcon size={14} aria-hidden /> try it
        </button>
      )}
    </li>
  );
}
