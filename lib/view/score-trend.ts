/** Scores by worker and sub-window as a matrix, and what an empty ranking has looked at. */
import type { StragglersAnswer } from '#lib/api/stragglers.ts';
import { type Figure, instantText, NO_FIGURE } from './format.ts';
import {
  foldColumns,
  foldRows,
  type MatrixEntry,
  type MatrixModel,
  maxOf,
  scaleMaxOf,
} from './matrix-model.ts';
import { median } from './median.ts';

export type ScoreTrend = StragglersAnswer['trends'][number];

/** A score has no unit: robust deviations over the group's median. */
export function scoreFigure(score: number | null | undefined): Figure {
  if (score === null || score === undefined || !Number.isFinite(score)) return NO_FIGURE;
  // -0.0 would read as a sign without a size.
  const size = Math.abs(score).toFixed(1);
  return {
    value: score < 0 && size !== '0.0' ? `−${size}` : size,
    unit: '',
    exact: `${score} robust deviations`,
  };
}

export function unixMsOf(unixNs: string): number {
  return Number(BigInt(unixNs) / 1_000_000n);
}

/** `raw`: as the times are; `equal`: at equal load. */
export type ScoreKind = 'raw' | 'equal';

/** Rows are workers, columns sub-windows; cells from the threshold on stand out. */
export function scoreModel(
  trend: ScoreTrend,
  kind: ScoreKind,
  threshold: number,
  role: string | null,
): MatrixModel {
  const rows = trend.workers.length;
  const columns = trend.atUnixNs.length;
  const values = kind === 'raw' ? trend.rawScore : trend.score;
  const outliers = new Set<number>();
  for (const [i, value] of values.entries())
    if (value !== null && value >= threshold) outliers.add(i);
  return {
    rows: trend.workers.map((id) => ({
      id,
      label: id,
      short: id.slice(id.lastIndexOf('/') + 1),
      group: trend.group,
      role,
    })),
    columns: trend.atUnixNs.map(timeEntry),
    values,
    rowTotals: foldRows(values, rows, columns, median),
    columnTotals: foldColumns(values, rows, columns, maxOf),
    // At least up to the threshold: a healthy group must look calm.
    scaleMax: Math.max(1.5 * threshold, scaleMaxOf(values)),
    outliers,
    isOneScale: true,
    rowMargin: 'median',
    columnMargin: 'worst',
    figureOf: scoreFigure,
  };
}

function timeEntry(unixNs: string): MatrixEntry {
  const clock = instantText(unixMsOf(unixNs)).local.slice(11);
  return { id: unixNs, label: clock, short: clock.slice(3), group: '', role: null };
}

/**
 * The scores of one worker's stage over time, the larger of raw and at equal load, either of which
 * makes a worker slow; [] where the trend does not hold it.
 */
export function scoresOf(
  trends: readonly ScoreTrend[],
  worker: string,
  stage: string,
): readonly (number | null)[] {
  const trend = trends.find((entry) => entry.stage === stage && entry.workers.includes(worker));
  if (trend === undefined) return [];
  const columns = trend.atUnixNs.length;
  const row = trend.workers.indexOf(worker);
  return Array.from({ length: columns }, (_, c) => {
    const score = trend.score[row * columns + c] ?? null;
    const raw = trend.rawScore[row * columns + c] ?? null;
    return score === null || raw === null ? (score ?? raw) : Math.max(score, raw);
  });
}

/** What was looked at where nobody is slow. */
export interface LookedAt {
  /** By group, in the order of the trends. */
  readonly groups: readonly { readonly group: string; readonly workers: number }[];
  readonly windows: number;
  readonly spanNs: number;
  /** By group and stage: who is nearest to the threshold, by its median raw score. */
  readonly nearest: readonly {
    readonly group: string;
    readonly stage: string;
    readonly worker: string;
    readonly score: number;
    readonly excessRatio: number | null;
  }[];
}

export function lookedAt(trends: readonly ScoreTrend[]): LookedAt {
  const workersByGroup = new Map<string, Set<string>>();
  let windows = 0;
  let spanNs = 0;
  const nearest: LookedAt['nearest'][number][] = [];
  for (const trend of trends) {
    const known = workersByGroup.get(trend.group) ?? new Set();
    for (const worker of trend.workers) known.add(worker);
    workersByGroup.set(trend.group, known);
    const columns = trend.atUnixNs.length;
    if (columns > windows) {
      windows = columns;
      spanNs = trend.spanNs;
    }
    const scores = foldRows(trend.rawScore, trend.workers.length, columns, median);
    const worst = scores.reduce<number>(
      (best, score, w) => (score !== null && score > (scores[best] ?? -Infinity) ? w : best),
      0,
    );
    const score = scores[worst] ?? null;
    if (score === null) continue;
    const excess =
      foldRows(trend.excessRatio, trend.workers.length, columns, median)[worst] ?? null;
    nearest.push({
      group: trend.group,
      stage: trend.stage,
      worker: trend.workers[worst]!,
      score,
      excessRatio: excess,
    });
  }
  return {
    groups: [...workersByGroup].map(([group, workers]) => ({ group, workers: workers.size })),
    windows,
    spanNs,
    nearest: nearest.sort((a, b) => b.score - a.score),
  };
}
