/** Draws a matrix (lib/view/matrix-model.ts): its head, which stays, and its body, which scrolls. */
import { figureText } from '#lib/view/format.ts';
import { heatColour } from '#lib/view/heat-model.ts';
import { HEAD_LABEL_PX, type MatrixLayout } from '#lib/view/matrix-layout.ts';
import { type MatrixCell, type MatrixModel, marginMax, maxOf } from '#lib/view/matrix-model.ts';
import { contrastRatio, roleColour, SURFACES, type ThemeName } from '#lib/view/palette.ts';
import type { Pen } from '#lib/view/pen.ts';

export interface MatrixScene {
  readonly model: MatrixModel;
  readonly layout: MatrixLayout;
  readonly widthPx: number;
  readonly theme: ThemeName;
  readonly pointed: MatrixCell | null;
  /** Indexes of the highlighted row and column, or -1. */
  readonly markedRow: number;
  readonly markedColumn: number;
}

const FONT = '11px system-ui, sans-serif';

/** Names of the columns and their margin. */
export function paintMatrixHead(context: Pen, scene: MatrixScene): void {
  const { model, layout, widthPx, theme } = scene;
  const surface = SURFACES[theme];
  context.clearRect(0, 0, widthPx, layout.headHeightPx);
  context.font = FONT;
  context.textBaseline = 'middle';
  paintColumnNames(context, scene);
  const max = marginMax(model, model.columnTotals);
  const largest = maxOf([0, ...model.columnTotals.map((total) => total ?? 0)]);
  const bottom = layout.headHeightPx - 4;
  const roomPx = bottom - HEAD_LABEL_PX - 2;
  context.textAlign = 'left';
  context.fillStyle = surface.muted;
  context.fillText(model.columnMargin, 11, bottom - roomPx / 2);
  for (const [c, total] of model.columnTotals.entries()) {
    if (total === null) continue;
    const left = layout.cellsLeftPx + c * layout.cellWidthPx;
    const width = Math.max(0.5, layout.cellWidthPx - 1);
    const figure = layout.cellWidthPx >= 58;
    const share = Math.min(1, Math.max(0, total) / max);
    const heightPx = share * (figure ? roomPx - 12 : roomPx);
    context.fillStyle = c === scene.pointed?.column ? surface.text : surface.muted;
    context.fillRect(left, bottom - heightPx, width, heightPx);
    if (figure) {
      context.fillStyle = surface.text;
      context.fillText(
        figureText(model.figureOf(total)),
        left + 2,
        bottom - heightPx - 7,
        width - 2,
      );
    }
  }
  context.fillStyle = surface.line;
  context.fillRect(layout.cellsLeftPx, bottom, layout.cellWidthPx * model.columns.length, 1);
  if (layout.cellWidthPx < 58 && model.columnMargin !== '') {
    context.fillStyle = surface.muted;
    const text = `max ${figureText(model.figureOf(largest))}`;
    context.fillText(text, layout.totalsLeftPx, bottom - 8, layout.totalsWidthPx);
  }
}

function paintColumnNames(context: Pen, scene: MatrixScene): void {
  const { model, layout, theme } = scene;
  const surface = SURFACES[theme];
  context.textAlign = 'left';
  let freePx = layout.cellsLeftPx;
  // The column that is pointed at keeps its name, whatever else had to give way.
  const own = scene.pointed?.column ?? scene.markedColumn;
  const ownLeftPx = own >= 0 ? layout.cellsLeftPx + own * layout.cellWidthPx : -1;
  const ownPx = own >= 0 ? context.measureText(nameOf(model, layout, own)).width + 6 : 0;
  for (const c of model.columns.keys()) {
    const left = layout.cellsLeftPx + c * layout.cellWidthPx;
    const text = nameOf(model, layout, c);
    const textPx = context.measureText(text).width;
    const isOwn = c === own;
    const isInWay = !isOwn && own >= 0 && left + textPx + 6 > ownLeftPx && left < ownLeftPx + ownPx;
    if (!isOwn && (left < freePx || isInWay)) continue;
    if (left + textPx > layout.totalsLeftPx && !isOwn) break;
    context.fillStyle = isOwn ? surface.text : surface.muted;
    context.fillText(text, Math.min(left, layout.totalsLeftPx - textPx), 7);
    freePx = left + textPx + 6;
  }
  context.fillStyle = surface.muted;
  context.fillText(model.rowMargin, layout.totalsLeftPx, 7, layout.totalsWidthPx);
}

function nameOf(model: MatrixModel, layout: MatrixLayout, column: number): string {
  const entry = model.columns[column]!;
  return layout.isWide ? entry.label : entry.short;
}

/** Rows: mark, name, cells, margin. */
export function paintMatrixBody(context: Pen, scene: MatrixScene): void {
  const { model, layout, widthPx, theme } = scene;
  context.clearRect(0, 0, widthPx, layout.bodyHeightPx);
  context.font = FONT;
  context.textBaseline = 'middle';
  const named = new Set(layout.namedRows);
  const totalMax = marginMax(model, model.rowTotals);
  for (const r of model.rows.keys()) {
    paintRowName(context, scene, r, named.has(r));
    paintCells(context, scene, r);
    paintRowTotal(context, scene, r, totalMax, named.has(r));
  }
  paintMarks(context, scene);
  if (scene.pointed !== null) {
    const { row, column } = scene.pointed;
    outlineCell(context, layout, row, column, SURFACES[theme].text);
  }
}

