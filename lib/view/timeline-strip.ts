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

/** Parts of a nanosecond that a period is rounded to. */
const PERIOD_PARTS = 2 ** 20;

/**
 * Whole pixels, 0 to `periodPx - 1`, from where a period begins to the left edge, in an endless row of
 * periods along time: what repeats in it stays where it is in time, however a view came there.
 */
export function phasePx(view: TimelineViewport, widthPx: number, periodPx: number): number {
  const nsPerPx = view.spanNs / Math.max(1, widthPx);
  const period = Math.max(1, Math.round(nsPerPx * periodPx * PERIOD_PARTS));
  const left =
    BigInt(PERIOD_PARTS) * view.fromUnixNs + BigInt(Math.round(view.fractionNs * PERIOD_PARTS));
  const past = Number(left % BigInt(period));
  return remainder(Math.round((past / period) * periodPx), periodPx);
}

/** Never negative. */
export function remainder(value: number, divisor: number): number {
  return ((value % divisor) + divisor) % divisor;
}

/** Is a shift so near to a whole pixel that the strip shows what drawing anew would? */
export function isWholePixel(shiftPx: number): boolean {
  return Math.abs(shiftPx - Math.round(shiftPx)) < 0.01;
}
