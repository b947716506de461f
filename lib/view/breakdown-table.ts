/** The layer × micro-batch breakdown as rows that can be sorted. */
import type { Breakdown, BreakdownCell, BreakdownLayer } from '#lib/api/breakdown.ts';
import type { Term } from './definitions.ts';
import { STAGE_COLOURS } from './palette.ts';

export interface TimeColumn {
  readonly key:
    | 'attentionNs'
    | 'a2fNs'
    | 'ffnNs'
    | 'f2aNs'
    | 'attentionWaitNs'
    | 'ffnWaitNs'
    | 'periodNs'
    | 'idealPeriodNs';
  readonly label: string;
  readonly term: Term;
}

export const TIME_COLUMNS: readonly TimeColumn[] = [
  { key: 'attentionNs', label: 'Attention', term: 'attentionTime' },
  { key: 'a2fNs', label: 'A2F', term: 'a2fTime' },
  { key: 'ffnNs', label: 'FFN', term: 'ffnTime' },
  { key: 'f2aNs', label: 'F2A', term: 'f2aTime' },
  { key: 'attentionWaitNs', label: 'Wait on A', term: 'attentionWait' },
  { key: 'ffnWaitNs', label: 'Wait on F', term: 'ffnWait' },
  { key: 'periodNs', label: 'Period', term: 'measuredPeriod' },
  { key: 'idealPeriodNs', label: 'Ideal', term: 'idealPeriod' },
];

export type SortKey = TimeColumn['key'] | 'layer' | 'bound';

export interface Sort {
  readonly key: SortKey;
  readonly descending: boolean;
}

export function parseSort(text: string | null): Sort {
  const name = text?.replace(/^-/, '') ?? 'layer';
  const isKnown =
    name === 'layer' || name === 'bound' || TIME_COLUMNS.some((column) => column.key === name);
  if (!isKnown) return { key: 'layer', descending: false };
  return { key: name as SortKey, descending: text?.startsWith('-') ?? false };
}

/** null for the order that needs no word in the URL. */
export function sortText(sort: Sort): string | null {
  if (sort.key === 'layer' && !sort.descending) return null;
  return sort.descending ? `-${sort.key}` : sort.key;
}

/** What a click on a column's head does: largest first, then smallest, as people expect. */
export function nextSort(sort: Sort, key: SortKey): Sort {
  if (sort.key === key) return { key, descending: !sort.descending };
  return { key, descending: key !== 'layer' && key !== 'bound' };
}

/** Layers in order; missing values last in either direction, ties by layer. */
export function sortedLayers(
  layers: readonly BreakdownLayer[],
  sort: Sort,
): readonly BreakdownLayer[] {
  const sign = sort.descending ? -1 : 1;
  return [...layers].sort((a, b) => {
    if (sort.key === 'layer') return sign * (a.layer - b.layer);
    const left = a[sort.key];
    const right = b[sort.key];
    if (left === right) return a.layer - b.layer;
    if (left === null) return 1;
    if (right === null) return -1;
    return sign * (left < right ? -1 : 1);
  });
}

export interface PathPart {
  readonly key: 'attentionNs' | 'a2fNs' | 'ffnNs' | 'f2aNs';
  readonly ns: number;
  readonly colour: string;
}

/** One micro-batch's way through a layer: the four times one after the other. */
export function pathParts(times: BreakdownCell | BreakdownLayer): readonly PathPart[] {
  const parts: PathPart[] = [
    { key: 'attentionNs', ns: times.attentionNs ?? 0, colour: STAGE_COLOURS.attention },
    { key: 'a2fNs', ns: times.a2fNs ?? 0, colour: STAGE_COLOURS.a2f },
    { key: 'ffnNs', ns: times.ffnNs ?? 0, colour: STAGE_COLOURS.expert },
    { key: 'f2aNs', ns: times.f2aNs ?? 0, colour: STAGE_COLOURS.f2a },
  ];
  return parts.filter((part) => part.ns > 0);
}

export function pathNs(times: BreakdownCell | BreakdownLayer): number {
  return pathParts(times).reduce((sum, part) => sum + part.ns, 0);
}

export function cellsOf(breakdown: Breakdown, layer: number): readonly BreakdownCell[] {
  return breakdown.cells.filter((cell) => cell.layer === layer);
}
