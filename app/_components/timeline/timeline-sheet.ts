/** The timeline as one canvas, to save: names of the rows, axis, and what is drawn in the window. */
import { roleColour, SURFACES, type ThemeName } from '#lib/view/palette.ts';
import type { LaneItem } from '#lib/view/timeline-marks.ts';
import type { TimelineRowBox } from '#lib/view/timeline-rows.ts';
import { LANE_PX, paintLane } from './paint-lane.ts';

export interface SheetParts {
  readonly axis: HTMLCanvasElement;
  /** Of equal size, from below to above. */
  readonly layers: readonly HTMLCanvasElement[];
  /** Those in the window. */
  readonly rows: readonly TimelineRowBox[];
  readonly scrollPx: number;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly axisPx: number;
  /** Where the axis counts from, in words. */
  readonly base: string;
  readonly theme: ThemeName;
  /** Marks above the axis; no lane where there are none. */
  readonly lane: readonly LaneItem[];
}

/** Room for the names of workers, left of the picture. */
export const SHEET_NAMES_PX = 120;
const NAME_PX = 11;
/** An open row says its name on its first band, as the page does. */
const FIRST_BAND_PX = 20;

/** null: the browser gives no context. As many device pixels as the page's canvases have. */
export function timelineSheet(parts: SheetParts): HTMLCanvasElement | null {
  const { axis, layers, widthPx, heightPx, theme, lane } = parts;
  const lanePx = lane.length > 0 ? LANE_PX : 0;
  const axisPx = parts.axisPx + lanePx;
  const canvas = document.createElement('canvas');
  const ratio = Math.max(1, axis.width / Math.max(1, widthPx));
  canvas.width = Math.round((SHEET_NAMES_PX + widthPx) * ratio);
  canvas.height = Math.round((axisPx + heightPx) * ratio);
  const context = canvas.getContext('2d');
  if (context === null) return null;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.fillStyle = SURFACES[theme].background;
  context.fillRect(0, 0, SHEET_NAMES_PX + widthPx, axisPx + heightPx);
  if (lanePx > 0) {
    context.save();
    context.translate(SHEET_NAMES_PX, 0);
    paintLane(context, lane, widthPx, theme);
    context.restore();
  }
  context.drawImage(axis, SHEET_NAMES_PX, lanePx, widthPx, parts.axisPx);
  for (const layer of layers) context.drawImage(layer, SHEET_NAMES_PX, axisPx, widthPx, heightPx);
  context.font = `${NAME_PX}px system-ui, sans-serif`;
  context.textBaseline = 'alphabetic';
  context.fillStyle = SURFACES[theme].muted;
  context.fillText(parts.base, 4, axisPx - 5, SHEET_NAMES_PX - 8);
  context.beginPath();
  context.rect(0, axisPx, SHEET_NAMES_PX, heightPx);
  context.clip();
  context.translate(0, axisPx - parts.scrollPx);
  for (const row of parts.rows) paintName(context, row, theme);
  return canvas;
}

function paintName(context: CanvasRenderingContext2D, row: TimelineRowBox, theme: ThemeName): void {
  const surface = SURFACES[theme];
  const isGroup = row.kind === 'group';
  if (isGroup) {
    context.fillStyle = surface.panel;
    context.fillRect(0, row.topPx, SHEET_NAMES_PX, row.heightPx);
  }
  const heightPx = isGroup || !row.isOpen ? row.heightPx : FIRST_BAND_PX;
  const middlePx = row.topPx + heightPx / 2;
  const leftPx = isGroup ? 4 : 12;
  context.fillStyle = roleColour(isGroup ? row.role : row.worker.role);
  context.fillRect(leftPx, middlePx - 6, 2, 12);
  context.fillStyle = surface.text;
  context.font = `${isGroup ? '600 ' : ''}${NAME_PX}px system-ui, sans-serif`;
  context.textBaseline = 'middle';
  const name = isGroup ? `${row.group} (${row.workers})` : row.worker.workerId;
  context.fillText(name, leftPx + 8, middlePx, SHEET_NAMES_PX - leftPx - 12);
}
