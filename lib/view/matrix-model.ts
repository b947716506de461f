/**
 * A matrix as the pages show it, whatever it holds: who waited because of whom, scores by worker and
 * time, tokens by rank and layer.
 *
 *                columns     margin
 *        columnTotals
 *     rows   values[r·C + c]  rowTotals
 */
import type { Figure } from './format.ts';
import type { ThemeName } from './palette.ts';

export interface MatrixEntry {
  readonly id: string;
  readonly label: string;
  /** Where there is no room for the label. */
  readonly short: string;
  /** Rows of different groups stand apart. */
  readonly group: string;
  /** Gives rows their colour mark; null: none. */
  readonly role: string | null;
}

export interface MatrixModel {
  readonly rows: readonly MatrixEntry[];
  readonly columns: readonly MatrixEntry[];
  /** Row-major; null: no data. */
  readonly values: readonly (number | null)[];
  readonly rowTotals: readonly (number | null)[];
  readonly columnTotals: readonly (number | null)[];
  /** Top of the colour scale. */
  readonly scaleMax: number;
  /** Cell indexes that stand out. */
  readonly outliers: ReadonlySet<number>;
  /** Margins are drawn on the scale of the cells, not on one of their own. */
  readonly isOneScale: boolean;
  /** Names of the margins: 'total', 'mean', 'max'. */
  readonly rowMargin: string;
  readonly columnMargin: string;
  readonly figureOf: (value: number | null) => Figure;
  /** Where the scale does not begin at zero; absent: the ramp of heat maps. */
  readonly colourOf?: (value: number, scaleMax: number, theme: ThemeName) => string;
}

export interface MatrixCell {
  readonly row: number;
  readonly column: number;
}

export function valueAt(model: MatrixModel, cell: MatrixCell): number | null {
  return model.values[cell.row * model.columns.length + cell.column] ?? null;
}

export function isInside(model: MatrixModel, cell: MatrixCell): boolean {
  const { rows, columns } = model;
  return (
    cell.row >= 0 && cell.column >= 0 && cell.row < rows.length && cell.column < columns.length
  );
}

/** Where a key leads from a cell; null: the key moves nothing. From none it is the first cell. */
export function movedCell(
  model: MatrixModel,
  from: MatrixCell | null,
  key: string,
): MatrixCell | null {
  const at = from ?? { row: 0, column: 0 };
  const steps: Readonly<Record<string, MatrixCell>> = {
    ArrowLeft: { row: at.row, column: at.column - 1 },
    ArrowRight: { row: at.row, column: at.column + 1 },
    ArrowUp: { row: at.row - 1, column: at.column },
    ArrowDown: { row: at.row + 1, column: at.column },
    Home: { row: at.row, column: 0 },
    End: { row: at.row, column: model.columns.length - 1 },
    PageUp: { row: Math.max(0, at.row - 16), column: at.column },
    PageDown: { row: Math.min(model.rows.length - 1, at.row + 16), column: at.column },
  };
  const next = Object.hasOwn(steps, key) ? steps[key] : undefined;
  if (next === undefined) return null;
  if (from === null) return at;
  return isInside(model, next) ? next : at;
}

/** Even values stand at half of the scale: they must look calm, and leave room for those that stick out. */
const CALM_FACTOR = 2;

/**
 * Top of a colour scale: the 97th percentile, so that a few cells at the pipeline’s ends do not
 * darken the rest (of few cells the largest), and at least twice the median.
 */
export function scaleMaxOf(values: readonly (number | null)[]): number {
  const known = values.filter((value) => value !== null).sort((a, b) => a - b);
  const high = known[Math.min(known.length - 1, Math.floor(known.length * 0.97))] ?? 0;
  const middle = known[known.length >> 1] ?? 0;
  return Math.max(high, CALM_FACTOR * middle);
}

/** Full length of the bars of a margin. */
export function marginMax(model: MatrixModel, totals: readonly (number | null)[]): number {
  return model.isOneScale
    ? Math.max(1e-9, model.scaleMax)
    : totals.reduce<number>((max, total) => Math.max(max, total ?? 0), 1e-9);
}

type Fold = (values: readonly number[]) => number;
export const sumOf: Fold = (values) => values.reduce((a, b) => a + b, 0);
export const meanOf: Fold = (values) => sumOf(values) / values.length;
export const maxOf: Fold = (values) => values.reduce((a, b) => Math.max(a, b), -Infinity);

/** One figure a row; null where the row holds nothing. */
export function foldRows(
  values: readonly (number | null)[],
  rows: number,
  columns: number,
  fold: Fold,
): (number | null)[] {
  return Array.from({ length: rows }, (_, r) =>
    foldKnown(values.slice(r * columns, (r + 1) * columns), fold),
  );
}

export function foldColumns(
  values: readonly (number | null)[],
  rows: number,
  columns: number,
  fold: Fold,
): (number | null)[] {
  return Array.from({ length: columns }, (_, c) =>
    foldKnown(
      Array.from({ length: rows }, (_r, r) => values[r * columns + c] ?? null),
      fold,
    ),
  );
}

function foldKnown(values: readonly (number | null)[], fold: Fold): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : fold(known);
}

/** The matrix with its margins as rows of a table, unrounded; `corner` names what it holds. */
export function matrixTable(model: MatrixModel, corner: string): (string | number | null)[][] {
  const columns = model.columns.length;
  return [
    [corner, ...model.columns.map(({ label }) => label), model.rowMargin],
    ...model.rows.map(({ label }, r) => [
      label,
      ...model.values.slice(r * columns, (r + 1) * columns),
      model.rowTotals[r] ?? null,
    ]),
    [model.columnMargin, ...model.columnTotals, null],
  ];
}
