'use client';

import type { Compare, ComparedFigure } from '#lib/api/compare.ts';
import {
  differenceFigure,
  type FigureSection,
  figureName,
  figureSections,
  figureTable,
  findingWords,
  intervalOf,
  testText,
  toneOf,
  valueFigure,
} from '#lib/view/compare-figures.ts';
import { useDashboard } from '../dashboard.tsx';
import { Fig, TermName } from '../figure.tsx';
import { SaveCsv } from '../save-csv.tsx';

/** Every figure of both sides, with difference, interval and what the steps say of it. */
export function FiguresPanel({ answer }: { readonly answer: Compare }) {
  const { state, update } = useDashboard();
  const { compare } = state;
  const sections = figureSections(answer, compare.onlyDiffering);
  return (
    <section className="panel min-w-0 pb-2" aria-label="Figures">
      <header className="flex flex-wrap items-center gap-x-3 px-3 pt-2 pb-1">
        <h2 className="panel-title">Figures</h2>
        <label className="flex items-center gap-1.5 text-small text-muted">
          <input
            type="checkbox"
            checked={compare.onlyDiffering}
            onChange={({ target }) =>
              update({ compare: { ...compare, onlyDiffering: target.checked } }, 'replace')
            }
          />
          only those that differ
        </label>
        <span className="ml-auto">
          <SaveCsv name="comparison" title="figures" rows={() => figureTable(answer)} />
        </span>
      </header>
      <table className="w-full text-small" data-testid="compare-figures">
        <thead>
          <tr className="text-left text-muted">
            <th scope="col" className="px-3 font-normal">
              Figure
            </th>
            <th scope="col" className="px-2 text-right font-normal">
              <TermName term="compareValue">A</TermName>
            </th>
            <th scope="col" className="px-2 text-right font-normal">
              <TermName term="compareValue">B</TermName>
            </th>
            <th scope="col" className="px-2 text-right font-normal">
              <TermName term="compareShift" />
            </th>
            <th scope="col" className="px-2 text-right font-normal">
              <TermName term="compareInterval">95 % interval, of A</TermName>
            </th>
            <th scope="col" className="px-3 font-normal">
              <TermName term="compareFinding" />
            </th>
          </tr>
        </thead>
        {sections.map((section) => (
          <Section key={section.title} section={section} />
        ))}
      </table>
    </section>
  );
}

function Section({ section: { title, figures, hidden } }: { readonly section: FigureSection }) {
  return (
    <tbody>
      <tr>
        <th scope="rowgroup" colSpan={6} className="px-3 pt-2 text-left font-semibold">
          {title}
          {hidden > 0 && (
            <span className="ml-2 font-normal text-muted">
              {figures.length === 0 ? 'none; ' : ''}
              {hidden} without a difference
            </span>
          )}
        </th>
      </tr>
      {figures.map((figure) => (
        <Row
          key={`${figure.scope} ${figure.group} ${figure.worker} ${figure.id}`}
          figure={figure}
        />
      ))}
    </tbody>
  );
}

const TONES = {
  better: 'text-text font-semibold',
  worse: 'text-warning font-semibold',
  changed: 'text-text',
  calm: 'text-muted',
} as const;

function Row({ figure }: { readonly figure: ComparedFigure }) {
  const { unit, a, b, shift, difference } = figure;
  const isMuted = figure.finding === 'too-few';
  return (
    <tr
      className={`border-t border-line ${isMuted ? 'text-muted' : ''}`}
      title={testText(figure)}
      data-figure={figure.id}
      data-finding={figure.finding}
    >
      <th scope="row" className="px-3 py-0.5 text-left font-normal">
        {figureName(figure)}
      </th>
      <td className="px-2 text-right whitespace-nowrap">
        <Fig figure={valueFigure(unit, a)} />
      </td>
      <td className="px-2 text-right whitespace-nowrap">
        <Fig figure={valueFigure(unit, b)} />
      </td>
      <td className="px-2 text-right whitespace-nowrap">
        <Fig figure={differenceFigure(unit, shift?.value ?? difference)} />
      </td>
      <td className="px-2 text-right whitespace-nowrap text-muted">{intervalOf(figure) ?? '–'}</td>
      <td className={`px-3 whitespace-nowrap ${TONES[toneOf(figure)]}`}>{findingWords(figure)}</td>
    </tr>
  );
}
