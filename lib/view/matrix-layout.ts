/**
 * Geometry of a matrix in CSS pixels. The head (names of columns, their margin) stays in view while
 * the body scrolls, so that hundreds of rows keep their labels.
 *
 *     head   |        | A0 A1 A2 … |        |
 *            | total  | ▂  ▅  ▁    |        |
 *     body   | name   | ■  ■  ■    | ▬ 1 ms |
 */
import { isInside, type MatrixCell, type MatrixModel } from './matrix-model.ts';

export interface MatrixLayout {
  readonly cellsLeftPx: number;
  readonly cellWidthPx: number;
  readonly rowHeightPx: number;
  readonly rowTopPx: readonly number[];
  readonly totalsLeftPx: number;
  readonly totalsWidthPx: number;
  readonly headHeightPx: number;
  readonly bodyHeightPx: number;
  /** Indexes of the rows whose name is written. */
  readonly namedRows: readonly number[];
  /** Columns have their label in full; else the short one. */
  readonly isWide: boolean;
  /** Cells have their figure written in them. */
  readonly hasFigures: boolean;
}

const NAME_PX = 92;
const TOTAL_PX = 96;
const GROUP_GAP_PX = 8;
export const HEAD_LABEL_PX = 16;
const HEAD_TOTAL_PX = 30;
/** A name needs so much height; rows that are lower share one name. */
const NAME_HEIGHT_PX = 12;
const WIDE_LABEL_PX = 64;
const FIGURE_PX = 58;

export function matrixLayout(model: MatrixModel, widthPx: number): MatrixLayout {
  const rows = model.rows.length;
  const rowHeightPx = rows <= 16 ? 18 : rows <= 40 ? 12 : rows <= 100 ? 7 : 5;
  const rowTopPx: number[] = [];
  const namedRows: number[] = [];
  let top = 0;
  let freePx = 0;
  for (const [r, row] of model.rows.entries()) {
    const isNewGroup = r > 0 && model.rows[r - 1]!.group !== row.group;
    if (isNewGroup) {
      top += GROUP_GAP_PX;
      freePx = Math.min(freePx, top);
    }
    rowTopPx.push(top);
    if (top >= freePx) {
      namedRows.push(r);
      freePx = top + NAME_HEIGHT_PX;
    }
    top += rowHeightPx;
  }
  const cellsWidthPx = Math.max(0, widthPx - NAME_PX - TOTAL_PX);
  const cellWidthPx = model.columns.length === 0 ? 0 : cellsWidthPx / model.columns.length;
  return {
    cellsLeftPx: NAME_PX,
    cellWidthPx,
    rowHeightPx,
    rowTopPx,
    totalsLeftPx: NAME_PX + cellsWidthPx + 8,
    totalsWidthPx: TOTAL_PX - 8,
    headHeightPx: HEAD_LABEL_PX + HEAD_TOTAL_PX,
    // The last name may hang over its row.
    bodyHeightPx: top + Math.max(0, NAME_HEIGHT_PX - rowHeightPx),
    namedRows,
    isWide: cellWidthPx >= WIDE_LABEL_PX,
    hasFigures: cellWidthPx >= FIGURE_PX && rowHeightPx >= 12,
  };
}

/** The cell under a point of the body; null outside. */
export function matrixCellAt(
  layout: MatrixLayout,
  model: MatrixModel,
  xPx: number,
  yPx: number,
): MatrixCell | null {
  if (!(layout.cellWidthPx > 0)) return null;
  const column = Math.floor((xPx - layout.cellsLeftPx) / layout.cellWidthPx);
  const row = layout.rowTopPx.findIndex((top) => yPx >= top && yPx < top + layout.rowHeightPx);
  const cell = { row, column };
  return isInside(model, cell) ? cell : null;
}

/** How far to scroll so that the row is seen below the head. */
export function scrollFor(
  layout: MatrixLayout,
  row: number,
  scrollTopPx: number,
  viewHeightPx: number,
): number {
  const top = layout.rowTopPx[row] ?? 0;
  const roomPx = viewHeightPx - layout.headHeightPx;
  if (top < scrollTopPx) return top;
  const bottom = top + layout.rowHeightPx;
  return bottom > scrollTopPx + roomPx ? bottom - roomPx : scrollTopPx;
}
