'use client';

import { useMemo, useState } from 'react';
import type { StragglersAnswer } from '#lib/api/stragglers.ts';
import { durationFigure, figureText, ratioFigure } from '#lib/view/format.ts';
import type { MatrixCell, MatrixModel } from '#lib/view/matrix-model.ts';
import { type ScoreKind, type ScoreTrend, scoreFigure, scoreModel } from '#lib/view/score-trend.ts';
import { useDashboard } from './dashboard.tsx';
import { TermName } from './figure.tsx';
import { HeatLegend } from './heat-legend.tsx';
import { MatrixCanvas } from './matrix-canvas.tsx';

const KINDS: readonly {
  readonly name: ScoreKind;
  readonly label: string;
  readonly title: string;
}[] = [
  { name: 'raw', label: 'As it is', title: 'Before normalising for load' },
  { name: 'equal', label: 'At equal load', title: 'What is left where the load is taken out' },
];

/** Scores of all workers over the window, one stage at a time. */
export function ScorePanel({
  answer,
  roleOf,
}: {
  readonly answer: StragglersAnswer;
  readonly roleOf: (worker: string) => string | null;
}) {
  const [chosen, setChosen] = useState<string | null>(null);
  const [kind, setKind] = useState<ScoreKind>('raw');
  const { trends, ranking, thresholdScore } = answer;
  const worst = ranking[0];
  const trend =
    trends.find((entry) => keyOf(entry) === chosen) ??
    trends.find(({ stage, workers }) => stage === worst?.stage && workers.includes(worst.worker)) ??
    trends[0];
  const role = roleOf(trend?.workers[0] ?? '');
  const model = useMemo(
    () => (trend === undefined ? null : scoreModel(trend, kind, thresholdScore, role)),
    [trend, kind, thresholdScore, role],
  );
  if (trend === undefined || model === null) return null;
  return (
    <section className="panel min-w-0 pb-2" aria-label="Scores over time">
      <header className="flex flex-wrap items-center gap-x-3 gap-y-1 px-3 pt-2 pb-1">
        <h2 className="panel-title">
          <TermName term="stragglerScore" /> of {trend.stage} over time
        </h2>
        <span className="text-small text-muted">
          {trend.workers.length} {trend.group} workers, {trend.atUnixNs.length} windows of{' '}
          {figureText(durationFigure(trend.spanNs))}; outlined from {thresholdScore} on
        </span>
        <span className="ml-auto flex items-center gap-3">
          <HeatLegend top={scoreFigure(model.scaleMax)} />
          <fieldset className="segments" aria-label="Score">
            {KINDS.map(({ name, label, title }) => (
              <button
                key={name}
                type="button"
                className="control"
                aria-pressed={kind === name}
                title={title}
                onClick={() => setKind(name)}
              >
                {label}
              </button>
            ))}
          </fieldset>
          <label className="flex items-center gap-2 text-small text-muted">
            Stage
            <select
              className="control"
              value={keyOf(trend)}
              onChange={(event) => setChosen(event.target.value)}
            >
              {trends.map((entry) => (
                <option key={keyOf(entry)} value={keyOf(entry)}>
                  {entry.stage}, {entry.group}
                </option>
              ))}
            </select>
          </label>
        </span>
      </header>
      <TrendMatrix trend={trend} model={model} />
    </section>
  );
}

function keyOf(trend: ScoreTrend): string {
  return `${trend.group} ${trend.stage}`;
}

function TrendMatrix({
  trend,
  model,
}: {
  readonly trend: ScoreTrend;
  readonly model: MatrixModel;
}) {
  const { state, update } = useDashboard();
  return (
    <MatrixCanvas
      model={model}
      testId="score-matrix"
      title={`Scores of ${trend.group} in ${trend.stage} over time`}
      label={`Scores of ${model.rows.length} workers in ${model.columns.length} sub-windows.`}
      hint="Rest on a cell for its figures; click marks the worker."
      markedRow={model.rows.findIndex(({ id }) => id === state.worker)}
      onOpen={({ row }) => {
        const id = model.rows[row]!.id;
        update({ worker: state.worker === id ? null : id }, 'replace');
      }}
      readout={(cell) => <Readout trend={trend} model={model} cell={cell} />}
    />
  );
}

function Readout({
  trend,
  model,
  cell,
}: {
  readonly trend: ScoreTrend;
  readonly model: MatrixModel;
  readonly cell: MatrixCell;
}) {
  const at = cell.row * model.columns.length + cell.column;
  const excess = trend.excessRatio[at] ?? null;
  const load = trend.loadRatio[at] ?? null;
  const raw = trend.rawScore[at] ?? null;
  return (
    <>
      <strong className="text-text">{model.rows[cell.row]!.label}</strong> at{' '}
      {model.columns[cell.column]!.label}: score{' '}
      <strong className="text-text">{scoreFigure(raw).value}</strong>, at equal load{' '}
      <strong className="text-text">{scoreFigure(trend.score[at]).value}</strong>
      {excess !== null && (
        <>
          ; {excess >= 0 ? '+' : '−'}
          {ratioFigure(Math.abs(excess)).value} % against the median
        </>
      )}
      {load !== null && load > 0 && <>, of which load {ratioFigure(load).value} %</>}
    </>
  );
}
