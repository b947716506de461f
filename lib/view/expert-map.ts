/** Experts by rank and layer as a matrix, in the figure that was chosen. */
import type { ExpertsAnswer } from '#lib/api/experts.ts';
import type { Term } from './definitions.ts';
import { countFigure, durationFigure, type Figure, NO_FIGURE } from './format.ts';
import { foldColumns, foldRows, type MatrixModel, meanOf, scaleMaxOf } from './matrix-model.ts';
import { outlierLimit } from './outliers.ts';

export const EXPERT_METRICS = ['tokens', 'imbalance', 'active', 'time'] as const;
export type ExpertMetric = (typeof EXPERT_METRICS)[number];

export function isExpertMetric(name: string): name is ExpertMetric {
  return EXPERT_METRICS.some((metric) => metric === name);
}

export const EXPERT_METRIC_NAMES: Readonly<
  Record<ExpertMetric, { readonly label: string; readonly term: Term }>
> = {
  tokens: { label: 'Tokens', term: 'expertTokens' },
  imbalance: { label: 'Max / mean', term: 'expertImbalance' },
  active: { label: 'Active experts', term: 'activeExperts' },
  time: { label: 'Time', term: 'expertTime' },
};

export function expertValues(
  answer: ExpertsAnswer,
  metric: ExpertMetric,
): readonly (number | null)[] {
  switch (metric) {
    case 'tokens':
      return answer.tokens;
    case 'active':
      return answer.active;
    case 'time':
      return answer.expertNs;
    case 'imbalance':
      return answer.maxTokens.map((max, i) => {
        const mean = answer.meanTokens[i] ?? null;
        return max === null || mean === null || mean <= 0 ? null : max / mean;
      });
  }
}

export function expertFigure(metric: ExpertMetric, value: number | null): Figure {
  switch (metric) {
    case 'tokens':
      return countFigure(value, 'tokens');
    case 'active':
      return countFigure(value, 'experts');
    case 'time':
      return durationFigure(value);
    case 'imbalance':
      return ratioOverMean(value);
  }
}

/** Counts go without their unit. */
function unitOf(metric: ExpertMetric): { readonly unit?: string } {
  return metric === 'tokens' || metric === 'active' ? { unit: '' } : {};
}

/** A quotient, written as `1.83 ×`. */
export function ratioOverMean(value: number | null | undefined): Figure {
  if (value === null || value === undefined || !Number.isFinite(value)) return NO_FIGURE;
  return { value: value.toFixed(2), unit: '×', exact: `${value} (ratio)` };
}

export function expertModel(answer: ExpertsAnswer, metric: ExpertMetric): MatrixModel {
  const values = expertValues(answer, metric);
  const rows = answer.workers.length;
  const columns = answer.layers.length;
  return {
    rows: answer.workers.map(({ workerId, group, role, rank }) => ({
      id: workerId,
      label: workerId,
      short: String(rank),
      group,
      role,
    })),
    columns: answer.layers.map((layer) => ({
      id: String(layer),
      label: `L${layer}`,
      short: `L${layer}`,
      group: '',
      role: null,
    })),
    values,
    rowTotals: foldRows(values, rows, columns, meanOf),
    columnTotals: foldColumns(values, rows, columns, meanOf),
    scaleMax: scaleMaxOf(values),
    outliers: unevenRanks(values, rows, columns),
    isOneScale: true,
    rowMargin: 'mean',
    columnMargin: 'mean',
    // The title says the unit; cells and margins have no room for it.
    figureOf: (value) => ({ ...expertFigure(metric, value), ...unitOf(metric) }),
  };
}

/** A rank stands out among the ranks of its layer. */
function unevenRanks(
  values: readonly (number | null)[],
  rows: number,
  columns: number,
): ReadonlySet<number> {
  const outliers = new Set<number>();
  for (let c = 0; c < columns; c++) {
    const cells = Array.from({ length: rows }, (_, r) => r * columns + c).filter(
      (cell) => (values[cell] ?? null) !== null,
    );
    if (cells.length < 3) continue;
    const limit = outlierLimit(
      cells.map((cell) => values[cell]!),
      0,
    );
    for (const cell of cells) if (values[cell]! > limit) outliers.add(cell);
  }
  return outliers;
}
