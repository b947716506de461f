/** Where a timeline begins: at what its link says, or where the page's time is. */
import { type TimeSelection, trendWindow } from './time-range.ts';
import type { TimelineLink } from './timeline-url.ts';
import { type TimelineExtent, type TimelineViewport, viewAt, viewOf } from './timeline-viewport.ts';

/** Of a live page: short, so that layers can be told; longer than a second, as workers that sample
 * steps often send some of them a second, and the picture must not be empty in between. */
const LIVE_SPAN_NS = 1_200e6;
/** How far behind the newest event a live timeline ends: events of all workers are there by then. */
export const TAIL_DELAY_NS = 1_500_000_000;

export function startOf(
  link: TimelineLink,
  range: TimeSelection,
  bounds: TimelineExtent,
  nowMs: number,
): { readonly viewport: TimelineViewport; readonly isTail: boolean } {
  if (link.viewport !== null && !link.isTail) return { viewport: link.viewport, isTail: false };
  if (link.isTail || range.kind === 'live') {
    return {
      viewport: tailView(bounds.toUnixNs, link.viewport?.spanNs ?? LIVE_SPAN_NS),
      isTail: true,
    };
  }
  const { fromMs, toMs } = trendWindow(range, nowMs);
  const window = { fromUnixNs: ns(fromMs), toUnixNs: ns(toMs) };
  // A range without any data shows what there is.
  const isOutside = window.toUnixNs < bounds.fromUnixNs || window.fromUnixNs > bounds.toUnixNs;
  return { viewport: viewOf(isOutside ? bounds : window), isTail: false };
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

function ns(unixMs: number): bigint {
  return BigInt(Math.round(unixMs)) * 1_000_000n;
}