/** Low rows have no gap: it would take a fifth of them and make a grid of what is one colour. */
function cellHeightPx({ rowHeightPx }: MatrixLayout): number {
  return rowHeightPx > 8 ? rowHeightPx - 1 : rowHeightPx;
}

function paintRowName(context: Pen, scene: MatrixScene, row: number, isNamed: boolean): void {
  const { model, layout, theme } = scene;
  const surface = SURFACES[theme];
  const entry = model.rows[row]!;
  const top = layout.rowTopPx[row]!;
  const height = cellHeightPx(layout);
  if (entry.role !== null) {
    context.fillStyle = roleColour(entry.role);
    context.fillRect(4, top, 2, Math.max(1, height));
  }
  if (!isNamed) return;
  context.fillStyle = row === scene.pointed?.row ? surface.text : surface.muted;
  if (layout.rowHeightPx >= 12) context.fillStyle = surface.text;
  context.textAlign = 'left';
  const middle = top + Math.max(6, height / 2);
  context.fillText(entry.label, 11, middle, layout.cellsLeftPx - 16);
}

function paintCells(context: Pen, scene: MatrixScene, row: number): void {
  const { model, layout, theme } = scene;
  const surface = SURFACES[theme];
  const top = layout.rowTopPx[row]!;
  const height = cellHeightPx(layout);
  const gapPx = layout.cellWidthPx > 4 ? 1 : 0;
  const width = Math.max(0.5, layout.cellWidthPx - gapPx);
  for (let c = 0; c < model.columns.length; c++) {
    const index = row * model.columns.length + c;
    const value = model.values[index] ?? null;
    const left = layout.cellsLeftPx + c * layout.cellWidthPx;
    if (value === null) {
      context.fillStyle = surface.muted;
      context.fillRect(left + width / 2 - 0.5, top + height / 2 - 0.5, 1, 1);
      continue;
    }
    const colour = (model.colourOf ?? heatColour)(value, model.scaleMax, theme);
    context.fillStyle = colour;
    context.fillRect(left, top, width, height);
    if (layout.hasFigures && value !== 0) {
      const isDark = contrastRatio(colour, '#ffffff') > contrastRatio(colour, '#0b0e14');
      context.fillStyle = isDark ? '#ffffff' : '#0b0e14';
      context.textAlign = 'center';
      const text = figureText(model.figureOf(value));
      context.fillText(text, left + width / 2, top + height / 2 + 0.5, width - 4);
    }
    if (model.outliers.has(index)) {
      // Where colour says which way, the outline says only that it is sure.
      context.strokeStyle = model.colourOf === undefined ? surface.critical : surface.text;
      context.lineWidth = width < 3 || height < 3 ? 1 : 1.5;
      context.strokeRect(
        left + 0.75,
        top + 0.75,
        Math.max(0.5, width - 1.5),
        Math.max(0.5, height - 1.5),
      );
    }
  }
}

function paintRowTotal(
  context: Pen,
  scene: MatrixScene,
  row: number,
  totalMax: number,
  isNamed: boolean,
): void {
  const { model, layout, theme } = scene;
  const surface = SURFACES[theme];
  const total = model.rowTotals[row] ?? null;
  if (total === null) return;
  const top = layout.rowTopPx[row]!;
  const height = cellHeightPx(layout);
  const inset = layout.rowHeightPx >= 11 ? 3 : 1;
  const barPx = layout.totalsWidthPx * 0.4;
  const barHeightPx = Math.max(1, height - 2 * inset);
  context.fillStyle = surface.line;
  context.fillRect(layout.totalsLeftPx, top + inset, barPx, barHeightPx);
  context.fillStyle = row === scene.pointed?.row ? surface.text : surface.muted;
  const filledPx = Math.min(1, Math.max(0, total) / totalMax) * barPx;
  context.fillRect(layout.totalsLeftPx, top + inset, filledPx, barHeightPx);
  if (!isNamed || layout.rowHeightPx < 11) return;
  context.fillStyle = surface.text;
  context.textAlign = 'left';
  const text = figureText(model.figureOf(total));
  const textPx = layout.totalsWidthPx - barPx - 6;
  context.fillText(text, layout.totalsLeftPx + barPx + 6, top + height / 2, textPx);
}

/** Row and column of what the page highlights. */
function paintMarks(context: Pen, scene: MatrixScene): void {
  const { model, layout, theme, markedRow, markedColumn } = scene;
  context.strokeStyle = SURFACES[theme].accent;
  context.lineWidth = 1.5;
  const cellsPx = layout.cellWidthPx * model.columns.length;
  if (markedRow >= 0) {
    const top = layout.rowTopPx[markedRow]!;
    context.strokeRect(layout.cellsLeftPx - 0.5, top - 0.5, cellsPx, layout.rowHeightPx);
  }
  if (markedColumn >= 0) {
    const left = layout.cellsLeftPx + markedColumn * layout.cellWidthPx;
    const bottom = (layout.rowTopPx.at(-1) ?? 0) + layout.rowHeightPx;
    context.strokeRect(left - 0.5, 0.75, layout.cellWidthPx, bottom - 1.5);
  }
}

function outlineCell(
  context: Pen,
  layout: MatrixLayout,
  row: number,
  column: number,
  colour: string,
): void {
  context.strokeStyle = colour;
  context.lineWidth = 1.5;
  context.strokeRect(
    layout.cellsLeftPx + column * layout.cellWidthPx - 0.5,
    layout.rowTopPx[row]! - 0.5,
    layout.cellWidthPx,
    layout.rowHeightPx,
  );
}
