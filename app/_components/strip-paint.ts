/** Draws the ping-pong strip's boxes, axis and hatches on a canvas. */
import { durationFigure, figureText } from '#lib/view/format.ts';
import { boxLook, ON_STAGE, SURFACES, type ThemeName } from '#lib/view/palette.ts';
import type { Pen } from '#lib/view/pen.ts';
import type { StripLayout } from '#lib/view/strip-layout.ts';
import { firstVisible, laneOf, type StripModel } from '#lib/view/strip-model.ts';
import { timeTicks, type Viewport, xOf } from '#lib/view/strip-viewport.ts';
import { hatchWith } from './hatch.ts';

export interface StripScene {
  readonly model: StripModel;
  readonly layout: StripLayout;
  readonly view: Viewport;
  readonly widthPx: number;
  readonly theme: ThemeName;
  /** The box under the pointer, or -1: its micro-batch is lit on every worker. */
  readonly hovered: number;
}

const DIGIT_PX = 12;

export function paintStrip(context: Pen, scene: StripScene): void {
  const { layout, widthPx, theme, model } = scene;
  const surface = SURFACES[theme];
  context.clearRect(0, 0, widthPx, layout.heightPx);
  context.font = '11px system-ui, sans-serif';
  context.textBaseline = 'middle';
  paintAxis(context, scene);
  const hatches = new Map<string, CanvasPattern | string | null>();
  const hatchOf = (colour: string) => {
    if (!hatches.has(colour)) hatches.set(colour, hatchWith(context, colour));
    return hatches.get(colour) ?? null;
  };
  for (const box of layout.rows) {
    context.fillStyle = surface.background;
    context.fillRect(0, box.topPx, widthPx, box.heightPx - 1);
    paintRow(context, scene, box.row, box.topPx, box.heightPx, box.splitPx, hatchOf);
  }
  if (scene.hovered >= 0) outline(context, scene, model);
}

function paintRow(
  context: Pen,
  scene: StripScene,
  rowIndex: number,
  topPx: number,
  heightPx: number,
  splitPx: number,
  hatchOf: (colour: string) => CanvasPattern | string | null,
): void {
  const { model, view, widthPx, theme, hovered } = scene;
  const { strip } = model;
  const row = model.rows[rowIndex]!;
  const lit = hovered >= 0 ? strip.microbatch[hovered]! : null;
  const first = firstVisible(model, row, view.fromNs);
  // Waits first, so that what moved during them lies on top.
  for (const pass of ['wait', 'other'] as const) {
    let lastPx = -1;
    let lastColour = '';
    for (let box = first; box < row.end; box++) {
      const startNs = strip.startNs[box]!;
      if (startNs >= view.toNs) break;
      const endNs = startNs + strip.boxDurationNs[box]!;
      if (endNs <= view.fromNs) continue;
      const kind = model.kindOf(box);
      if ((kind === 'wait') !== (pass === 'wait')) continue;
      const left = Math.max(-1, xOf(view, startNs, widthPx));
      const right = Math.min(widthPx + 1, xOf(view, endNs, widthPx));
      const look = boxLook(model.stageOf(box), kind);
      const isTop = laneOf(kind) === 'top';
      // Boxes within one pixel column that look alike are one box.
      if (right - left < 1 && Math.floor(left) === lastPx && look.colour === lastColour) continue;
      lastPx = Math.floor(left);
      lastColour = look.colour;
      const microbatch = strip.microbatch[box]!;
      context.globalAlpha = lit === null || microbatch === lit ? 1 : 0.22;
      const y = isTop ? topPx : topPx + splitPx;
      const h = isTop ? splitPx : heightPx - splitPx - 1;
      const w = Math.max(right - left - (right - left > 3 ? 0.75 : 0), 0.6);
      if (look.hatched) {
        context.fillStyle = hatchOf(look.colour) ?? look.colour;
        context.fillRect(left, y, w, h);
      } else {
        context.fillStyle = look.colour;
        context.fillRect(left, y, w, h);
        if (theme === 'light' && w > 3) {
          context.strokeStyle = 'rgba(26, 33, 48, 0.35)';
          context.lineWidth = 0.5;
          context.strokeRect(left + 0.25, y + 0.25, w - 0.5, h - 0.5);
        }
      }
      if (isTop && microbatch >= 0 && w >= DIGIT_PX && h >= 11) {
        context.fillStyle = ON_STAGE;
        context.textAlign = 'center';
        context.fillText(String(microbatch), left + w / 2, y + h / 2 + 0.5);
      }
    }
  }
  context.globalAlpha = 1;
}

/** Layers above, time below. */
function paintAxis(context: Pen, scene: StripScene): void {
  const { model, view, widthPx, theme, layout } = scene;
  const surface = SURFACES[theme];
  let freePx = -Infinity;
  context.textAlign = 'left';
  for (const { layer, startNs } of model.layerStarts) {
    const x = xOf(view, startNs, widthPx);
    if (x < -1 || x > widthPx) continue;
    const isSpaced = x - freePx >= 6;
    if (isSpaced) {
      context.fillStyle = surface.line;
      context.fillRect(Math.round(x), 2, 1, layout.heightPx);
    }
    const label = `L${layer}`;
    const labelPx = context.measureText(label).width;
    if (x >= freePx && x + labelPx < widthPx) {
      context.fillStyle = surface.text;
      context.fillText(label, x + 3, 9);
      freePx = x + labelPx + 10;
    }
  }
  for (const tick of timeTicks(view, widthPx)) {
    const x = xOf(view, tick, widthPx);
    context.fillStyle = surface.muted;
    context.fillRect(Math.round(x), 27, 1, 5);
    const text = figureText(durationFigure(tick));
    if (x + 3 + context.measureText(text).width < widthPx) context.fillText(text, x + 3, 24);
  }
}

function outline(context: Pen, scene: StripScene, model: StripModel): void {
  const { strip } = model;
  const { hovered, view, widthPx, layout } = scene;
  const box = layout.rows[strip.row[hovered]!];
  if (box === undefined) return;
  const isTop = laneOf(model.kindOf(hovered)) === 'top';
  const left = Math.max(0, xOf(view, strip.startNs[hovered]!, widthPx));
  const end = strip.startNs[hovered]! + strip.boxDurationNs[hovered]!;
  const right = Math.min(widthPx, xOf(view, end, widthPx));
  context.strokeStyle = SURFACES[scene.theme].text;
  context.lineWidth = 1.5;
  const y = isTop ? box.topPx : box.topPx + box.splitPx;
  const h = isTop ? box.splitPx : box.heightPx - box.splitPx - 1;
  context.strokeRect(left + 0.75, y + 0.75, Math.max(1, right - left - 1.5), Math.max(1, h - 1.5));
}
