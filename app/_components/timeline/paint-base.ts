/** What lies under the boxes: rows, their baselines, grid lines, notes of people. */
import type { AnnotationJson } from '#lib/api/annotations.ts';
import { SURFACES, type ThemeName } from '#lib/view/palette.ts';
import type { TimeAxis } from '#lib/view/timeline-axis.ts';
import type { TimelineRowBox } from '#lib/view/timeline-rows.ts';
import { type TimelineViewport, timeToX } from '#lib/view/timeline-viewport.ts';

export interface BaseScene {
  readonly view: TimelineViewport;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly scrollPx: number;
  readonly rows: readonly TimelineRowBox[];
  readonly axis: TimeAxis;
  readonly theme: ThemeName;
  readonly notes: readonly AnnotationJson[];
}

export function paintBase(context: CanvasRenderingContext2D, scene: BaseScene): void {
  const { widthPx, heightPx, scrollPx, rows, axis, theme } = scene;
  const surface = SURFACES[theme];
  context.fillStyle = surface.background;
  context.fillRect(0, 0, widthPx, heightPx);
  paintNotes(context, scene);
  context.fillStyle = surface.line;
  for (const tick of axis.ticks) {
    if (!tick.isMinor) context.fillRect(Math.round(tick.xPx), 0, 1, heightPx);
  }
  for (const row of rows) {
    const topPx = Math.round(row.topPx - scrollPx);
    if (row.kind === 'group') {
      context.fillStyle = surface.panel;
      context.fillRect(0, topPx, widthPx, row.heightPx);
      continue;
    }
    context.fillStyle = surface.line;
    context.fillRect(0, topPx + row.heightPx - 1, widthPx, 1);
  }
  // Time that nothing explains stays bare, on a dotted line.
  context.strokeStyle = surface.muted;
  context.globalAlpha = 0.55;
  context.lineWidth = 1;
  context.setLineDash([1, 3]);
  context.beginPath();
  for (const row of rows) {
    if (row.kind === 'group') continue;
    const lane = row.lanes[0]!;
    const yPx = Math.round(lane.topPx + lane.heightPx - scrollPx) - 0.5;
    context.moveTo(0, yPx);
    context.lineTo(widthPx, yPx);
  }
  context.stroke();
  context.setLineDash([]);
  context.globalAlpha = 1;
}

function paintNotes(context: CanvasRenderingContext2D, scene: BaseScene): void {
  const { view, widthPx, heightPx, notes, theme } = scene;
  for (const note of notes) {
    const fromPx = timeToX(view, BigInt(note.fromUnixNs), widthPx);
    const toPx = Math.max(fromPx + 2, timeToX(view, BigInt(note.toUnixNs), widthPx));
    if (toPx < 0 || fromPx > widthPx) continue;
    const [leftPx, rightPx] = [Math.max(-1, fromPx), Math.min(widthPx + 1, toPx)];
    context.globalAlpha = 0.14;
    context.fillStyle = SURFACES[theme].warning;
    context.fillRect(leftPx, 0, rightPx - leftPx, heightPx);
    context.globalAlpha = 1;
  }
}
