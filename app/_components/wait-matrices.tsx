'use client';

import { useMemo } from 'react';
import type { WaitMatrix, Waits } from '#lib/api/waits.ts';
import { causeLook, isCause } from '#lib/view/cause-look.ts';
import { durationFigure, figureText } from '#lib/view/format.ts';
import { type MatrixCell, valueAt } from '#lib/view/matrix-model.ts';
import { cellCauses, matrixTitle, presentCauses, waitMatrixModel } from '#lib/view/wait-matrix.ts';
import { useDashboard } from './dashboard.tsx';
import { TermName } from './figure.tsx';
import { HeatLegend } from './heat-legend.tsx';
import { MatrixCanvas } from './matrix-canvas.tsx';
import { Waiting } from './skeleton.tsx';

/** Who waited because of whom: one matrix a direction, of all causes or of one. */
export function WaitMatrices({ waits }: { readonly waits: Waits | undefined }) {
  const { state, update } = useDashboard();
  return (
    <section id="waits" className="flex scroll-mt-14 flex-col gap-3" aria-label="Wait matrices">
      <header className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <h2 className="font-semibold">
          <TermName term="waitMatrix" />
        </h2>
        <span className="text-small text-muted">rows waited, columns are whom they waited for</span>
        {waits !== undefined && (
          <label className="ml-auto flex items-center gap-2 text-small text-muted">
            Cause
            <select
              className="control"
              value={state.cause ?? ''}
              onChange={(event) => {
                const { value } = event.target;
                update({ cause: isCause(value) ? value : null }, 'replace');
              }}
            >
              <option value="">all causes</option>
              {[
                ...new Set([
                  ...presentCauses(waits),
                  ...(state.cause === null ? [] : [state.cause]),
                ]),
              ].map((cause) => (
                <option key={cause} value={cause}>
                  {causeLook(cause).label}
                </option>
              ))}
            </select>
          </label>
        )}
      </header>
      {waits === undefined || waits.matrices.length === 0 ? (
        <div className="panel p-3">
          <Waiting
            heightPx={160}
            text={
              waits === undefined
                ? 'Loading who waited for whom'
                : 'Nobody waited for a peer in this window, or it holds no steps with receives.'
            }
          />
        </div>
      ) : (
        <div className="grid grid-cols-2 gap-3">
          {waits.matrices.map((matrix) => (
            <MatrixPanel key={matrix.kind} waits={waits} matrix={matrix} />
          ))}
        </div>
      )}
    </section>
  );
}

function MatrixPanel({ waits, matrix }: { readonly waits: Waits; readonly matrix: WaitMatrix }) {
  const { state, update } = useDashboard();
  const model = useMemo(
    () => waitMatrixModel(waits, matrix, state.cause),
    [waits, matrix, state.cause],
  );
  const title = matrixTitle(matrix.kind);
  const hidden = matrix.hiddenWaiters + matrix.hiddenCulprits;
  return (
    <section className="panel min-w-0 pb-2" aria-label={title}>
      <header className="flex flex-wrap items-center gap-x-3 gap-y-1 px-3 pt-2 pb-1">
        <h3 className="panel-title">{title}</h3>
        <span className="text-small text-muted">
          {state.cause === null ? 'all causes' : causeLook(state.cause).label}, per step
          {model.outliers.size > 0 && (
            <>
              ,{' '}
              <span
                className="text-critical"
                title="Over the median of its row by 4.5 robust deviations, a quarter of the median and a twentieth of the row"
              >
                {model.outliers.size} outlined
              </span>
            </>
          )}
          {hidden > 0 && (
            <span title={`What they add up to: ${durationFigure(matrix.hiddenNs).exact}`}>
              , {hidden} more workers with the least time not shown
            </span>
          )}
        </span>
        <span className="ml-auto">
          <HeatLegend top={durationFigure(model.scaleMax)} />
        </span>
      </header>
      <MatrixCanvas
        model={model}
        testId={`waits-${matrix.kind}`}
        title={title}
        label={`${title}: ${model.rows.length} that waited by ${model.columns.length} that were waited for.`}
        hint="Rest on a cell for its causes; click marks the culprit."
        lines={2}
        markedRow={model.rows.findIndex(({ id }) => id === state.worker)}
        markedColumn={model.columns.findIndex(({ id }) => id === state.worker)}
        onOpen={({ column }) => {
          const id = model.columns[column]!.id;
          update({ worker: state.worker === id ? null : id }, 'replace');
        }}
        readout={(cell) => <Readout waits={waits} matrix={matrix} model={model} cell={cell} />}
      />
    </section>
  );
}

function Readout({
  waits,
  matrix,
  model,
  cell,
}: {
  readonly waits: Waits;
  readonly matrix: WaitMatrix;
  readonly model: ReturnType<typeof waitMatrixModel>;
  readonly cell: MatrixCell;
}) {
  const causes = cellCauses(waits, matrix, cell);
  return (
    <>
      <strong className="text-text">{model.rows[cell.row]!.label}</strong> for{' '}
      <strong className="text-text">{model.columns[cell.column]!.label}</strong>:{' '}
      <strong className="text-text">{figureText(durationFigure(valueAt(model, cell)))}</strong>
      {causes.map(({ look, ratio }) => (
        <span key={look.name}>
          {' '}
          · {look.label} {(ratio * 100).toFixed(0)} %
        </span>
      ))}
    </>
  );
}
