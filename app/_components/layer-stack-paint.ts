/** Draws the layers' stacks: attention up, FFN down, the critical path's share below. */
import { durationFigure, figureText } from '#lib/view/format.ts';
import { partLook, type StackModel } from '#lib/view/layer-stack.ts';
import { type StackLayout, stackBoxes } from '#lib/view/layer-stack-layout.ts';
import { roleColour, SURFACES, type ThemeName } from '#lib/view/palette.ts';
import type { Pen } from '#lib/view/pen.ts';
import { hatchWith } from './hatch.ts';

export interface StackScene {
  readonly model: StackModel;
  readonly layout: StackLayout;
  readonly widthPx: number;
  readonly theme: ThemeName;
  /** Index of the layer under the pointer, and of the chosen one, or -1. */
  readonly pointed: number;
  readonly marked: number;
  readonly outliers: ReadonlySet<number>;
  /** Share of the critical path by layer; null: not known. */
  readonly shares: ReadonlyMap<number, number> | null;
}

const ROLES = ['attention', 'ffn'] as const;
const NAMES = { attention: 'attention', ffn: 'FFN' } as const;

export function paintStack(context: Pen, scene: StackScene): void {
  const { model, layout, widthPx, theme } = scene;
  const surface = SURFACES[theme];
  context.clearRect(0, 0, widthPx, layout.heightPx);
  context.font = '11px system-ui, sans-serif';
  context.textBaseline = 'middle';
  context.textAlign = 'left';
  paintScale(context, scene);
  const hatches = new Map<string, CanvasPattern | string | null>();
  const hatchOf = (colour: string) => {
    if (!hatches.has(colour)) hatches.set(colour, hatchWith(context, colour));
    return hatches.get(colour) ?? colour;
  };
  const gapPx = layout.barWidthPx > 5 ? 2 : layout.barWidthPx > 3 ? 1 : 0;
  const width = Math.max(0.5, layout.barWidthPx - gapPx);
  for (const [index, layer] of model.layers.entries()) {
    const left = layout.barsLeftPx + index * layout.barWidthPx;
    for (const role of ROLES) {
      const { boxes, isCut } = stackBoxes(layout, layer, role);
      for (const box of boxes) {
        const look = partLook(model.kind, box.name, role, theme);
        if (look.look === 'bare') {
          context.fillStyle = surface.raised;
          context.fillRect(left, box.topPx, width, box.heightPx);
          continue;
        }
        context.fillStyle = look.look === 'hatched' ? hatchOf(look.colour) : look.colour;
        context.fillRect(left, box.topPx, width, box.heightPx);
        // A line in the part's colour at its far end tells neighbours with hatches apart.
        context.fillStyle = look.look === 'hatched' ? look.colour : surface.panel;
        const edgePx = role === 'attention' ? box.topPx : box.topPx + box.heightPx - 0.75;
        if (box.heightPx > 2) context.fillRect(left, edgePx, width, 0.75);
      }
      if (isCut) paintCut(context, scene, left, width, role);
    }
    if (scene.outliers.has(layer.layer)) paintOutlier(context, scene, left, width);
  }
  paintAxis(context, scene);
  paintPath(context, scene, width);
  paintMarks(context, scene);
}

/** Sides by name, and a line at a round time on either side. */
function paintScale(context: Pen, scene: StackScene): void {
  const { layout, theme, widthPx } = scene;
  const surface = SURFACES[theme];
  for (const role of ROLES) {
    const fromPx = role === 'attention' ? layout.axisTopPx : layout.axisTopPx + layout.axisHeightPx;
    const endPx = role === 'attention' ? layout.attentionTopPx : layout.ffnBottomPx;
    const roomPx = Math.abs(endPx - fromPx);
    if (roomPx < 14) continue;
    context.fillStyle = roleColour(role);
    context.fillRect(4, Math.min(fromPx, endPx), 2, roomPx);
    context.fillStyle = surface.text;
    context.fillText(NAMES[role], 11, (fromPx + endPx) / 2, layout.barsLeftPx - 16);
    const tickNs = roundTick(roomPx * layout.nsPerPx);
    const sign = role === 'attention' ? -1 : 1;
    for (let ns = tickNs; ns <= roomPx * layout.nsPerPx; ns += tickNs) {
      const y = Math.round(fromPx + (sign * ns) / layout.nsPerPx);
      context.fillStyle = surface.line;
      context.fillRect(layout.barsLeftPx, y, widthPx - layout.barsLeftPx - 12, 1);
      context.fillStyle = surface.muted;
      context.textAlign = 'right';
      const isNearName = Math.abs(y - (fromPx + endPx) / 2) < 13;
      const text = figureText(durationFigure(ns));
      if (!isNearName) context.fillText(text, layout.barsLeftPx - 6, y);
      context.textAlign = 'left';
    }
  }
}

