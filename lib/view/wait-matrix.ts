/** Who waited because of whom, as a matrix: rows waited, columns are the culprits. */
import type { CauseName, WaitMatrix, Waits } from '#lib/api/waits.ts';
import { type CauseLook, causeLook } from './cause-look.ts';
import { durationFigure } from './format.ts';
import {
  foldColumns,
  foldRows,
  type MatrixCell,
  type MatrixEntry,
  type MatrixModel,
  scaleMaxOf,
  sumOf,
} from './matrix-model.ts';
import { outlierLimit } from './outliers.ts';

/** What the matrix shows, as a statement. */
export function matrixTitle(kind: WaitMatrix['kind']): string {
  switch (kind) {
    case 'attention-ffn':
      return 'Attention waited because of FFN';
    case 'ffn-attention':
      return 'FFN waited because of attention';
    case 'attention-attention':
      return 'Attention waited for others’ results: fan-in';
    case 'ffn-ffn':
      return 'FFN waited for others’ work: fan-in';
  }
}

/** Times per step; `cause` null: all causes together. */
export function waitMatrixModel(
  waits: Waits,
  matrix: WaitMatrix,
  cause: CauseName | null,
): MatrixModel {
  const steps = Math.max(1, waits.steps);
  const ns = cause === null ? matrix.totalNs : nsOf(matrix, cause);
  const columns = matrix.culprits.length;
  const rows = matrix.waiters.length;
  const values = Array.from({ length: rows * columns }, (_, i) => (ns[i] ?? 0) / steps);
  return {
    rows: matrix.waiters.map((index) => entryOf(waits, index)),
    columns: matrix.culprits.map((index) => entryOf(waits, index)),
    values,
    rowTotals: foldRows(values, rows, columns, sumOf),
    columnTotals: foldColumns(values, rows, columns, sumOf),
    scaleMax: scaleMaxOf(values),
    outliers: culpritsOf(values, rows, columns, FELT_RATIO * (waits.stepNs ?? 0)),
    isOneScale: false,
    rowMargin: 'total',
    columnMargin: 'total',
    figureOf: durationFigure,
  };
}

function nsOf(matrix: WaitMatrix, cause: CauseName): readonly number[] {
  return matrix.causes.find((entry) => entry.cause === cause)?.ns ?? [];
}

function entryOf(waits: Waits, index: number): MatrixEntry {
  const worker = waits.workers[index];
  const id = worker?.id ?? `worker ${index}`;
  return {
    id,
    label: id,
    short: String(worker?.rank ?? index),
    group: worker?.group ?? '',
    role: worker?.role ?? null,
  };
}

/** Below this part of a step nobody is accused: in a healthy cluster somebody is always the last. */
const FELT_RATIO = 0.01;

/**
 * A culprit stands out in a row when the row waited for it far longer than for the others, and no
 * less than `feltNs` a step.
 */
function culpritsOf(
  values: readonly number[],
  rows: number,
  columns: number,
  feltNs: number,
): Set<number> {
  const outliers = new Set<number>();
  if (columns < 3) return outliers;
  for (let r = 0; r < rows; r++) {
    const row = values.slice(r * columns, (r + 1) * columns);
    const limit = outlierLimit(row, 0.05 * sumOf(row));
    for (const [c, value] of row.entries())
      if (value > limit && value >= feltNs) outliers.add(r * columns + c);
  }
  return outliers;
}

/** Why the row waited for the column, largest first; ns per step. */
export function cellCauses(
  waits: Waits,
  matrix: WaitMatrix,
  cell: MatrixCell,
): readonly { readonly look: CauseLook; readonly ns: number; readonly ratio: number }[] {
  const at = cell.row * matrix.culprits.length + cell.column;
  const totalNs = matrix.totalNs[at] ?? 0;
  return matrix.causes
    .map(({ cause, ns }) => ({
      look: causeLook(cause),
      ns: (ns[at] ?? 0) / Math.max(1, waits.steps),
      ratio: totalNs > 0 ? (ns[at] ?? 0) / totalNs : 0,
    }))
    .filter(({ ns }) => ns > 0)
    .sort((a, b) => b.ns - a.ns);
}

/** Causes that any of the matrices holds, in the order of the first that names them. */
export function presentCauses(waits: Waits): readonly CauseName[] {
  return [...new Set(waits.matrices.flatMap(({ causes }) => causes.map(({ cause }) => cause)))];
}
