'use client';

import { ChevronLeftIcon, ChevronRightIcon } from 'lucide-react';
import { useState } from 'react';
import { fetchTimelineSteps } from '#lib/api/timeline-client.ts';
import type { TimelineSteps } from '#lib/api/timeline-steps.ts';
import { definitionText } from '#lib/view/definitions.ts';
import { durationFigure, figureText } from '#lib/view/format.ts';
import type { TimelineStepChoice } from '#lib/view/timeline-selection.ts';
import {
  parseTargetMs,
  type StepRow,
  stepName,
  steppedTargetMs,
  stepRows,
  stepsSummary,
} from '#lib/view/timeline-steps-view.ts';
import {
  endOf,
  extentOf,
  type TimelineExtent,
  type TimelineViewport,
  viewAt,
} from '#lib/view/timeline-viewport.ts';
import { useDashboard } from '../dashboard.tsx';
import { Fig, TermName } from '../figure.tsx';
import { TypedField } from '../typed-field.tsx';
import { InstantText, PanelProblem } from './panel-parts.tsx';
import { usePanels } from './panels-context.tsx';
import { useTimelinePart, useTimelineStore } from './timeline-context.tsx';
import { useAsk } from './use-ask.ts';
import { useCurrentStep } from './use-current-step.ts';

type Which = 'slowest' | 'time' | 'over';
const WHICH: readonly { readonly name: Which; readonly label: string; readonly title: string }[] = [
  { name: 'slowest', label: 'Slowest', title: 'The slowest steps of the time in view' },
  { name: 'time', label: 'In order', title: 'The steps of the time in view, in order' },
  { name: 'over', label: 'Over target', title: 'Only those that last longer than the target' },
];
const LIMIT = 100;
const LEAST_NS = 1e9;
const TAIL_REFETCH_MS = 3_000;

/** Steps of the time in view: step by step, the slowest, those that broke the target. */
export function StepsPanel() {
  const { deployment } = useDashboard();
  const store = useTimelineStore();
  const { targetMs, change } = usePanels();
  const [which, setWhich] = useState<Which>(targetMs === null ? 'slowest' : 'over');
  const isTail = useTimelinePart((state) => state.isTail);
  const viewport = useTimelinePart((state) => state.viewport);
  const current = useCurrentStep();
  const { fromUnixNs, toUnixNs } = around(viewport);
  const targetNs = targetMs === null ? null : Math.round(targetMs * 1e6);
  const isOver = which === 'over' && targetNs !== null;
  const question = {
    from: String(fromUnixNs < 0n ? 0n : fromUnixNs),
    to: String(toUnixNs),
    order: which === 'time' ? ('time' as const) : ('slowest' as const),
    limit: LIMIT,
    ...(isOver ? { overNs: targetNs } : {}),
  };
  const asked = isTail ? { order: question.order, limit: LIMIT, from: '-30s' } : question;
  const answer = useAsk(
    deployment === null ? null : ['timeline-steps', deployment, JSON.stringify(asked)],
    (options) => fetchTimelineSteps(deployment ?? '', asked, options),
    { keepsOld: true, ...(isTail ? { refetchMs: TAIL_REFETCH_MS } : {}) },
  );
  return (
    <div className="flex min-h-0 flex-1 flex-col gap-2">
      <div className="flex items-center gap-1">
        <button
          type="button"
          className="control"
          aria-label="Previous step"
          title="Previous step ([)"
          onClick={() => store.step('previous')}
        >
          <ChevronLeftIcon size={13} aria-hidden />
        </button>
        <span className="min-w-0 flex-1 text-center text-small" data-testid="current-step">
          {current === null ? (
            <span className="text-muted">no step here</span>
          ) : (
            <>
              {stepName(current, false)}{' '}
              <span className="unit">{figureText(durationFigure(current.durationNs))}</span>
            </>
          )}
        </span>
        <button
          type="button"
          className="control"
          aria-label="Next step"
          title="Next step (])"
          onClick={() => store.step('next')}
        >
          <ChevronRightIcon size={13} aria-hidden />
        </button>
      </div>
      <fieldset className="segments w-full" aria-label="Which steps">
        {WHICH.map(({ name, label, title }) => (
          <button
            key={name}
            type="button"
            className="control flex-1"
            aria-pressed={which === name}
            title={title}
            onClick={() => setWhich(name)}
          >
            {label}
          </button>
        ))}
      </fieldset>
      <div className="flex items-center gap-2 text-small">
        <TermName term="stepTarget" />
        <TypedField
          label="TPOT target in milliseconds"
          title="Steps that last longer break it; kept in the link. Empty: no target"
          text={targetMs === null ? '' : String(targetMs)}
          parse={(typed) => (typed === '' ? 0 : parseTargetMs(typed))}
          onValue={(ms) => change({ targetMs: ms === 0 ? null : ms })}
          onStep={(direction) => change({ targetMs: steppedTargetMs(targetMs, direction) })}
          className="w-16 text-right"
        />
        <span className="unit">ms</span>
      </div>
      {answer.problem !== null && <PanelProblem problem={answer.problem} onRetry={answer.retry} />}
      {which === 'over' && targetNs === null && (
        <p className="text-small text-muted">Type a target to see the steps that break it.</p>
      )}
      {answer.data !== undefined && !(which === 'over' && targetNs === null) && (
        <StepList
          answer={answer.data}
          targetNs={targetNs}
          current={current}
          isOld={answer.isRefilling}
          viewNs={isTail ? 0 : viewport.spanNs}
        />
      )}
    </div>
  );
}

