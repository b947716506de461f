/** The axis above the rows: steps and layers, notes, time, and the time under the pointer. */
import type { AnnotationJson } from '#lib/api/annotations.ts';
import { SURFACES, type ThemeName } from '#lib/view/palette.ts';
import { layerTicks, type TileMarks, type TimeAxis } from '#lib/view/timeline-axis.ts';
import { type TimelineViewport, timeToX } from '#lib/view/timeline-viewport.ts';
import { textWidth } from './text-width.ts';

export const AXIS_PX = 46;
const STEPS_PX = 15;
const LAYERS_PX = 13;
const FONT = '11px system-ui, sans-serif';
const LEAST_STEP_PX = 46;
const LEAST_LAYER_PX = 32;

export interface AxisScene {
  readonly view: TimelineViewport;
  readonly widthPx: number;
  readonly axis: TimeAxis;
  readonly marks: TileMarks;
  readonly notes: readonly AnnotationJson[];
  readonly theme: ThemeName;
  /** Where the pointer is, and the words for it; null: elsewhere. */
  readonly pointer: { readonly xPx: number; readonly text: string } | null;
}

export function paintAxis(context: CanvasRenderingContext2D, scene: AxisScene): void {
  const { widthPx, axis, theme } = scene;
  const surface = SURFACES[theme];
  context.fillStyle = surface.panel;
  context.fillRect(0, 0, widthPx, AXIS_PX);
  context.font = FONT;
  context.textBaseline = 'middle';
  paintSteps(context, scene);
  paintLayers(context, scene);
  for (const tick of axis.ticks) {
    const xPx = Math.round(tick.xPx);
    context.fillStyle = tick.isMinor ? surface.line : surface.muted;
    context.fillRect(xPx, tick.isMinor ? AXIS_PX - 4 : AXIS_PX - 7, 1, 7);
    if (tick.isMinor) continue;
    context.fillText(tick.label, xPx + 4, AXIS_PX - 8);
  }
  paintFlags(context, scene);
  context.fillStyle = surface.line;
  context.fillRect(0, AXIS_PX - 1, widthPx, 1);
  if (scene.pointer !== null) paintPointer(context, scene, scene.pointer);
}

/** Each step from its first start to that of the next one of its domain. */
function paintSteps(context: CanvasRenderingContext2D, scene: AxisScene): void {
  const { view, widthPx, marks, theme } = scene;
  const surface = SURFACES[theme];
  const domains = new Set(marks.steps.map(({ domain }) => domain));
  let freePx = -Infinity;
  for (const [at, mark] of marks.steps.entries()) {
    const xPx = timeToX(view, mark.startUnixNs, widthPx);
    if (xPx > widthPx) break;
    context.fillStyle = surface.line;
    context.fillRect(Math.round(xPx), 0, 1, STEPS_PX);
    const next = marks.steps[at + 1];
    const nextPx = next === undefined ? widthPx : timeToX(view, next.startUnixNs, widthPx);
    // A step that began before the view is named at its edge.
    const leftPx = Math.max(0, xPx);
    if (leftPx < freePx || (xPx < 0 && nextPx < LEAST_STEP_PX * 2)) continue;
    const number = mark.step.toLocaleString('en-US');
    const text = domains.size > 1 ? `step ${number} (${mark.domain})` : `step ${number}`;
    context.fillStyle = surface.text;
    context.fillText(text, leftPx + 4, STEPS_PX / 2 + 1);
    freePx = leftPx + Math.max(LEAST_STEP_PX, textWidth(context, text) + 12);
  }
}

function paintLayers(context: CanvasRenderingContext2D, scene: AxisScene): void {
  const { view, widthPx, marks, theme } = scene;
  if (marks.layers.length === 0) return;
  const surface = SURFACES[theme];
  for (const { layer, xPx } of layerTicks(marks.layers, view, widthPx, LEAST_LAYER_PX)) {
    context.fillStyle = surface.line;
    context.fillRect(Math.round(xPx), STEPS_PX, 1, LAYERS_PX);
    context.fillStyle = surface.muted;
    context.fillText(`L${layer}`, xPx + 4, STEPS_PX + LAYERS_PX / 2);
  }
}

function paintFlags(context: CanvasRenderingContext2D, scene: AxisScene): void {
  const { view, widthPx, notes, theme } = scene;
  context.fillStyle = SURFACES[theme].warning;
  for (const { fromUnixNs } of notes) {
    const xPx = timeToX(view, BigInt(fromUnixNs), widthPx);
    if (xPx < -8 || xPx > widthPx) continue;
    context.beginPath();
    context.moveTo(xPx, AXIS_PX - 20);
    context.lineTo(xPx + 8, AXIS_PX - 16);
    context.lineTo(xPx, AXIS_PX - 12);
    context.fill();
    context.fillRect(xPx, AXIS_PX - 20, 1, 20);
  }
}

function paintPointer(
  context: CanvasRenderingContext2D,
  { widthPx, theme }: AxisScene,
  { xPx, text }: { readonly xPx: number; readonly text: string },
): void {
  const surface = SURFACES[theme];
  const textPx = context.measureText(text).width;
  const leftPx = Math.min(Math.max(2, xPx - textPx / 2 - 6), widthPx - textPx - 14);
  context.fillStyle = surface.raised;
  context.fillRect(leftPx, AXIS_PX - 17, textPx + 12, 15);
  context.strokeStyle = surface.muted;
  context.strokeRect(leftPx + 0.5, AXIS_PX - 16.5, textPx + 11, 14);
  context.fillStyle = surface.text;
  context.fillText(text, leftPx + 6, AXIS_PX - 9);
}