/** One, two or five times a power of ten, so that two or three lines fit. */
function roundTick(rangeNs: number): number {
  const rough = rangeNs / 2.5;
  const power = 10 ** Math.floor(Math.log10(Math.max(1, rough)));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10;
  return step * power;
}

/** The bar goes on: two gaps in its end. */
function paintCut(
  context: Pen,
  { layout, theme }: StackScene,
  left: number,
  width: number,
  role: 'attention' | 'ffn',
): void {
  context.fillStyle = SURFACES[theme].panel;
  for (const offset of [4, 8]) {
    const y =
      role === 'attention' ? layout.attentionTopPx + offset : layout.ffnBottomPx - offset - 2;
    context.fillRect(left - 1, y, width + 2, 2);
  }
}

function paintOutlier(
  context: Pen,
  { layout, theme }: StackScene,
  left: number,
  width: number,
): void {
  const middle = left + width / 2;
  context.fillStyle = SURFACES[theme].critical;
  context.beginPath();
  context.moveTo(middle - 4, 3);
  context.lineTo(middle + 4, 3);
  context.lineTo(middle, 10);
  context.fill();
  context.fillRect(middle - 0.5, 10, 1, layout.attentionTopPx - 10);
}

function paintAxis(context: Pen, scene: StackScene): void {
  const { model, layout, theme, pointed, marked, widthPx } = scene;
  const surface = SURFACES[theme];
  context.fillStyle = surface.panel;
  context.fillRect(layout.barsLeftPx, layout.axisTopPx, widthPx, layout.axisHeightPx);
  context.fillStyle = surface.line;
  for (const y of [layout.axisTopPx, layout.axisTopPx + layout.axisHeightPx - 1]) {
    context.fillRect(layout.barsLeftPx, y, layout.barWidthPx * model.layers.length, 1);
  }
  const middle = layout.axisTopPx + layout.axisHeightPx / 2;
  const own = pointed >= 0 ? pointed : marked;
  const ownPx = own < 0 ? -Infinity : layout.barsLeftPx + own * layout.barWidthPx;
  let freePx = layout.barsLeftPx;
  for (const [index, { layer, isDense }] of model.layers.entries()) {
    const x = layout.barsLeftPx + index * layout.barWidthPx;
    const text = layout.barWidthPx >= 40 && isDense ? `L${layer} dense` : `L${layer}`;
    const textPx = context.measureText(text).width;
    const isOwn = index === own;
    const isInWay = !isOwn && x + textPx + 6 > ownPx && x < ownPx + 30;
    if (!isOwn && (x < freePx || isInWay || (layer % 5 !== 0 && layout.barWidthPx < 24))) continue;
    context.fillStyle = isOwn ? surface.text : surface.muted;
    context.fillText(text, Math.min(x, widthPx - textPx - 2), middle);
    freePx = x + textPx + 6;
  }
}

function paintPath(context: Pen, scene: StackScene, width: number): void {
  const { model, layout, theme, shares } = scene;
  if (layout.pathHeightPx === 0 || shares === null) return;
  const surface = SURFACES[theme];
  const max = Math.max(1e-9, ...shares.values());
  const bottom = layout.pathTopPx + layout.pathHeightPx;
  context.fillStyle = surface.text;
  context.fillText('critical path', 11, bottom - 7, layout.barsLeftPx - 16);
  context.fillStyle = surface.muted;
  context.textAlign = 'right';
  context.fillText(`${(100 * max).toFixed(1)} %`, layout.barsLeftPx - 6, layout.pathTopPx + 2);
  context.textAlign = 'left';
  for (const [index, { layer }] of model.layers.entries()) {
    const share = shares.get(layer) ?? 0;
    const heightPx = (share / max) * layout.pathHeightPx;
    context.fillStyle = index === scene.pointed ? surface.text : surface.muted;
    const left = layout.barsLeftPx + index * layout.barWidthPx;
    context.fillRect(left, bottom - heightPx, width, heightPx);
  }
  context.fillStyle = surface.line;
  context.fillRect(layout.barsLeftPx, bottom, layout.barWidthPx * model.layers.length, 1);
}

function paintMarks(context: Pen, scene: StackScene): void {
  const { layout, theme } = scene;
  const bottom = layout.heightPx - 2;
  for (const [index, colour] of [
    [scene.marked, SURFACES[theme].accent],
    [scene.pointed, SURFACES[theme].text],
  ] as const) {
    if (index < 0) continue;
    context.strokeStyle = colour;
    context.lineWidth = 1.5;
    const left = layout.barsLeftPx + index * layout.barWidthPx;
    context.strokeRect(left - 1, 1, layout.barWidthPx, bottom - 1);
  }
}
