/** What part of a step the strip shows, in nanoseconds from the step's start; zoom, pan, ticks. */
import type { StripModel } from './strip-model.ts';

export interface Viewport {
  readonly fromNs: number;
  readonly toNs: number;
}

/** Deeper zoom would show less than a microsecond. */
export const MIN_SPAN_NS = 2_000;
/** Layers that a fresh strip shows: enough to see the micro-batches take turns. */
export const DEFAULT_LAYERS = 3;

export function wholeStep(durationNs: number): Viewport {
  return { fromNs: 0, toNs: Math.max(durationNs, MIN_SPAN_NS) };
}

/** `count` layers from the middle of the step, where the pipeline is steady. */
export function middleLayers(model: StripModel, count: number = DEFAULT_LAYERS): Viewport {
  const starts = model.layerStarts;
  const whole = wholeStep(model.strip.durationNs);
  if (starts.length <= count) return whole;
  const first = Math.floor((starts.length - count) / 2);
  const from = starts[first]!.startNs;
  const to = starts[first + count]?.startNs ?? whole.toNs;
  const marginNs = (to - from) * 0.05;
  return clampViewport({ fromNs: from - marginNs, toNs: to + marginNs }, model.strip.durationNs);
}

/** Inside the step and not narrower than MIN_SPAN_NS, keeping the span where it fits. */
export function clampViewport(view: Viewport, durationNs: number): Viewport {
  const whole = wholeStep(durationNs);
  const span = Math.min(Math.max(view.toNs - view.fromNs, MIN_SPAN_NS), whole.toNs);
  const from = Math.min(Math.max(view.fromNs, 0), whole.toNs - span);
  return { fromNs: from, toNs: from + span };
}

/** Zooms by `factor` (< 1: closer) around `atNs`, which stays where it is on screen. */
export function zoomAt(view: Viewport, atNs: number, factor: number, durationNs: number): Viewport {
  const span = view.toNs - view.fromNs;
  const wanted = Math.min(Math.max(span * factor, MIN_SPAN_NS), wholeStep(durationNs).toNs);
  const share = span > 0 ? (atNs - view.fromNs) / span : 0.5;
  const from = atNs - share * wanted;
  return clampViewport({ fromNs: from, toNs: from + wanted }, durationNs);
}

export function panBy(view: Viewport, deltaNs: number, durationNs: number): Viewport {
  return clampViewport({ fromNs: view.fromNs + deltaNs, toNs: view.toNs + deltaNs }, durationNs);
}

export function xOf(view: Viewport, ns: number, widthPx: number): number {
  return ((ns - view.fromNs) / (view.toNs - view.fromNs)) * widthPx;
}

export function nsAt(view: Viewport, xPx: number, widthPx: number): number {
  return view.fromNs + (xPx / Math.max(1, widthPx)) * (view.toNs - view.fromNs);
}

/** Round tick instants (1, 2, 5 × 10^n ns) at least `minGapPx` apart. */
export function timeTicks(view: Viewport, widthPx: number, minGapPx = 90): readonly number[] {
  const span = view.toNs - view.fromNs;
  if (!(span > 0) || !(widthPx > 0)) return [];
  const least = (span * minGapPx) / widthPx;
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= least) ?? 10 * power;
  const ticks: number[] = [];
  for (let n = Math.ceil(view.fromNs / step); n * step <= view.toNs; n++) ticks.push(n * step);
  return ticks;
}
