/** Draws the worker × layer heat map on a canvas. */
import { durationFigure, figureText } from '#lib/view/format.ts';
import type { HeatCell, HeatLayout } from '#lib/view/heat-layout.ts';
import { type HeatModel, heatColour } from '#lib/view/heat-model.ts';
import { roleColour, SURFACES, type ThemeName } from '#lib/view/palette.ts';
import type { Pen } from '#lib/view/pen.ts';

export interface HeatScene {
  readonly model: HeatModel;
  readonly layout: HeatLayout;
  readonly widthPx: number;
  readonly theme: ThemeName;
  readonly pointed: HeatCell | null;
  /** Index of the highlighted layer, or -1. */
  readonly marked: number;
}

export function paintHeat(context: Pen, scene: HeatScene): void {
  const { model, layout, widthPx, theme } = scene;
  const surface = SURFACES[theme];
  context.clearRect(0, 0, widthPx, layout.heightPx);
  context.font = '11px system-ui, sans-serif';
  context.textBaseline = 'middle';
  paintLayerNames(context, scene);
  const totalMax = Math.max(1, ...model.rowTotals.map((total) => total ?? 0));
  const columns = model.layers.length;
  for (const [w, worker] of model.workers.entries()) {
    const top = layout.rowTopPx[w]!;
    const height = layout.rowHeightPx - 1;
    context.fillStyle = roleColour(worker.role);
    context.fillRect(4, top + height / 2 - 3, 2, 6);
    if (layout.rowHeightPx >= 11) {
      context.fillStyle = surface.text;
      context.textAlign = 'left';
      context.fillText(worker.workerId, 11, top + height / 2, layout.cellsLeftPx - 16);
    } else if (model.workers[w - 1]?.group !== worker.group) {
      // Rows too low for names: the group's stands at its first.
      context.fillStyle = surface.muted;
      context.textAlign = 'left';
      context.fillText(worker.group, 11, top + 6, layout.cellsLeftPx - 16);
    }
    for (let l = 0; l < columns; l++) {
      const value = model.values[w * columns + l];
      const left = layout.cellsLeftPx + l * layout.cellWidthPx;
      const width = Math.max(0.5, layout.cellWidthPx - (layout.cellWidthPx > 4 ? 1 : 0));
      if (value === null || value === undefined) {
        context.fillStyle = surface.muted;
        context.fillRect(left + width / 2 - 0.5, top + height / 2 - 0.5, 1, 1);
        continue;
      }
      context.fillStyle = heatColour(value, model.scaleMaxNs, theme);
      context.fillRect(left, top, width, height);
      if (model.outliers.has(w * columns + l)) {
        context.strokeStyle = surface.critical;
        context.lineWidth = 1.5;
        context.strokeRect(left + 0.75, top + 0.75, width - 1.5, height - 1.5);
      }
    }
    paintTotal(context, scene, w, top, height, totalMax);
  }
  paintMeans(context, scene);
  paintMarks(context, scene);
}

function paintLayerNames(context: Pen, scene: HeatScene): void {
  const { model, layout, theme } = scene;
  context.fillStyle = SURFACES[theme].muted;
  let freePx = 0;
  context.textAlign = 'left';
  for (const [l, layer] of model.layers.entries()) {
    const x = layout.cellsLeftPx + l * layout.cellWidthPx;
    if (x < freePx || (layer % 5 !== 0 && layout.cellWidthPx < 24)) continue;
    const text = `L${layer}`;
    const textPx = context.measureText(text).width;
    if (x + textPx > layout.totalsLeftPx - 4) break;
    context.fillText(text, x, 7);
    freePx = x + textPx + 8;
  }
  context.fillText('per step', layout.totalsLeftPx, 7);
}

function paintTotal(
  context: Pen,
  scene: HeatScene,
  worker: number,
  top: number,
  height: number,
  totalMax: number,
): void {
  const { model, layout, theme } = scene;
  const surface = SURFACES[theme];
  const total = model.rowTotals[worker] ?? null;
  if (total === null) return;
  const barPx = layout.totalsWidthPx * 0.4;
  context.fillStyle = surface.line;
  context.fillRect(layout.totalsLeftPx, top + 2, barPx, height - 4);
  context.fillStyle = surface.muted;
  context.fillRect(layout.totalsLeftPx, top + 2, (total / totalMax) * barPx, height - 4);
  if (layout.rowHeightPx < 11) return;
  context.fillStyle = surface.text;
  context.textAlign = 'left';
  const text = figureText(durationFigure(total));
  context.fillText(text, layout.totalsLeftPx + barPx + 6, top + height / 2);
}

function paintMeans(context: Pen, scene: HeatScene): void {
  const { model, layout, theme } = scene;
  const surface = SURFACES[theme];
  const known = model.columnMeans.map((mean) => mean ?? 0);
  const max = Math.max(1, ...known);
  const bottom = layout.meansTopPx + layout.meansHeightPx;
  context.fillStyle = surface.muted;
  context.textAlign = 'left';
  context.fillText('mean', 11, bottom - layout.meansHeightPx / 2);
  for (const [l, mean] of known.entries()) {
    const height = (mean / max) * layout.meansHeightPx;
    const left = layout.cellsLeftPx + l * layout.cellWidthPx;
    context.fillStyle = surface.muted;
    context.fillRect(left, bottom - height, Math.max(0.5, layout.cellWidthPx - 1), height);
  }
  context.fillStyle = surface.line;
  context.fillRect(layout.cellsLeftPx, bottom, layout.cellWidthPx * known.length, 1);
  context.fillStyle = surface.muted;
  context.fillText(`max ${figureText(durationFigure(max))}`, layout.totalsLeftPx, bottom - 8);
}

function paintMarks(context: Pen, scene: HeatScene): void {
  const { layout, theme, pointed, marked } = scene;
  const surface = SURFACES[theme];
  if (marked >= 0) {
    const left = layout.cellsLeftPx + marked * layout.cellWidthPx;
    context.strokeStyle = surface.accent;
    context.lineWidth = 1.5;
    const height = layout.meansTopPx + layout.meansHeightPx - layout.cellsTopPx;
    context.strokeRect(left - 0.5, layout.cellsTopPx - 2, layout.cellWidthPx, height + 3);
  }
  if (pointed !== null) {
    const left = layout.cellsLeftPx + pointed.layer * layout.cellWidthPx;
    context.strokeStyle = surface.text;
    context.lineWidth = 1.5;
    context.strokeRect(
      left - 0.5,
      layout.rowTopPx[pointed.worker]! - 0.5,
      layout.cellWidthPx,
      layout.rowHeightPx,
    );
  }
}
