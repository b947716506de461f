/** The look of a wait on a canvas: no fill, lines in the colour of what is waited for. */

import type { Pen } from '#lib/view/pen.ts';
import { SvgPen } from '#lib/view/svg-pen.ts';

/** Device pixels from a line to the next; `ratio`: of them in a CSS pixel. */
export function hatchPeriodPx(ratio: number): number {
  return Math.round(6 * ratio);
}

/** Diagonal lines that continue from box to box. */
export function hatch(context: CanvasRenderingContext2D, colour: string): CanvasPattern | null {
  const tile = document.createElement('canvas');
  const ratio = window.devicePixelRatio || 1;
  const sizePx = hatchPeriodPx(ratio);
  tile.width = sizePx;
  tile.height = sizePx;
  const brush = tile.getContext('2d');
  if (brush === null) return null;
  brush.strokeStyle = colour;
  brush.lineWidth = 1.2 * ratio;
  for (const shift of [-sizePx, 0, sizePx]) {
    brush.beginPath();
    brush.moveTo(shift - 1, sizePx + 1);
    brush.lineTo(shift + sizePx + 1, -1);
    brush.stroke();
  }
  const pattern = context.createPattern(tile, 'repeat');
  pattern?.setTransform(new DOMMatrix([1 / ratio, 0, 0, 1 / ratio, 0, 0]));
  return pattern;
}

/** The same with any pen that pictures are painted with. */
export function hatchWith(pen: Pen, colour: string): CanvasPattern | string | null {
  if (pen instanceof SvgPen) return pen.hatch(colour);
  return pen instanceof CanvasRenderingContext2D ? hatch(pen, colour) : null;
}
