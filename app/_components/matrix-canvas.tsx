'use client';

import { type KeyboardEvent, type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import { figureText } from '#lib/view/format.ts';
import { heatMarks, signedMarks } from '#lib/view/heat-marks.ts';
import { matrixCellAt, matrixLayout, scrollFor } from '#lib/view/matrix-layout.ts';
import {
  isInside,
  type MatrixCell,
  type MatrixModel,
  matrixTable,
  movedCell,
  valueAt,
} from '#lib/view/matrix-model.ts';
import { sizedContext } from './canvas-size.ts';
import { paintMatrixBody, paintMatrixHead } from './matrix-paint.ts';
import { useTheme } from './root-setting.ts';
import { csvText } from './save-file.ts';
import { SaveMenu } from './save-menu.tsx';
import { useWidthPx } from './use-size.ts';

/** Taller matrices scroll under their head. */
const MAX_HEIGHT_PX = 460;

interface Props {
  readonly model: MatrixModel;
  readonly testId: string;
  /** Of the picture that is saved, and what it is of. */
  readonly title: string;
  /** What it is, for screen readers: "Wait of 8 workers by 4 culprits." */
  readonly label: string;
  /** Said below while no cell is pointed at. */
  readonly hint: string;
  readonly readout: (cell: MatrixCell) => ReactNode;
  /** Room for the readout. */
  readonly lines?: 1 | 2;
  /** Enter or a click on a cell. */
  readonly onOpen: (cell: MatrixCell) => void;
  readonly markedRow?: number;
  readonly markedColumn?: number;
}

/** A matrix on two canvases, with margins, read by pointer or by arrow keys. */
export function MatrixCanvas({
  model,
  testId,
  title,
  label,
  hint,
  readout,
  lines = 1,
  onOpen,
  markedRow = -1,
  markedColumn = -1,
}: Props) {
  const holder = useRef<HTMLDivElement>(null);
  const head = useRef<HTMLCanvasElement>(null);
  const body = useRef<HTMLCanvasElement>(null);
  const widthPx = useWidthPx(holder);
  const theme = useTheme();
  const layout = useMemo(() => matrixLayout(model, widthPx), [model, widthPx]);
  const [chosen, setPointed] = useState<MatrixCell | null>(null);
  const pointed = chosen !== null && isInside(model, chosen) ? chosen : null;

  useEffect(() => {
    if (head.current === null || body.current === null || widthPx === 0) return;
    const scene = { model, layout, widthPx, theme, pointed, markedRow, markedColumn };
    const headContext = sizedContext(head.current, widthPx, layout.headHeightPx);
    const bodyContext = sizedContext(body.current, widthPx, layout.bodyHeightPx);
    if (headContext !== null) paintMatrixHead(headContext, scene);
    if (bodyContext !== null) paintMatrixBody(bodyContext, scene);
  }, [model, layout, widthPx, theme, pointed, markedRow, markedColumn]);

  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Enter' && pointed !== null) {
      onOpen(pointed);
      return;
    }
    if (event.key === 'Escape') {
      setPointed(null);
      holder.current?.blur();
      return;
    }
    const next = movedCell(model, pointed, event.key);
    if (next === null) return;
    event.preventDefault();
    setPointed(next);
    const box = event.currentTarget;
    box.scrollTop = scrollFor(layout, next.row, box.scrollTop, box.clientHeight);
  };

  return (
    <>
      <div
        ref={holder}
        role="slider"
        tabIndex={0}
        aria-roledescription="matrix"
        aria-valuemin={0}
        aria-valuemax={Math.max(0, model.values.length - 1)}
        aria-valuenow={pointed === null ? 0 : pointed.row * model.columns.length + pointed.column}
        aria-valuetext={pointed === null ? 'no cell' : cellText(model, pointed)}
        aria-label={`${label} Arrow keys move the cell, Enter opens it.`}
        className="mx-2 overflow-x-hidden overflow-y-auto"
        style={{ height: layout.headHeightPx + layout.bodyHeightPx, maxHeight: MAX_HEIGHT_PX }}
        onKeyDown={onKeyDown}
      >
        <canvas
          ref={head}
          className="sticky top-0 z-10 block w-full bg-panel"
          style={{ height: layout.headHeightPx }}
        />
        <canvas
          ref={body}
          data-testid={testId}
          data-cells={model.values.filter((value) => value !== null).length}
          data-outliers={model.outliers.size}
          className="block w-full"
          style={{ height: layout.bodyHeightPx }}
          onPointerMove={(event) => {
            const box = event.currentTarget.getBoundingClientRect();
            const hit = matrixCellAt(
              layout,
              model,
              event.clientX - box.left,
              event.clientY - box.top,
            );
            setPointed((old) => (old?.row === hit?.row && old?.column === hit?.column ? old : hit));
          }}
          onPointerLeave={() => setPointed(null)}
          onClick={() => {
            if (pointed !== null) onOpen(pointed);
          }}
        />
      </div>
      <div className="mx-3 mt-1 flex items-start gap-2">
        <p
          className={`min-w-0 flex-1 text-small text-muted ${lines === 2 ? 'h-10 overflow-hidden' : 'h-5 truncate'}`}
          aria-live="polite"
        >
          {pointed === null ? hint : readout(pointed)}
        </p>
        <SaveMenu
          title={title}
          picture={() => ({
            name: testId,
            title,
            legend:
              model.colourOf === undefined
                ? heatMarks(model.scaleMax, model.figureOf, theme)
                : signedMarks(model, model.colourOf, theme),
            widthPx,
            heightPx: layout.headHeightPx + layout.bodyHeightPx,
            body: {
              paint: (pen) => {
                const scene = { model, layout, widthPx, theme, pointed: null };
                paintMatrixHead(pen, { ...scene, markedRow, markedColumn });
                pen.translate(0, layout.headHeightPx);
                paintMatrixBody(pen, { ...scene, markedRow, markedColumn });
              },
            },
          })}
          csv={{ name: testId, text: () => csvText(matrixTable(model, title)) }}
        />
      </div>
    </>
  );
}

function cellText(model: MatrixModel, cell: MatrixCell): string {
  const value = valueAt(model, cell);
  const figure = value === null ? 'no data' : figureText(model.figureOf(value));
  return `${model.rows[cell.row]!.label}, ${model.columns[cell.column]!.label}: ${figure}`;
}
