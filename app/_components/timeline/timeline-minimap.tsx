'use client';

import { type KeyboardEvent, type PointerEvent, useCallback, useEffect, useRef } from 'react';
import { SURFACES, type ThemeName } from '#lib/view/palette.ts';
import { exactInstant, timeAxis, viewText } from '#lib/view/timeline-axis.ts';
import { timelineColours } from '#lib/view/timeline-colours.ts';
import type { TimelineOverview } from '#lib/view/timeline-overview.ts';
import {
  offsetOf,
  type TimelineViewport,
  timeToX,
  viewAt,
  viewOf,
} from '#lib/view/timeline-viewport.ts';
import { sizedContext } from '../canvas-size.ts';
import { useTheme } from '../root-setting.ts';
import { useWidthPx } from '../use-size.ts';
import { useTimelinePart, useTimelineStore } from './timeline-context.tsx';
import type { TimelineState } from './timeline-store.ts';

const HEIGHT_PX = 38;
const LEAST_BRUSH_PX = 4;

/** All that is kept, with the part that the picture shows. */
export function TimelineMinimap({ overview }: { readonly overview: TimelineOverview | undefined }) {
  const store = useTimelineStore();
  const bounds = useTimelinePart((state) => state.bounds);
  const viewport = useTimelinePart((state) => state.viewport);
  const { hits, notes } = useTimelinePart((state) => state.layers);
  const shownNotes = useTimelinePart((state) => state.overlays.notes);
  const theme = useTheme();
  const holder = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const brush = useRef<HTMLDivElement>(null);
  const grip = useRef<{ readonly pointerId: number; readonly offsetNs: number } | null>(null);
  const widthPx = useWidthPx(holder);

  useEffect(() => {
    if (canvas.current === null || widthPx === 0) return;
    const context = sizedContext(canvas.current, widthPx, HEIGHT_PX);
    if (context === null) return;
    paintMinimap(context, viewOf(bounds), widthPx, theme, overview, {
      hits,
      notes: shownNotes ? notes : [],
    });
  }, [bounds, widthPx, theme, overview, hits, notes, shownNotes]);

  // The brush follows every frame, without React.
  const placeBrush = useCallback(() => {
    const element = brush.current;
    if (element === null || widthPx === 0) return;
    const whole = viewOf(store.state().bounds);
    const ownPx = (store.view.spanNs / whole.spanNs) * widthPx;
    const brushPx = Math.max(LEAST_BRUSH_PX, ownPx);
    const middleNs = offsetOf(whole, store.view.fromUnixNs) + store.view.spanNs / 2;
    // A tail may be ahead of what is said to be kept.
    const placePx = (middleNs / whole.spanNs) * widthPx - brushPx / 2;
    const leftPx = Math.min(placePx, widthPx - brushPx);
    element.style.width = `${brushPx}px`;
    element.style.transform = `translateX(${leftPx}px)`;
  }, [store, widthPx]);
  useEffect(() => {
    placeBrush();
    // The state, too: as data come, all that is kept grows.
    const stops = [store.onView(placeBrush), store.subscribe(placeBrush)];
    return () => {
      for (const stop of stops) stop();
    };
  }, [store, placeBrush]);

  const offsetAt = (event: PointerEvent<HTMLElement>): number => {
    const box = event.currentTarget.getBoundingClientRect();
    const share = (event.clientX - box.left) / Math.max(1, box.width);
    return share * Number(bounds.toUnixNs - bounds.fromUnixNs);
  };
  const moveTo = (offsetNs: number) =>
    store.setViewport(viewAt(bounds.fromUnixNs, offsetNs, store.view.spanNs));
  const onPointerDown = (event: PointerEvent<HTMLElement>) => {
    if (event.button !== 0) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    const atNs = offsetAt(event);
    const ownNs = offsetOf(viewOf(bounds), store.view.fromUnixNs);
    const isOnBrush = atNs >= ownNs && atNs <= ownNs + store.view.spanNs;
    const offsetNs = isOnBrush ? atNs - ownNs : store.view.spanNs / 2;
    grip.current = { pointerId: event.pointerId, offsetNs };
    moveTo(atNs - offsetNs);
  };
  const onPointerMove = (event: PointerEvent<HTMLElement>) => {
    if (grip.current?.pointerId === event.pointerId)
      moveTo(offsetAt(event) - grip.current.offsetNs);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const by = event.key === 'ArrowLeft' ? -0.5 : event.key === 'ArrowRight' ? 0.5 : 0;
    if (by === 0) return;
    event.preventDefault();
    store.panBy(by);
  };
  const zoneMinutes = -new Date().getTimezoneOffset();
  return (
    <div
      ref={holder}
      role="slider"
      tabIndex={0}
      aria-label="Part of all that is kept"
      aria-valuemin={0}
      aria-valuemax={Number(bounds.toUnixNs - bounds.fromUnixNs)}
      aria-valuenow={Math.max(0, Number(viewport.fromUnixNs - bounds.fromUnixNs))}
      aria-valuetext={viewText(viewport, zoneMinutes)}
      title={`Kept: ${exactInstant(bounds.fromUnixNs, zoneMinutes).slice(0, 19)} to ${exactInstant(bounds.toUnixNs, zoneMinutes).slice(0, 19)}`}
      data-testid="timeline-minimap"
      className="relative shrink-0 touch-none overflow-hidden border-b border-line bg-panel focus-visible:outline-offset-[-2px]"
      style={{ height: HEIGHT_PX }}
      onKeyDown={onKeyDown}
      onPointerDown={onPointerDown}
      onPointerMove={onPointerMove}
      onPointerUp={() => {
        grip.current = null;
      }}
      onPointerCancel={() => {
        grip.current = null;
      }}
    >
      <canvas ref={canvas} className="absolute inset-0 h-full w-full" />
      <div
        ref={brush}
        data-testid="timeline-brush"
        className="absolute inset-y-0 left-0 border-x border-accent"
        style={{ background: 'color-mix(in srgb, var(--accent) 22%, transparent)' }}
      />
    </div>
  );
}