/** The view; a short one holds no whole step, so a second around it is looked at. */
function around(view: TimelineViewport): TimelineExtent {
  if (view.spanNs >= LEAST_NS) return extentOf(view);
  return extentOf(viewAt(view.fromUnixNs, (view.spanNs - LEAST_NS) / 2, LEAST_NS));
}

function StepList({
  answer,
  targetNs,
  current,
  isOld,
  viewNs,
}: {
  readonly answer: TimelineSteps;
  readonly targetNs: number | null;
  readonly current: TimelineStepChoice | null;
  readonly isOld: boolean;
  readonly viewNs: number;
}) {
  const store = useTimelineStore();
  const rows = stepRows(answer.steps, targetNs, current);
  // Of a long view only the newest part is looked at.
  const isCut = viewNs > answer.window.durationNs * 1.01;
  const hasDomains = new Set(answer.steps.map(({ domain }) => domain)).size > 1;
  const choose = ({ choice }: StepRow) => {
    store.select({ kind: 'step', step: choice });
    const end = endOf(choice.startUnixNs, choice.durationNs);
    store.showWindow(choice.startUnixNs, end);
  };
  return (
    <>
      <p className="text-small text-muted" role="status" data-testid="steps-summary">
        {stepsSummary(answer, rows.length)}
        {viewNs < LEAST_NS && viewNs > 0 && ' in a second around the view'}
        {isCut && (
          <span className="text-warning">
            {' '}
            in the newest <Fig figure={durationFigure(answer.window.durationNs)} />
          </span>
        )}
      </p>
      <ul
        className={`min-h-0 flex-1 overflow-auto text-small ${isOld ? 'stale' : ''}`}
        data-testid="step-list"
      >
        {rows.map((row) => (
          <li key={row.key}>
            <button
              type="button"
              className={`block w-full px-1 py-1 text-left hover:bg-raised ${row.isCurrent ? 'bg-raised shadow-[inset_2px_0_0_var(--accent)]' : ''}`}
              aria-current={row.isCurrent}
              data-step={row.step.step}
              onClick={() => choose(row)}
            >
              <span className="flex justify-between gap-2">
                <span>
                  {stepName(row.step, hasDomains)}
                  {row.isOver && <span className="text-warning"> over</span>}
                </span>
                <Fig figure={durationFigure(row.step.durationNs)} />
              </span>
              <span className="relative block h-1.5 bg-line" aria-hidden="true">
                <span
                  className={`block h-full ${row.isOver ? 'bg-warning' : 'bg-muted'}`}
                  style={{ width: `${row.widthRatio * 100}%` }}
                />
                {row.targetRatio !== null && (
                  <span
                    className="absolute -top-0.5 h-2.5 border-l border-text"
                    style={{ left: `${row.targetRatio * 100}%` }}
                  />
                )}
              </span>
              <span className="flex justify-between gap-2 text-tiny text-muted">
                <InstantText unixNs={row.choice.startUnixNs} />
                {row.tokens !== null && (
                  <span title={definitionText('stepTokens')} data-testid="step-tokens">
                    {row.tokens}
                  </span>
                )}
              </span>
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}
