/** What lies over the boxes: what is chosen or pointed at, the ruler, marks, clock errors. */
import type { TimelineRow } from '#lib/api/timeline-tile.ts';
import { durationFigure, figureText } from '#lib/view/format.ts';
import { SURFACES, type SurfaceColours, type ThemeName } from '#lib/view/palette.ts';
import { MARK_LOOKS } from '#lib/view/timeline-marks.ts';
import type { RowsLayout, WorkerRow } from '#lib/view/timeline-rows.ts';
import type { TimelineTarget } from '#lib/view/timeline-selection.ts';
import { type TimelineViewport, timeToX } from '#lib/view/timeline-viewport.ts';
import type { TimelineState } from './timeline-store.ts';

export interface OverlayScene {
  readonly context: CanvasRenderingContext2D;
  readonly state: TimelineState;
  readonly view: TimelineViewport;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly scrollPx: number;
  readonly layout: RowsLayout;
  readonly rows: readonly WorkerRow[];
  readonly clocks: ReadonlyMap<string, TimelineRow>;
  readonly theme: ThemeName;
  readonly pointerPx: number | null;
}

export function paintOverlay(scene: OverlayScene): void {
  const { context, state, view, widthPx, heightPx, pointerPx } = scene;
  const surface = SURFACES[scene.theme];
  if (state.overlays.marks) paintMarks(scene, surface);
  if (state.overlays.clock) paintClocks(scene, surface);
  const { selection, ruler, hovered } = state;
  if (hovered !== null) outline(scene, hovered, surface.muted, 1);
  if (selection?.kind === 'area') paintArea(scene, surface);
  else if (selection?.kind === 'step') {
    const { startUnixNs, durationNs } = selection.step;
    const fromPx = timeToX(view, startUnixNs, widthPx);
    const toPx = fromPx + (durationNs / view.spanNs) * widthPx;
    context.fillStyle = surface.accent;
    context.globalAlpha = 0.07;
    context.fillRect(fromPx, 0, toPx - fromPx, heightPx);
    context.globalAlpha = 1;
    for (const xPx of [fromPx, toPx]) context.fillRect(Math.round(xPx), 0, 1, heightPx);
  } else if (selection !== null) outline(scene, selection, surface.text, 2);
  if (ruler !== null) {
    const fromPx = timeToX(view, ruler.fromUnixNs, widthPx);
    const toPx = timeToX(view, ruler.toUnixNs, widthPx);
    paintRuler(scene, surface, fromPx, toPx, Number(ruler.toUnixNs - ruler.fromUnixNs));
  }
  if (pointerPx !== null) {
    context.fillStyle = surface.muted;
    context.globalAlpha = 0.6;
    context.fillRect(Math.round(pointerPx), 0, 1, heightPx);
    context.globalAlpha = 1;
  }
}

function extentOfTarget(target: TimelineTarget): {
  readonly workerId: string;
  readonly stream: number;
  readonly startUnixNs: bigint;
  readonly durationNs: number;
} {
  const streams = ['compute', 'transfer', 'wait', 'other'];
  switch (target.kind) {
    case 'event':
      return { ...target.event, stream: streams.indexOf(target.event.stream) };
    case 'bin':
      return {
        ...target.bin,
        durationNs: target.bin.binNs,
        stream: streams.indexOf(target.bin.stream),
      };
    case 'bubble':
      return { ...target.bubble, stream: 0 };
  }
}

function outline(scene: OverlayScene, target: TimelineTarget, colour: string, widthPx: number) {
  const { context, view, layout, scrollPx } = scene;
  const extent = extentOfTarget(target);
  const lane = layout.byWorker.get(extent.workerId)?.lanes[extent.stream];
  if (lane === undefined) return;
  const fromPx = Math.max(-4, timeToX(view, extent.startUnixNs, scene.widthPx));
  const endPx =
    timeToX(view, extent.startUnixNs, scene.widthPx) +
    (extent.durationNs / view.spanNs) * scene.widthPx;
  const toPx = Math.min(scene.widthPx + 4, Math.max(fromPx + 2, endPx));
  if (toPx < 0 || fromPx > scene.widthPx) return;
  context.strokeStyle = colour;
  context.lineWidth = widthPx;
  context.strokeRect(
    Math.round(fromPx) - widthPx / 2,
    Math.round(lane.topPx - scrollPx) - widthPx / 2,
    Math.round(toPx - fromPx) + widthPx,
    lane.heightPx + widthPx,
  );
}

