/**
 * A strip of boxes that was drawn wider than the window: while the view moves sideways within it, the
 * window shows another part of it, and no box is drawn again.
 *
 *     strip    ├──────────────────────────────────┤
 *     window          ├──────────────────┤
 *              shift─>
 */
import { offsetOf, type TimelineViewport, viewAt } from './timeline-viewport.ts';

export interface DrawnStrip {
  /** From its left edge to its right one. */
  readonly view: TimelineViewport;
  /** In device pixels, as all lengths here. */
  readonly widthPx: number;
}

/** What a strip shows that reaches `marginPx` over both edges of a window of `widthPx`. */
export function stripView(
  view: TimelineViewport,
  widthPx: number,
  marginPx: number,
): TimelineViewport {
  if (marginPx === 0) return view;
  const nsPerPx = view.spanNs / Math.max(1, widthPx);
  const spanNs = nsPerPx * (widthPx + 2 * marginPx);
  return viewAt(view.fromUnixNs, view.fractionNs - marginPx * nsPerPx, spanNs);
}

/** Scales that differ by less draw the same: over 16,384 pixels a hundredth of one. */
const SAME_SCALE = 1e-6;

/**
 * How far the window's left edge lies from the strip's, with its fraction of a pixel; null: the strip is
 * of another scale, or does not reach over the whole window.
 */
export function shiftInStrip(
  strip: DrawnStrip,
  view: TimelineViewport,
  widthPx: number,
): number | null {
  const stripNsPerPx = strip.view.spanNs / Math.max(1, strip.widthPx);
  const nsPerPx = view.spanNs / Math.max(1, widthPx);
  if (Math.abs(nsPerPx / stripNsPerPx - 1) > SAME_SCALE) return null;
  const shiftPx = (offsetOf(strip.view, view.fromUnixNs) + view.fractionNs) / nsPerPx;
  const isInside = Math.round(shiftPx) >= 0 && Math.round(shiftPx) + widthPx <= strip.widthPx;
  return isInside ? shiftPx : null;
}

/** Is a shift so near to a whole pixel that the strip shows what drawing anew would? */
export function isWholePixel(shiftPx: number): boolean {
  return Math.abs(shiftPx - Math.round(shiftPx)) < 0.01;
}
