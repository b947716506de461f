/** What an area of the timeline holds, as a table and a histogram. */
import type { TimelineStats } from '#lib/api/timeline-stats.ts';
import { durationFigure, figureText } from './format.ts';

export type AreaRow = TimelineStats['stages'][number];

export const AREA_COLUMNS = [
  'group',
  'stage',
  'kind',
  'count',
  'sumNs',
  'share',
  'mean',
  'p50',
  'p90',
  'p99',
  'max',
] as const;
export type AreaColumn = (typeof AREA_COLUMNS)[number];

export interface AreaSort {
  readonly column: AreaColumn;
  readonly descending: boolean;
}
export const DEFAULT_AREA_SORT: AreaSort = { column: 'sumNs', descending: true };

/** Texts ascend first, numbers descend first; the same column again turns round. */
export function nextAreaSort(sort: AreaSort, column: AreaColumn): AreaSort {
  if (sort.column === column) return { column, descending: !sort.descending };
  return { column, descending: !isText(column) };
}

function isText(column: AreaColumn): boolean {
  return column === 'group' || column === 'stage' || column === 'kind';
}

const AREA_VALUES: Readonly<Record<AreaColumn, (row: AreaRow) => string | number>> = {
  group: (row) => row.group,
  stage: (row) => row.stage,
  kind: (row) => row.kind,
  count: (row) => row.count,
  sumNs: (row) => row.sumNs,
  share: (row) => row.share,
  mean: (row) => row.durationNs.mean,
  p50: (row) => row.durationNs.p50,
  p90: (row) => row.durationNs.p90,
  p99: (row) => row.durationNs.p99,
  max: (row) => row.durationNs.max,
};

export function areaValue(row: AreaRow, column: AreaColumn): string | number {
  return AREA_VALUES[column](row);
}

export function sortedAreaRows(rows: readonly AreaRow[], sort: AreaSort): readonly AreaRow[] {
  const value = AREA_VALUES[sort.column];
  const sign = sort.descending ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    const order =
      typeof x === 'number' && typeof y === 'number' ? x - y : String(x).localeCompare(String(y));
    return sign * order;
  });
}

/** Head and rows with every digit, for a file. */
export function areaCsv(stats: TimelineStats): (string | number)[][] {
  const names = AREA_COLUMNS.map((column) =>
    column === 'share' || column === 'count' || isText(column) || column === 'sumNs'
      ? column
      : `${column}Ns`,
  );
  return [
    names,
    ...stats.stages.map((row) => AREA_COLUMNS.map((column) => areaValue(row, column))),
  ];
}

export interface HistogramBar {
  readonly fromNs: number;
  readonly toNs: number;
  readonly count: number;
  /** Of all events. */
  readonly ratio: number;
  /** Over the highest bar. */
  readonly heightRatio: number;
  readonly text: string;
}

export function histogramBars({ histogram }: TimelineStats): readonly HistogramBar[] {
  const total = histogram.count.reduce((sum, count) => sum + count, 0);
  const highest = Math.max(0, ...histogram.count);
  return histogram.count.map((count, i) => {
    const [fromNs, toNs] = [histogram.edgesNs[i]!, histogram.edgesNs[i + 1]!];
    const ratio = total > 0 ? count / total : 0;
    return {
      fromNs,
      toNs,
      count,
      ratio,
      heightRatio: highest > 0 ? count / highest : 0,
      text: `${figureText(durationFigure(fromNs))} to ${figureText(durationFigure(toNs))}: ${count.toLocaleString('en-US')} ${count === 1 ? 'event' : 'events'}, ${(ratio * 100).toFixed(1)} %`,
    };
  });
}

/** Round durations (1, 10, 100 ns …) under a histogram, with their place from 0 to 1. */
export function histogramTicks(
  edgesNs: readonly number[],
): readonly { readonly ns: number; readonly at: number }[] {
  const [first, last] = [edgesNs[0], edgesNs.at(-1)];
  if (first === undefined || last === undefined || edgesNs.length < 2) return [];
  const ticks: { ns: number; at: number }[] = [];
  for (let ns = 1; ns <= last; ns *= 10) {
    if (ns < first) continue;
    // Bars are equally wide, whatever their edges are.
    const bar = edgesNs.findLastIndex((edge) => edge <= ns);
    const [low, high] = [edgesNs[bar]!, edgesNs[bar + 1] ?? edgesNs[bar]!];
    const inside = high > low && low > 0 ? Math.log(ns / low) / Math.log(high / low) : 0;
    ticks.push({ ns, at: Math.min(1, (bar + inside) / (edgesNs.length - 1)) });
  }
  return ticks;
}

/** How exact an area's figures are, for the user. */
export function exactnessText(stats: TimelineStats): string {
  return stats.exactness === 'raw'
    ? 'exact: from every event'
    : 'from sums: whole buckets that touch the area; quantiles are off by at most 1/64';
}
