/** Single experts of one layer, rank after rank, and how rank load goes with time. */
import type { ExpertsAnswer } from '#lib/api/experts.ts';
import type { Term } from './definitions.ts';
import { ratioOverMean } from './expert-map.ts';
import { countFigure, type Figure, NO_FIGURE, significant } from './format.ts';

export interface ExpertBar {
  readonly worker: string;
  /** Index of the worker among those of the layer: neighbours differ in tone. */
  readonly rank: number;
  /** Place in the worker's list. */
  readonly expert: number;
  readonly tokens: number;
}

export interface ExpertBars {
  readonly layer: number;
  readonly bars: readonly ExpertBar[];
  readonly meanTokens: number;
  readonly maxTokens: number;
  /** Index of the busiest; -1 without bars. */
  readonly hottest: number;
}

/** null: no event of the layer lists its experts. */
export function expertBars(answer: ExpertsAnswer, layer: number): ExpertBars | null {
  const lists = answer.experts.filter((entry) => entry.layer === layer && entry.tokens.length > 0);
  if (lists.length === 0) return null;
  const bars = lists.flatMap(({ workerId, tokens }, rank) =>
    tokens.map((count, expert) => ({ worker: workerId, rank, expert, tokens: count })),
  );
  const hottest = bars.reduce((best, bar, i) => (bar.tokens > bars[best]!.tokens ? i : best), 0);
  return {
    layer,
    bars,
    meanTokens: bars.reduce((sum, { tokens }) => sum + tokens, 0) / bars.length,
    maxTokens: bars[hottest]!.tokens,
    hottest,
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
