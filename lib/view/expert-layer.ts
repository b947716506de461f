/** Single experts of one layer, rank after rank, and how rank load goes with time. */
import type { ExpertsAnswer } from '#lib/api/experts.ts';
import type { Term } from './definitions.ts';
import { ratioOverMean } from './expert-map.ts';
import { countFigure, type Figure, NO_FIGURE, significant } from './format.ts';
import {
  foldColumns,
  foldRows,
  type MatrixModel,
  maxOf,
  scaleMaxOf,
  sumOf,
} from './matrix-model.ts';
import { outlierLimit } from './outliers.ts';

/**
 * The layer's experts: rows are ranks, columns places in the rank's list, values mean tokens of a
 * key. null: no event of the layer lists its experts.
 */
export function expertLayerModel(answer: ExpertsAnswer, layer: number): MatrixModel | null {
  const lists = answer.experts.filter((entry) => entry.layer === layer && entry.tokens.length > 0);
  if (lists.length === 0) return null;
  const columns = Math.max(...lists.map(({ tokens }) => tokens.length));
  const rows = lists.length;
  const values = lists.flatMap(({ tokens }) =>
    Array.from({ length: columns }, (_, e) => tokens[e] ?? null),
  );
  const limit = outlierLimit(
    values.filter((value) => value !== null),
    0,
  );
  const outliers = new Set<number>();
  for (const [i, value] of values.entries()) if (value !== null && value > limit) outliers.add(i);
  const workers = new Map(answer.workers.map((worker) => [worker.workerId, worker]));
  return {
    rows: lists.map(({ workerId }) => {
      const worker = workers.get(workerId);
      return {
        id: workerId,
        label: workerId,
        short: String(worker?.rank ?? workerId),
        group: worker?.group ?? '',
        role: worker?.role ?? null,
      };
    }),
    columns: Array.from({ length: columns }, (_, e) => ({
      id: String(e),
      label: `expert ${e}`,
      short: String(e),
      group: '',
      role: null,
    })),
    values,
    rowTotals: foldRows(values, rows, columns, sumOf),
    columnTotals: foldColumns(values, rows, columns, maxOf),
    scaleMax: Math.max(scaleMaxOf(values), maxOf(values.map((value) => value ?? 0))),
    outliers,
    isOneScale: false,
    rowMargin: 'total',
    columnMargin: 'busiest',
    figureOf: (value) => countFigure(value, ''),
  };
}

/** The layer to show where none is chosen: the most uneven one. */
export function mostUnevenLayer(answer: ExpertsAnswer): number | null {
  const layers = answer.summary?.layers ?? [];
  return (
    layers.reduce<(typeof layers)[number] | null>(
      (worst, layer) => (worst === null || layer.maxOverMean > worst.maxOverMean ? layer : worst),
      null,
    )?.layer ??
    answer.layers[0] ??
    null
  );
}

export interface LoadPoint {
  readonly worker: string;
  readonly layer: number;
  readonly tokens: number;
  readonly timeNs: number;
}

/** A point a rank and layer that has both. */
export function loadPoints(answer: ExpertsAnswer): readonly LoadPoint[] {
  const points: LoadPoint[] = [];
  const columns = answer.layers.length;
  for (const [w, { workerId }] of answer.workers.entries()) {
    for (const [l, layer] of answer.layers.entries()) {
      const tokens = answer.tokens[w * columns + l] ?? null;
      const timeNs = answer.expertNs[w * columns + l] ?? null;
      if (tokens !== null && timeNs !== null)
        points.push({ worker: workerId, layer, tokens, timeNs });
    }
  }
  return points;
}

/** Least squares of time over tokens: `timeNs = fixedNs + nsPerToken · tokens`; null without spread. */
export function loadLine(
  points: readonly LoadPoint[],
): { readonly fixedNs: number; readonly nsPerToken: number } | null {
  const n = points.length;
  if (n < 3) return null;
  const meanTokens = points.reduce((sum, { tokens }) => sum + tokens, 0) / n;
  const meanNs = points.reduce((sum, { timeNs }) => sum + timeNs, 0) / n;
  let product = 0;
  let square = 0;
  for (const { tokens, timeNs } of points) {
    product += (tokens - meanTokens) * (timeNs - meanNs);
    square += (tokens - meanTokens) ** 2;
  }
  if (!(square > 0)) return null;
  const nsPerToken = product / square;
  return { fixedNs: meanNs - nsPerToken * meanTokens, nsPerToken };
}

export function correlationFigure(value: number | null | undefined): Figure {
  if (value === null || value === undefined || !Number.isFinite(value)) return NO_FIGURE;
  return { value: value.toFixed(2), unit: '', exact: `r = ${value}` };
}

/** What a correlation of load with time says. */
export function correlationText(value: number | null | undefined): string {
  if (value === null || value === undefined) return 'load does not vary';
  if (value >= 0.7) return 'load explains the time';
  if (value >= 0.3) return 'load explains part of it';
  return 'load does not explain it';
}

export interface ExpertHeadline {
  readonly term: Term;
  readonly figure: Figure;
  readonly note: string;
}

export function expertHeadline(
  summary: NonNullable<ExpertsAnswer['summary']>,
): readonly ExpertHeadline[] {
  const uneven = summary.layers.reduce<(typeof summary.layers)[number] | null>(
    (worst, layer) => (worst === null || layer.maxOverMean > worst.maxOverMean ? layer : worst),
    null,
  );
  return [
    {
      term: 'rankImbalance',
      figure: ratioOverMean(summary.maxOverMean),
      note: uneven === null ? '' : `worst ${significant(uneven.maxOverMean)} × in L${uneven.layer}`,
    },
    {
      term: 'expertMaxOverMean',
      figure: ratioOverMean(summary.expertMaxOverMean),
      note: summary.expertMaxOverMean === null ? 'no expert measures sent' : 'of single experts',
    },
    {
      term: 'vllmBalancedness',
      figure: balancednessFigure(summary.vllmBalancedness),
      note: '1 is even',
    },
    {
      term: 'sglangBalancedness',
      figure: balancednessFigure(summary.sglangBalancedness),
      note: '1 is even',
    },
    {
      term: 'activePerRank',
      figure: countFigure(summary.activePerRank, 'experts'),
      note: 'of a rank, per key',
    },
    {
      term: 'tokensTimeCorrelation',
      figure: correlationFigure(summary.tokensTimeCorrelation),
      note: correlationText(summary.tokensTimeCorrelation),
    },
  ];
}

function balancednessFigure(value: number): Figure {
  return { value: value.toFixed(3), unit: '', exact: String(value) };
}
