'use client';

import type { Compare, CompareChange } from '#lib/api/compare.ts';
import { differenceFigure, isDiffering, testText } from '#lib/view/compare-figures.ts';
import { durationFigure } from '#lib/view/format.ts';
import { STAGE_COLOURS, stageColourName } from '#lib/view/palette.ts';
import { Fig, TermName } from '../figure.tsx';
import { SaveCsv } from '../save-csv.tsx';

const SHOWN = 10;

/** The ranked list of what changed: time on the critical path, which adds up to the step. */
export function ChangesPanel({ answer }: { readonly answer: Compare }) {
  const { changes, explained } = answer;
  const largest = changes.reduce((most, one) => Math.max(most, Math.abs(one.contributionNs)), 1);
  return (
    <section className="panel min-w-0 pb-2" aria-label="What made steps longer or shorter">
      <header className="flex flex-wrap items-center gap-x-3 px-3 pt-2 pb-1">
        <h2 className="panel-title">
          <TermName term="compareChange" />
        </h2>
        {explained !== null && (
          <span className="text-small text-muted">
            mean step <Fig figure={durationFigure(explained.aNs)} /> in A,{' '}
            <Fig figure={durationFigure(explained.bNs)} /> in B:{' '}
            <Fig figure={differenceFigure('ns', explained.differenceNs)} className="text-text" />
          </span>
        )}
        <span className="ml-auto">
          <SaveCsv
            name="changes"
            title="what made steps longer"
            rows={() => changeTable(changes)}
          />
        </span>
      </header>
      {changes.length === 0 ? (
        <p className="px-3 py-4 text-muted">No step of both sides to compare.</p>
      ) : (
        <ol data-testid="compare-changes">
          {changes.slice(0, SHOWN).map((change) => (
            <Row
              key={`${change.group} ${change.stage} ${change.kind}`}
              change={change}
              largest={largest}
            />
          ))}
        </ol>
      )}
    </section>
  );
}

function Row({ change, largest }: { readonly change: CompareChange; readonly largest: number }) {
  const share = Math.abs(change.contributionNs) / largest;
  const isLonger = change.contributionNs > 0;
  const isShown = isDiffering(change.onPath.finding);
  return (
    <li
      className={`grid grid-cols-[minmax(0,1fr)_72px_84px] items-center gap-2 border-t border-line px-3 py-1 text-small ${isShown ? '' : 'text-muted'}`}
      title={testText(change.onPath)}
    >
      <span className="min-w-0">{change.words}</span>
      <span className="relative h-3" aria-hidden="true">
        <span className="absolute inset-y-0 left-1/2 border-l border-muted" />
        <span
          className="absolute inset-y-0.5 rounded-xs"
          style={{
            width: `${share * 50}%`,
            [isLonger ? 'left' : 'right']: '50%',
            background: STAGE_COLOURS[stageColourName(change.stage)],
            opacity: isShown ? 1 : 0.4,
          }}
        />
      </span>
      <span className="text-right whitespace-nowrap">
        <Fig figure={differenceFigure('ns', change.contributionNs)} />
      </span>
    </li>
  );
}

function changeTable(changes: readonly CompareChange[]): (string | number | null)[][] {
  return [
    [
      'group',
      'stage',
      'kind',
      'layers',
      'worker',
      'a ns',
      'b ns',
      'contribution ns',
      'share',
      'q',
      'finding',
      'words',
    ],
    ...changes.map((one) => [
      one.group,
      one.stage,
      one.kind,
      one.layers,
      one.worker,
      one.aNs,
      one.bNs,
      one.contributionNs,
      one.share,
      one.onPath.q,
      one.onPath.finding,
      one.words,
    ]),
  ];
}
