/** Marks of the timeline: what is missing, came late, twice, was refused or changed. */
import type { TimelineMark } from '#lib/api/timeline-tile.ts';
import type { LoadedTile } from './timeline-boxes.ts';
import { instantNs } from './timeline-instant.ts';
import type { TilePiece } from './timeline-tiles.ts';
import { type TimelineExtent, type TimelineViewport, timeToX } from './timeline-viewport.ts';

export type MarkKind = TimelineMark['kind'];

/** Told apart by glyph and word. Most telling first: where marks crowd, it stands for the others. */
export const MARK_LOOKS: Readonly<
  Record<MarkKind, { readonly glyph: string; readonly label: string }>
> = {
  rejected: { glyph: '✕', label: 'Refused' },
  unobserved: { glyph: '?', label: 'Missing' },
  late: { glyph: '◆', label: 'Late' },
  duplicate: { glyph: '≡', label: 'Duplicate' },
  clamped: { glyph: '±', label: 'Changed' },
};
const KINDS = Object.keys(MARK_LOOKS) as MarkKind[];

/** A mark of the picture; `workerId` null: of the deployment. */
export interface ShownMark extends TimelineExtent {
  readonly key: string;
  readonly mark: TimelineMark;
  readonly workerId: string | null;
}

/** Those of the parts of tiles that are drawn, by start; neighbours tell the same mark once. */
export function shownMarks(pieces: readonly TilePiece<LoadedTile>[]): readonly ShownMark[] {
  const shown = new Map<string, ShownMark>();
  for (const { tile, fromUnixNs, toUnixNs } of pieces) {
    const { header } = tile.tile;
    for (const mark of header.marks) {
      const from = BigInt(mark.fromUnixNs);
      const to = BigInt(mark.toUnixNs);
      if (to <= fromUnixNs || from >= toUnixNs) continue;
      const workerId = header.rows[mark.row]?.workerId ?? null;
      const key = `${workerId ?? ''} ${mark.kind} ${mark.fromUnixNs} ${mark.toUnixNs}`;
      const known = shown.get(key);
      // The tile that was asked for last knows of more.
      if (known !== undefined && known.mark.events >= mark.events) continue;
      shown.set(key, { key, mark, workerId, fromUnixNs: from, toUnixNs: to });
    }
  }
  return [...shown.values()].sort(
    (a, b) => Number(a.fromUnixNs - b.fromUnixNs) || order(a) - order(b),
  );
}

function order({ mark }: ShownMark): number {
  return KINDS.indexOf(mark.kind);
}

/** Those that overlap a stretch of time. */
export function marksWithin(
  marks: readonly ShownMark[],
  { fromUnixNs, toUnixNs }: TimelineExtent,
): readonly ShownMark[] {
  return marks.filter((mark) => mark.fromUnixNs < toUnixNs && mark.toUnixNs > fromUnixNs);
}

/** A place on the lane: one mark, or those that lie too close to tell apart. */
export interface LaneItem extends TimelineExtent {
  readonly key: string;
  readonly fromPx: number;
  readonly widthPx: number;
  readonly glyph: string;
  /** By kind, with counts and reasons. */
  readonly lines: readonly string[];
  /** In one sentence, with its time. */
  readonly label: string;
}

/** So wide a glyph with its surroundings is. */
const LEAST_PX = 14;

/** Marks of the deployment on the lane above the axis, left to right. */
export function laneItems(
  marks: readonly ShownMark[],
  view: TimelineViewport,
  widthPx: number,
): readonly LaneItem[] {
  const items: LaneItem[] = [];
  let group: ShownMark[] = [];
  let startPx = 0;
  const close = () => {
    if (group.length > 0) items.push(laneItem(group, view, widthPx));
    group = [];
  };
  for (const mark of marks) {
    if (mark.workerId !== null) continue;
    const fromPx = Math.max(0, timeToX(view, mark.fromUnixNs, widthPx));
    if (fromPx > widthPx || timeToX(view, mark.toUnixNs, widthPx) < 0) continue;
    if (group.length > 0 && fromPx - startPx >= LEAST_PX) close();
    if (group.length === 0) startPx = fromPx;
    group.push(mark);
  }
  close();
  return items;
}

function laneItem(group: readonly ShownMark[], view: TimelineViewport, widthPx: number): LaneItem {
  const fromUnixNs = group[0]!.fromUnixNs;
  const toUnixNs = group.reduce(
    (end, mark) => (mark.toUnixNs > end ? mark.toUnixNs : end),
    group[0]!.toUnixNs,
  );
  const fromPx = Math.max(0, timeToX(view, fromUnixNs, widthPx));
  const toPx = Math.min(widthPx, timeToX(view, toUnixNs, widthPx));
  const lines = linesOf(group);
  const leading = KINDS.find((kind) => group.some(({ mark }) => mark.kind === kind)) ?? 'rejected';
  return {
    key: group[0]!.key,
    fromUnixNs,
    toUnixNs,
    fromPx,
    widthPx: Math.max(LEAST_PX, toPx - fromPx),
    glyph: MARK_LOOKS[leading].glyph,
    lines,
    label: `${lines.join(' ')} ${spanText(fromUnixNs, toUnixNs)}`,
  };
}

/** A line for each kind: a single mark says its own sentence, several are added up by reason. */
function linesOf(group: readonly ShownMark[]): string[] {
  return KINDS.flatMap((kind) => {
    const own = group.filter(({ mark }) => mark.kind === kind);
    if (own.length === 0) return [];
    const { label } = MARK_LOOKS[kind];
    if (own.length === 1) return [`${label}: ${own[0]!.mark.text}`];
    const reasons = new Map<string, number>();
    for (const { mark } of own) {
      for (const [reason, events] of Object.entries(mark.reasons ?? {})) {
        reasons.set(reason, (reasons.get(reason) ?? 0) + events);
      }
    }
    const parts = [...reasons]
      .sort(([, a], [, b]) => b - a)
      .map(([reason, events]) => `${events.toLocaleString('en-US')} ${reason}`);
    return [`${label}: ${countText(eventsOf(own))} (${parts.join(', ')}).`];
  });
}

function eventsOf(marks: readonly ShownMark[]): number {
  return marks.reduce((sum, { mark }) => sum + mark.events, 0);
}

function countText(events: number): string {
  return `${events.toLocaleString('en-US')} ${events === 1 ? 'event' : 'events'}`;
}

function spanText(fromUnixNs: bigint, toUnixNs: bigint): string {
  return `${secondText(fromUnixNs)} to ${secondText(toUnixNs)}`;
}

/** Clock time to the second: marks are no finer. */
export function secondText(instant: bigint): string {
  return instantNs(instant).clock.slice(0, 8);
}

/** What the lane as a whole says: `9 events late, 3 refused, 1 duplicate`; '' where there is none. */
export function marksSummary(marks: readonly ShownMark[]): string {
  const parts = KINDS.flatMap((kind) => {
    const own = marks.filter(({ mark, workerId }) => workerId === null && mark.kind === kind);
    const events = eventsOf(own);
    return events === 0
      ? []
      : [`${events.toLocaleString('en-US')} ${MARK_LOOKS[kind].label.toLowerCase()}`];
  });
  return parts.join(', ');
}
