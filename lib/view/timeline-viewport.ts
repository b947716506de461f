/**
 * What time the timeline shows, exact to the nanosecond at any zoom: a double alone would round the
 * nanoseconds of 2026 to steps of 256.
 *
 *     fromUnixNs (whole ns, bigint) + fractionNs (0..1)   left edge
 *     spanNs                                              from the left edge to the right one
 */

export interface TimelineViewport {
  readonly fromUnixNs: bigint;
  readonly fractionNs: number;
  readonly spanNs: number;
}

/** A stretch of time with whole ends, `[fromUnixNs, toUnixNs)`. */
export interface TimelineExtent {
  readonly fromUnixNs: bigint;
  readonly toUnixNs: bigint;
}

/** Closest zoom: a nanosecond is then tens of pixels wide. */
export const MIN_VIEW_NS = 16;
const FRACTIONS = 2 ** 20;
/** How much of the view may lie outside of what is kept. */
const OUTSIDE_SHARE = 0.5;

/** The view that begins `offsetNs` after an instant; the offset may have a fraction. */
export function viewAt(instant: bigint, offsetNs: number, spanNs: number): TimelineViewport {
  const whole = Math.floor(offsetNs);
  // Of a millionth: that has a short decimal, and a little below a whole ns does not round to one.
  const fractionNs = Math.floor((offsetNs - whole) * FRACTIONS) / FRACTIONS;
  if (fractionNs >= 1) return { fromUnixNs: instant + BigInt(whole) + 1n, fractionNs: 0, spanNs };
  return { fromUnixNs: instant + BigInt(whole), fractionNs, spanNs };
}

export function viewOf(extent: TimelineExtent): TimelineViewport {
  const spanNs = Math.max(MIN_VIEW_NS, Number(extent.toUnixNs - extent.fromUnixNs));
  return { fromUnixNs: extent.fromUnixNs, fractionNs: 0, spanNs };
}

/** The whole nanoseconds that the view touches. */
export function extentOf(view: TimelineViewport): TimelineExtent {
  const toUnixNs = view.fromUnixNs + BigInt(Math.ceil(view.fractionNs + view.spanNs));
  return { fromUnixNs: view.fromUnixNs, toUnixNs };
}

/** Nanoseconds from the view's left edge to an instant. */
export function offsetOf(view: TimelineViewport, instant: bigint): number {
  return Number(instant - view.fromUnixNs) - view.fractionNs;
}

export function timeToX(view: TimelineViewport, instant: bigint, widthPx: number): number {
  return (offsetOf(view, instant) / view.spanNs) * widthPx;
}

/** The nanosecond under a pixel. */
export function xToTime(view: TimelineViewport, xPx: number, widthPx: number): bigint {
  const offsetNs = (xPx / Math.max(1, widthPx)) * view.spanNs + view.fractionNs;
  return view.fromUnixNs + BigInt(Math.floor(offsetNs));
}

export function panView(view: TimelineViewport, deltaNs: number): TimelineViewport {
  return viewAt(view.fromUnixNs, view.fractionNs + deltaNs, view.spanNs);
}

/** Zooms by `factor` (< 1: closer) about `share` (0..1) of the width, which stays where it is. */
export function zoomView(
  view: TimelineViewport,
  share: number,
  factor: number,
  bounds: TimelineExtent,
): TimelineViewport {
  const spanNs = clampSpan(view.spanNs * factor, bounds);
  const offsetNs = view.fractionNs + share * (view.spanNs - spanNs);
  return viewAt(view.fromUnixNs, offsetNs, spanNs);
}

function clampSpan(spanNs: number, bounds: TimelineExtent): number {
  const wholeNs = Number(bounds.toUnixNs - bounds.fromUnixNs);
  return Math.min(Math.max(spanNs, MIN_VIEW_NS), Math.max(MIN_VIEW_NS, wholeNs * 1.25));
}

/** Keeps at least half of the view over what is kept, and its span between 16 ns and all of it. */
export function clampView(view: TimelineViewport, bounds: TimelineExtent): TimelineViewport {
  const spanNs = clampSpan(view.spanNs, bounds);
  const marginNs = spanNs * OUTSIDE_SHARE;
  const firstNs = offsetOf(view, bounds.fromUnixNs) - marginNs;
  const lastNs = offsetOf(view, bounds.toUnixNs) + marginNs - spanNs;
  const shiftNs = Math.max(firstNs, Math.min(0, lastNs));
  if (shiftNs === 0 && spanNs === view.spanNs) return view;
  return viewAt(view.fromUnixNs, view.fractionNs + shiftNs, spanNs);
}

/** A view of `extent` with `marginShare` of its length free on both sides. */
export function viewAround(extent: TimelineExtent, marginShare: number): TimelineViewport {
  const lengthNs = Math.max(1, Number(extent.toUnixNs - extent.fromUnixNs));
  const spanNs = Math.max(MIN_VIEW_NS, lengthNs * (1 + 2 * marginShare));
  return viewAt(extent.fromUnixNs, (lengthNs - spanNs) / 2, spanNs);
}

export function sameView(a: TimelineViewport, b: TimelineViewport): boolean {
  return a.fromUnixNs === b.fromUnixNs && a.fractionNs === b.fractionNs && a.spanNs === b.spanNs;
}

/** Exclusive end of what lasts so long; an instant is a nanosecond long. */
export function endOf(startUnixNs: bigint, lengthNs: number): bigint {
  return startUnixNs + BigInt(Math.max(1, Math.ceil(lengthNs)));
}
