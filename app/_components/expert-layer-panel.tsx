'use client';

import { useMemo } from 'react';
import type { ExpertsAnswer } from '#lib/api/experts.ts';
import { expertLayerModel } from '#lib/view/expert-layer.ts';
import { ratioOverMean } from '#lib/view/expert-map.ts';
import { countFigure, figureText } from '#lib/view/format.ts';
import { maxOf, meanOf, valueAt } from '#lib/view/matrix-model.ts';
import { useDashboard } from './dashboard.tsx';
import { HeatLegend } from './heat-legend.tsx';
import { MatrixCanvas } from './matrix-canvas.tsx';
import { Waiting } from './skeleton.tsx';

/** The single experts of the chosen layer. */
export function ExpertLayerPanel({
  answer,
  layer,
}: {
  readonly answer: ExpertsAnswer;
  readonly layer: number;
}) {
  const { state, update } = useDashboard();
  const model = useMemo(() => expertLayerModel(answer, layer), [answer, layer]);
  const known = model?.values.filter((value) => value !== null) ?? [];
  const mean = known.length === 0 ? 0 : meanOf(known);
  const busiest = known.length === 0 ? 0 : maxOf(known);
  return (
    <section
      className="panel min-w-0 pb-2"
      aria-label="Experts of a layer"
      data-testid="expert-layer"
    >
      <header className="flex flex-wrap items-center gap-x-3 gap-y-1 px-3 pt-2 pb-1">
        <h2 className="panel-title">
          Experts of layer {layer}
          {state.layer === null && <span className="font-normal text-muted"> · most uneven</span>}
        </h2>
        {model !== null && (
          <>
            <span className="text-small text-muted">
              mean {figureText(countFigure(mean, 'tokens'))} of a key, busiest{' '}
              {figureText(ratioOverMean(mean > 0 ? busiest / mean : null))} that
              {model.outliers.size > 0 && (
                <>
                  ,{' '}
                  <span
                    className="text-critical"
                    title="Over the median of the layer’s experts by 4.5 robust deviations and a quarter of the median"
                  >
                    {model.outliers.size} outlined
                  </span>
                </>
              )}
            </span>
            <span className="ml-auto flex items-center gap-3">
              <HeatLegend top={countFigure(model.scaleMax, 'tokens')} />
            </span>
          </>
        )}
      </header>
      {model === null ? (
        <div className="px-3">
          <Waiting
            heightPx={120}
            text="No list of experts in this layer’s events: send afd.expert_tokens"
          />
        </div>
      ) : (
        <MatrixCanvas
          model={model}
          testId="expert-layer-map"
          title={`Tokens by expert, layer ${layer}`}
          label={`Tokens of ${known.length} experts on ${model.rows.length} ranks in layer ${layer}.`}
          hint="Rest on a cell for the expert’s tokens; click marks its rank."
          markedRow={model.rows.findIndex(({ id }) => id === state.worker)}
          onOpen={({ row }) => {
            const id = model.rows[row]!.id;
            update({ worker: state.worker === id ? null : id }, 'replace');
          }}
          readout={(cell) => {
            const value = valueAt(model, cell);
            return (
              <>
                <strong className="text-text">{model.rows[cell.row]!.label}</strong>, expert{' '}
                {cell.column} of its list:{' '}
                <strong className="text-text">{figureText(countFigure(value, 'tokens'))}</strong>
                {value !== null && mean > 0 && (
                  <>, {figureText(ratioOverMean(value / mean))} the mean</>
                )}
              </>
            );
          }}
        />
      )}
    </section>
  );
}
