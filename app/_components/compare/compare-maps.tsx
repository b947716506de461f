'use client';

import { useMemo } from 'react';
import type { Compare } from '#lib/api/compare.ts';
import { differenceFigure, findingWords } from '#lib/view/compare-figures.ts';
import {
  type CompareMap,
  cellRow,
  cellTable,
  columnOf,
  compareMap,
  divergingLegend,
  type MapKind,
} from '#lib/view/compare-maps.ts';
import { durationFigure, figureText } from '#lib/view/format.ts';
import type { MatrixCell } from '#lib/view/matrix-model.ts';
import { useDashboard } from '../dashboard.tsx';
import { TermName } from '../figure.tsx';
import { HeatLegend } from '../heat-legend.tsx';
import { MatrixCanvas } from '../matrix-canvas.tsx';
import { useTheme } from '../root-setting.ts';
import { SaveCsv } from '../save-csv.tsx';

const TITLES: Readonly<Record<MapKind, string>> = {
  difference: 'B against A',
  a: 'A',
  b: 'B',
};

/** Stages by layer: the difference, and below it both sides. */
export function CompareMaps({ answer }: { readonly answer: Compare }) {
  return (
    <section className="flex flex-col gap-3" aria-label="Stages by layer">
      <MapPanel answer={answer} kind="difference" />
      <div className="grid grid-cols-2 gap-3">
        <MapPanel answer={answer} kind="a" />
        <MapPanel answer={answer} kind="b" />
      </div>
    </section>
  );
}

function MapPanel({ answer, kind }: { readonly answer: Compare; readonly kind: MapKind }) {
  const { state, update } = useDashboard();
  const map = useMemo(() => compareMap(answer, kind), [answer, kind]);
  const { model } = map;
  const isDifference = kind === 'difference';
  return (
    <section className="panel min-w-0 pb-2" aria-label={`Stages by layer, ${TITLES[kind]}`}>
      <header className="flex flex-wrap items-center gap-x-3 gap-y-1 px-3 pt-2 pb-1">
        <h2 className="panel-title">
          <TermName term="compareMap" />, {TITLES[kind]}
        </h2>
        {isDifference && (
          <span className="text-small text-muted">
            {model.outliers.size} cells differ, outlined
          </span>
        )}
        <span className="ml-auto flex items-center gap-3">
          {isDifference ? (
            <DivergingLegend text={figureText(model.figureOf(model.scaleMax))} />
          ) : (
            <HeatLegend top={durationFigure(model.scaleMax)} />
          )}
          {isDifference && (
            <SaveCsv name="cells" title="stages by layer" rows={() => cellTable(answer)} />
          )}
        </span>
      </header>
      {model.values.length === 0 ? (
        <p className="px-3 py-4 text-muted">No event of a step to show.</p>
      ) : (
        <MatrixCanvas
          model={model}
          testId={`compare-map-${kind}`}
          title={`Stages by layer, ${TITLES[kind]}`}
          label={`Stages by layer, ${TITLES[kind]}: ${model.rows.length} stages by ${model.columns.length} layers.`}
          hint="Rest on a cell for its figures; click marks the layer."
          lines={2}
          markedColumn={columnOf(model, state.layer)}
          onOpen={({ column }) => {
            const layer = Number(model.columns[column]!.id);
            update({ layer: layer < 0 || state.layer === layer ? null : layer }, 'replace');
          }}
          readout={(cell) => <Readout answer={answer} map={map} cell={cell} />}
        />
      )}
    </section>
  );
}

function DivergingLegend({ text }: { readonly text: string }) {
  const colours = divergingLegend(useTheme());
  return (
    <span className="flex items-center gap-1.5 text-tiny whitespace-nowrap text-muted">
      B shorter, {text.replace('+', '−')}
      <span
        aria-hidden="true"
        className="h-2.5 w-24 rounded-xs border border-line"
        style={{ background: `linear-gradient(to right, ${colours.join(', ')})` }}
      />
      {text}, longer
    </span>
  );
}

function Readout({
  answer: { cells },
  map,
  cell,
}: {
  readonly answer: Compare;
  readonly map: CompareMap;
  readonly cell: MatrixCell;
}) {
  const i = cellRow(map, cell);
  const { rows, columns } = map.model;
  const name = `${rows[cell.row]!.group} ${rows[cell.row]!.label}, ${columns[cell.column]!.label}`;
  if (i < 0) return <>{name}: neither side has it</>;
  const words = findingWords({
    finding: cells.finding[i]!,
    better: 'lower',
    q: cells.q[i]!,
    stepsA: cells.stepsA[i]!,
    stepsB: cells.stepsB[i]!,
  });
  const shift = differenceFigure('ns', cells.shift[i]!);
  return (
    <>
      <strong className="text-text">{name}</strong>: A {figureText(durationFigure(cells.a[i]!))}, B{' '}
      {figureText(durationFigure(cells.b[i]!))},{' '}
      <strong className="text-text">{figureText(shift)}</strong> · {words}
    </>
  );
}
