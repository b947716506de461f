'use client';

import { useMemo } from 'react';
import type { ExpertsAnswer } from '#lib/api/experts.ts';
import {
  EXPERT_METRIC_NAMES,
  EXPERT_METRICS,
  expertFigure,
  expertModel,
  expertValues,
} from '#lib/view/expert-map.ts';
import { figureText } from '#lib/view/format.ts';
import { useDashboard } from './dashboard.tsx';
import { TermName } from './figure.tsx';
import { HeatLegend } from './heat-legend.tsx';
import { MatrixCanvas } from './matrix-canvas.tsx';
import { Waiting } from './skeleton.tsx';

/** Rank × layer, in the figure that was chosen; a cell opens its layer's experts. */
export function ExpertMapPanel({
  answer,
  layer,
}: {
  readonly answer: ExpertsAnswer;
  /** The layer that is shown below. */
  readonly layer: number | null;
}) {
  const { state, update } = useDashboard();
  const metric = state.experts;
  const model = useMemo(() => expertModel(answer, metric), [answer, metric]);
  const { label, term } = EXPERT_METRIC_NAMES[metric];
  const isKnown = model.values.some((value) => value !== null);
  return (
    <section className="panel min-w-0 pb-2" aria-label="Ranks by layers">
      <header className="flex flex-wrap items-center gap-x-3 gap-y-1 px-3 pt-2 pb-1">
        <h2 className="panel-title">
          <TermName term={term} /> by rank and layer
        </h2>
        <span className="text-small text-muted">
          mean of {answer.steps.toLocaleString('en-US')} {answer.steps === 1 ? 'step' : 'steps'}
          {model.outliers.size > 0 && (
            <>
              ,{' '}
              <span
                className="text-critical"
                title="Over the median of the ranks in the same layer by 4.5 robust deviations and a quarter of the median"
              >
                {model.outliers.size} outlined
              </span>
            </>
          )}
        </span>
        <HeatLegend top={expertFigure(metric, model.scaleMax)} />
        <span className="ml-auto flex items-center gap-3">
          <fieldset className="segments" aria-label="Figure">
            {EXPERT_METRICS.map((name) => (
              <button
                key={name}
                type="button"
                className="control"
                aria-pressed={metric === name}
                onClick={() => update({ experts: name }, 'replace')}
              >
                {EXPERT_METRIC_NAMES[name].label}
              </button>
            ))}
          </fieldset>
        </span>
      </header>
      {isKnown ? (
        <MatrixCanvas
          model={model}
          testId="expert-map"
          title={label}
          label={`${label} of ${model.rows.length} ranks by ${model.columns.length} layers.`}
          hint="Rest on a cell for its figures; click shows the experts of its layer."
          markedRow={model.rows.findIndex(({ id }) => id === state.worker)}
          markedColumn={layer === null ? -1 : answer.layers.indexOf(layer)}
          onOpen={({ column }) => update({ layer: answer.layers[column] ?? null }, 'replace')}
          readout={({ row, column }) => (
            <>
              <strong className="text-text">{model.rows[row]!.label}</strong>, layer{' '}
              {answer.layers[column]}
              {EXPERT_METRICS.map((name) => {
                const value = expertValues(answer, name)[row * answer.layers.length + column];
                return (
                  <span key={name}>
                    {' '}
                    · {EXPERT_METRIC_NAMES[name].label.toLowerCase()}{' '}
                    <strong className="text-text">
                      {figureText(expertFigure(name, value ?? null))}
                    </strong>
                  </span>
                );
              })}
            </>
          )}
        />
      ) : (
        <div className="px-3">
          <Waiting
            heightPx={160}
            text={
              metric === 'time'
                ? 'No expert event in this window'
                : 'Expert events do not carry this figure: see below for what to send'
            }
          />
        </div>
      )}
    </section>
  );
}