function paintArea(scene: OverlayScene, surface: SurfaceColours): void {
  const { context, state, view, widthPx, heightPx, layout, scrollPx } = scene;
  if (state.selection?.kind !== 'area') return;
  const { fromUnixNs, toUnixNs, workers } = state.selection.area;
  const fromPx = timeToX(view, fromUnixNs, widthPx);
  const toPx = timeToX(view, toUnixNs, widthPx);
  context.fillStyle = surface.accent;
  context.globalAlpha = 0.16;
  if (workers === null) context.fillRect(fromPx, 0, toPx - fromPx, heightPx);
  else {
    for (const id of workers) {
      const row = layout.byWorker.get(id);
      if (row === undefined) continue;
      context.fillRect(fromPx, row.topPx - scrollPx, toPx - fromPx, row.heightPx);
    }
  }
  context.globalAlpha = 1;
  for (const xPx of [fromPx, toPx]) context.fillRect(Math.round(xPx), 0, 1, heightPx);
  paintSpan(scene, surface, fromPx, toPx, Number(toUnixNs - fromUnixNs), 12);
}

function paintRuler(
  scene: OverlayScene,
  surface: SurfaceColours,
  fromPx: number,
  toPx: number,
  lengthNs: number,
): void {
  const { context, heightPx } = scene;
  context.fillStyle = surface.warning;
  for (const xPx of [fromPx, toPx]) context.fillRect(Math.round(xPx), 0, 1, heightPx);
  paintSpan(scene, { ...surface, accent: surface.warning }, fromPx, toPx, lengthNs, 30);
}

/** A line between two instants with its length in words, which stays in the window. */
function paintSpan(
  scene: OverlayScene,
  surface: SurfaceColours,
  fromPx: number,
  toPx: number,
  lengthNs: number,
  yPx: number,
): void {
  const { context, widthPx } = scene;
  const figure = durationFigure(lengthNs);
  const text = figureText(figure);
  context.fillStyle = surface.accent;
  context.fillRect(fromPx, yPx, toPx - fromPx, 1);
  context.font = '11px system-ui, sans-serif';
  context.textBaseline = 'middle';
  const textPx = context.measureText(text).width;
  const middlePx = (Math.max(0, fromPx) + Math.min(widthPx, toPx)) / 2;
  const leftPx = Math.min(Math.max(2, middlePx - textPx / 2), widthPx - textPx - 8);
  context.fillStyle = surface.raised;
  context.fillRect(leftPx - 4, yPx - 8, textPx + 8, 16);
  context.fillStyle = surface.text;
  context.fillText(text, leftPx, yPx + 1);
}

/** Of workers; those of the deployment are on the lane above the axis. */
function paintMarks(scene: OverlayScene, surface: SurfaceColours): void {
  const { context, state, view, widthPx, layout, scrollPx } = scene;
  context.font = '10px system-ui, sans-serif';
  context.textBaseline = 'middle';
  const freePx = new Map<string, number>();
  for (const { mark, workerId, fromUnixNs, toUnixNs } of state.info.marks) {
    const row = workerId === null ? undefined : layout.byWorker.get(workerId);
    if (workerId === null || row === undefined) continue;
    const fromPx = Math.max(0, timeToX(view, fromUnixNs, widthPx));
    const toPx = Math.min(widthPx, timeToX(view, toUnixNs, widthPx));
    if (toPx < 0 || fromPx > widthPx) continue;
    const topPx = row.topPx - scrollPx;
    context.fillStyle = surface.muted;
    context.globalAlpha = 0.22;
    context.fillRect(fromPx, topPx, Math.max(2, toPx - fromPx), row.heightPx);
    context.globalAlpha = 1;
    // Where marks crowd, one glyph stands for its neighbours.
    if (fromPx < (freePx.get(workerId) ?? -Infinity)) continue;
    freePx.set(workerId, fromPx + 12);
    context.fillText(
      MARK_LOOKS[mark.kind].glyph,
      fromPx + 1,
      topPx + Math.min(8, row.heightPx / 2),
    );
  }
}

/** What on each row could be at the instant under the pointer, or else in the middle. */
function paintClocks(scene: OverlayScene, surface: SurfaceColours): void {
  const { context, view, widthPx, scrollPx, rows, clocks, pointerPx } = scene;
  const atPx = pointerPx ?? widthPx / 2;
  for (const row of rows) {
    const errorNs = clocks.get(row.worker.workerId)?.clockErrorNs;
    if (errorNs === undefined || errorNs === null) continue;
    const halfPx = Math.min(widthPx, Math.max(1, (errorNs / view.spanNs) * widthPx));
    context.fillStyle = surface.accent;
    context.globalAlpha = 0.25;
    context.fillRect(atPx - halfPx, row.topPx - scrollPx, halfPx * 2, row.heightPx - 2);
    context.globalAlpha = 1;
    for (const xPx of [atPx - halfPx, atPx + halfPx]) {
      context.fillRect(Math.round(xPx), row.topPx - scrollPx, 1, row.heightPx - 2);
    }
  }
}
