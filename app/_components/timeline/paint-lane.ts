/** The lane above the axis: a hatched stretch and a glyph for each place with marks. */
import { SURFACES, type ThemeName } from '#lib/view/palette.ts';
import type { LaneItem } from '#lib/view/timeline-marks.ts';
import { hatch } from '../hatch.ts';

export const LANE_PX = 15;

export function paintLane(
  context: CanvasRenderingContext2D,
  items: readonly LaneItem[],
  widthPx: number,
  theme: ThemeName,
): void {
  const surface = SURFACES[theme];
  context.fillStyle = surface.panel;
  context.fillRect(0, 0, widthPx, LANE_PX);
  context.font = '11px system-ui, sans-serif';
  context.textBaseline = 'middle';
  const pattern = hatch(context, surface.warning);
  for (const { fromPx, widthPx: itemPx, glyph } of items) {
    context.globalAlpha = 0.55;
    context.fillStyle = pattern ?? surface.warning;
    context.fillRect(fromPx, 2, itemPx - 1, LANE_PX - 4);
    context.globalAlpha = 1;
    context.fillStyle = surface.panel;
    context.fillRect(fromPx, 2, 12, LANE_PX - 4);
    context.fillStyle = surface.warning;
    context.fillRect(fromPx, 1, 1, LANE_PX - 2);
    context.fillText(glyph, fromPx + 2, LANE_PX / 2 + 0.5);
  }
}