function paintMinimap(
  context: CanvasRenderingContext2D,
  whole: TimelineViewport,
  widthPx: number,
  theme: ThemeName,
  overview: TimelineOverview | undefined,
  layers: Pick<TimelineState['layers'], 'hits' | 'notes'>,
): void {
  const surface = SURFACES[theme];
  context.clearRect(0, 0, widthPx, HEIGHT_PX);
  if (overview !== undefined) {
    const colours = timelineColours(theme);
    const originNs = offsetOf(whole, overview.fromUnixNs);
    const pxPerNs = widthPx / whole.spanNs;
    const { bins, binNs, shares } = overview;
    const filled = new Float32Array(bins);
    const fullest = fullestOf(overview);
    const roomPx = HEIGHT_PX - 14;
    context.globalAlpha = 0.85;
    for (const [at, colour] of overview.colours.entries()) {
      context.fillStyle = colours[colour] ?? surface.muted;
      for (let bin = 0; bin < bins; bin++) {
        const share = Math.min(1 - filled[bin]!, shares[at * bins + bin]! / fullest);
        if (share <= 0) continue;
        const fromPx = Math.round((originNs + bin * binNs) * pxPerNs);
        const toPx = Math.max(fromPx + 1, Math.round((originNs + (bin + 1) * binNs) * pxPerNs));
        const bottomPx = HEIGHT_PX - filled[bin]! * roomPx;
        context.fillRect(fromPx, bottomPx - share * roomPx, toPx - fromPx, share * roomPx);
        filled[bin] = filled[bin]! + share;
      }
    }
    context.globalAlpha = 1;
  }
  const zoneMinutes = -new Date(Number(whole.fromUnixNs / 1_000_000n)).getTimezoneOffset();
  context.font = '10px system-ui, sans-serif';
  context.textBaseline = 'middle';
  for (const tick of timeAxis(whole, widthPx, zoneMinutes).ticks) {
    if (tick.isMinor) continue;
    context.fillStyle = surface.line;
    context.fillRect(Math.round(tick.xPx), 0, 1, HEIGHT_PX);
    context.fillStyle = surface.muted;
    context.fillText(tick.label, tick.xPx + 3, 7);
  }
  context.fillStyle = surface.warning;
  for (const { startUnixNs } of layers.hits) {
    context.fillRect(Math.round(timeToX(whole, startUnixNs, widthPx)), HEIGHT_PX - 8, 1, 8);
  }
  for (const { fromUnixNs } of layers.notes) {
    context.fillRect(Math.round(timeToX(whole, BigInt(fromUnixNs), widthPx)), 0, 2, 8);
  }
}

/** Heights are shares of the busiest bin: where steps are sampled, none is busy for long. */
function fullestOf({ bins, shares }: TimelineOverview): number {
  const sums = new Float32Array(bins);
  for (const [at, share] of shares.entries()) sums[at % bins] = sums[at % bins]! + share;
  return Math.max(1e-6, ...sums);
}
