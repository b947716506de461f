'use client';

import { useRouter } from 'next/navigation';
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from 'react';
import { durationFigure, figureText } from '#lib/view/format.ts';
import { cellAt, type HeatCell, heatLayout } from '#lib/view/heat-layout.ts';
import { heatMarks } from '#lib/view/heat-marks.ts';
import type { HeatModel } from '#lib/view/heat-model.ts';
import { linkToTimeline } from '#lib/view/timeline-link.ts';
import { sizedContext } from './canvas-size.ts';
import { useDashboard } from './dashboard.tsx';
import { paintHeat } from './heat-paint.ts';
import { useTheme } from './root-setting.ts';
import { type CsvCell, csvText } from './save-file.ts';
import { SaveMenu } from './save-menu.tsx';
import { useWidthPx } from './use-size.ts';

export function HeatCanvas({
  model,
  metric,
}: {
  readonly model: HeatModel;
  readonly metric: string;
}) {
  const { state, hrefOf } = useDashboard();
  const router = useRouter();
  const holder = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const widthPx = useWidthPx(holder);
  const theme = useTheme();
  const layout = useMemo(() => heatLayout(model, widthPx), [model, widthPx]);
  const [pointed, setPointed] = useState<HeatCell | null>(null);
  const cell = pointed !== null && isInside(model, pointed) ? pointed : null;
  const marked = state.layer === null ? -1 : model.layers.indexOf(state.layer);

  useEffect(() => {
    if (canvas.current === null || widthPx === 0) return;
    const context = sizedContext(canvas.current, widthPx, layout.heightPx);
    if (context === null) return;
    paintHeat(context, { model, layout, widthPx, theme, pointed: cell, marked });
  }, [model, layout, widthPx, theme, cell, marked]);

  const openTimeline = ({ worker, layer }: HeatCell) => {
    const place = { worker: model.workers[worker]!.workerId, layer: model.layers[layer]! };
    router.push(linkToTimeline(state, null, place));
  };
  const open = (layer: number) => router.push(hrefOf('/layers', { layer }));

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = cell ?? { worker: 0, layer: 0 };
    const moves: Record<string, HeatCell> = {
      ArrowLeft: { ...at, layer: at.layer - 1 },
      ArrowRight: { ...at, layer: at.layer + 1 },
      ArrowUp: { ...at, worker: at.worker - 1 },
      ArrowDown: { ...at, worker: at.worker + 1 },
    };
    const next = moves[event.key];
    if (next !== undefined) {
      event.preventDefault();
      setPointed(cell === null ? at : isInside(model, next) ? next : at);
    } else if (event.key === 'Enter' && cell !== null) {
      if (event.shiftKey) openTimeline(cell);
      else open(model.layers[cell.layer]!);
    } else if (event.key === 'Escape') {
      setPointed(null);
      holder.current?.blur();
    }
  };

  return (
    <>
      <div
        ref={holder}
        role="slider"
        tabIndex={0}
        aria-roledescription="heat map"
        aria-valuemin={0}
        aria-valuemax={model.values.length - 1}
        aria-valuenow={cell === null ? 0 : cell.worker * model.layers.length + cell.layer}
        aria-valuetext={cell === null ? 'no cell' : cellText(model, cell)}
        aria-label={`${metric} of ${model.workers.length} workers by ${model.layers.length} layers. Arrow keys move the cell, Enter opens its layer, with Shift its timeline.`}
        className="mx-2"
        style={{ height: layout.heightPx }}
        onKeyDown={onKeyDown}
      >
        <canvas
          ref={canvas}
          data-testid="heat-canvas"
          data-cells={model.values.filter((value) => value !== null).length}
          className="h-full w-full"
          onPointerMove={(event) => {
            const box = event.currentTarget.getBoundingClientRect();
            const hit = cellAt(layout, model, event.clientX - box.left, event.clientY - box.top);
            setPointed((old) =>
              old?.worker === hit?.worker && old?.layer === hit?.layer ? old : hit,
            );
          }}
          onPointerLeave={() => setPointed(null)}
          onClick={(event) => {
            if (cell === null) return;
            if (event.shiftKey) openTimeline(cell);
            else open(model.layers[cell.layer]!);
          }}
        />
      </div>
      <div className="mx-3 flex items-start gap-2">
        <p className="h-5 min-w-0 flex-1 truncate text-small text-muted" aria-live="polite">
          {cell === null ? (
            'Rest on a cell for its figures; click opens the layer, with Shift its timeline.'
          ) : (
            <Readout model={model} cell={cell} metric={metric} />
          )}
        </p>
        <SaveMenu
          title={`${metric} of each worker`}
          picture={() => ({
            name: `heat-${metric}`,
            title: `${metric[0]!.toUpperCase()}${metric.slice(1)} of each worker by layer, mean of ${model.steps} steps`,
            legend: heatMarks(model.scaleMaxNs, durationFigure, theme),
            widthPx,
            heightPx: layout.heightPx,
            body: {
              paint: (pen) =>
                paintHeat(pen, { model, layout, widthPx, theme, pointed: null, marked }),
            },
          })}
          csv={{ name: `heat-${metric}`, text: () => csvText(tableOf(model)) }}
        />
      </div>
    </>
  );
}

function tableOf(model: HeatModel): CsvCell[][] {
  const columns = model.layers.length;
  return [
    ['worker', ...model.layers.map((layer) => `layer ${layer}, ns per step`)],
    ...model.workers.map(({ workerId }, w) => [
      workerId,
      ...Array.from(model.values.slice(w * columns, (w + 1) * columns), (value) => value ?? null),
    ]),
  ];
}

function cellText(model: HeatModel, cell: HeatCell): string {
  const value = model.values[cell.worker * model.layers.length + cell.layer] ?? null;
  const figure = value === null ? 'no data' : figureText(durationFigure(value));
  return `${model.workers[cell.worker]!.workerId}, layer ${model.layers[cell.layer]}: ${figure}`;
}

function isInside(model: HeatModel, cell: HeatCell): boolean {
  return (
    cell.worker >= 0 &&
    cell.layer >= 0 &&
    cell.worker < model.workers.length &&
    cell.layer < model.layers.length
  );
}

function Readout({
  model,
  cell,
  metric,
}: {
  readonly model: HeatModel;
  readonly cell: HeatCell;
  readonly metric: string;
}) {
  const index = cell.worker * model.layers.length + cell.layer;
  const value = model.values[index] ?? null;
  const mean = model.columnMeans[cell.layer] ?? null;
  return (
    <>
      <strong className="text-text">{model.workers[cell.worker]!.workerId}</strong>, layer{' '}
      {model.layers[cell.layer]}: {metric}{' '}
      <strong className="text-text">
        {value === null ? 'no data' : figureText(durationFigure(value))}
      </strong>{' '}
      per step{mean !== null && <>; mean of all workers {figureText(durationFigure(mean))}</>}
      {model.outliers.has(index) && (
        <span className="text-critical"> · stands out in its group</span>
      )}
    </>
  );
}
