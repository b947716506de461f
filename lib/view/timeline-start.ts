/** Where a timeline begins: at what its link says, or where the page's time is. */
import { type TimeSelection, trendWindow } from './time-range.ts';
import { exactInstant } from './timeline-axis.ts';
import type { TimelineLink } from './timeline-url.ts';
import {
  extentOf,
  type TimelineExtent,
  type TimelineViewport,
  viewAt,
  viewOf,
} from './timeline-viewport.ts';

/** Of a live page: short, so that layers can be told; longer than a second, as workers that sample
 * steps often send some of them a second, and the picture must not be empty in between. */
const LIVE_SPAN_NS = 1_200e6;
/** How far behind the newest event a live timeline ends: events of all workers are there by then. */
export const TAIL_DELAY_NS = 1_500_000_000;

export interface ViewStart {
  readonly viewport: TimelineViewport;
  readonly isTail: boolean;
  /** Why the view is not where it was asked for; null: it is. */
  readonly notice: string | null;
}

/** `zoneMinutes`: how far the clock of who reads the notice is ahead of UTC. */
export function startOf(
  link: TimelineLink,
  range: TimeSelection,
  bounds: TimelineExtent,
  nowMs: number,
  zoneMinutes: number,
): ViewStart {
  if (link.viewport !== null && !link.isTail) {
    const { viewport } = link;
    const asked = extentOf(viewport);
    const notice = isOutside(asked, bounds)
      ? `The link shows ${extentText(asked, zoneMinutes)}, where nothing is kept: shown is the nearest that is. ${keptText(bounds, zoneMinutes)}`
      : null;
    return { viewport, isTail: false, notice };
  }
  if (link.isTail || range.kind === 'live') {
    return {
      viewport: tailView(bounds.toUnixNs, link.viewport?.spanNs ?? LIVE_SPAN_NS),
      isTail: true,
      notice: null,
    };
  }
  const { fromMs, toMs } = trendWindow(range, nowMs);
  const window = { fromUnixNs: ns(fromMs), toUnixNs: ns(toMs) };
  if (!isOutside(window, bounds)) return { viewport: viewOf(window), isTail: false, notice: null };
  return {
    viewport: viewOf(bounds),
    isTail: false,
    notice: `Nothing is kept of ${extentText(window, zoneMinutes)}: shown is all that is. ${keptText(bounds, zoneMinutes)}`,
  };
}

function isOutside(asked: TimelineExtent, bounds: TimelineExtent): boolean {
  return asked.toUnixNs <= bounds.fromUnixNs || asked.fromUnixNs >= bounds.toUnixNs;
}

function keptText(bounds: TimelineExtent, zoneMinutes: number): string {
  return `Kept: ${extentText(bounds, zoneMinutes)}.`;
}

function extentText({ fromUnixNs, toUnixNs }: TimelineExtent, zoneMinutes: number): string {
  const [from, to] = [fromUnixNs, toUnixNs].map((at) =>
    exactInstant(at, zoneMinutes).slice(0, 'yyyy-mm-dd hh:mm:ss'.length),
  );
  return from === to ? String(from) : `${from} to ${to}`;
}

/** The view that ends a moment before the newest event. */
export function tailView(
  newestUnixNs: bigint,
  spanNs: number,
  delayNs = TAIL_DELAY_NS,
): TimelineViewport {
  return viewAt(newestUnixNs, -delayNs - spanNs, spanNs);
}

const MOST_DELAY_NS = 20_000_000_000;

/**
 * How far behind the newest event a tail ends that has to wait for its tiles: one may just be on its
 * way when newer data come. The delay grows more slowly than time passes, so that the view never goes
 * back, and shrinks as slowly.
 */
export function nextTailDelay(delayNs: number, tileLatencyMs: number, passedMs: number): number {
  const wantedNs = Math.min(MOST_DELAY_NS, TAIL_DELAY_NS + 2 * tileLatencyMs * 1e6);
  const mostNs = Math.max(0, passedMs) * 1e6 * 0.5;
  return delayNs + Math.max(-mostNs, Math.min(mostNs, wantedNs - delayNs));
}

/** A newest event that is so much older than the last one is of another clock: the tail goes there. */
const OTHER_CLOCK_NS = 60_000_000_000n;

/**
 * Where a tail ends: `delayNs` before the edge that the events' clock is thought to be at, never beyond
 * the newest event, and never before where it ended last, however unevenly data come.
 */
export function tailEnd(
  edgeUnixNs: bigint,
  newestUnixNs: bigint,
  delayNs: number,
  lastEndUnixNs: bigint | null,
): bigint {
  const wanted = edgeUnixNs - BigInt(Math.round(delayNs));
  const end = wanted < newestUnixNs ? wanted : newestUnixNs;
  if (lastEndUnixNs === null || lastEndUnixNs - end > OTHER_CLOCK_NS) return end;
  return end > lastEndUnixNs ? end : lastEndUnixNs;
}

function ns(unixMs: number): bigint {
  return BigInt(Math.round(unixMs)) * 1_000_000n;
}
