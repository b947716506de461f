/** What stands around a picture that is saved: its title, which time it is of, its legend. */
import type { SurfaceColours } from './palette.ts';
import type { LegendMark, Pen } from './pen.ts';

export interface PictureFrame {
  readonly title: string;
  /** Deployment, window and when it was saved. */
  readonly subtitle: string;
  readonly legend: readonly LegendMark[];
  readonly widthPx: number;
  readonly heightPx: number;
}

const MARGIN_PX = 12;
const TITLE_PX = 40;
const LEGEND_LINE_PX = 18;
const FONT = '12px system-ui, sans-serif';
const TITLE_FONT = '600 14px system-ui, sans-serif';

export interface FrameLayout {
  readonly widthPx: number;
  readonly heightPx: number;
  /** Where the picture itself goes. */
  readonly leftPx: number;
  readonly topPx: number;
  readonly marks: readonly { readonly mark: LegendMark; readonly x: number; readonly y: number }[];
}

/** `measure`: the width of a text of the legend. */
export function frameLayout(
  frame: PictureFrame,
  measure: (text: string, font: string) => number,
): FrameLayout {
  const widthPx = Math.max(frame.widthPx + 2 * MARGIN_PX, 320);
  let x = MARGIN_PX;
  let y = MARGIN_PX + TITLE_PX;
  const marks = frame.legend.map((mark) => {
    const takesPx = measure(mark.name, FONT) + 34;
    if (x + takesPx > widthPx - MARGIN_PX && x > MARGIN_PX) {
      x = MARGIN_PX;
      y += LEGEND_LINE_PX;
    }
    const place = { mark, x, y };
    x += takesPx;
    return place;
  });
  const topPx = frame.legend.length === 0 ? y : y + LEGEND_LINE_PX + 4;
  return {
    widthPx,
    heightPx: topPx + frame.heightPx + MARGIN_PX,
    leftPx: MARGIN_PX,
    topPx,
    marks,
  };
}

/** `hatchOf`: the pen's fill of diagonal lines. */
export function paintFrame(
  pen: Pen,
  frame: PictureFrame,
  layout: FrameLayout,
  surface: SurfaceColours,
  hatchOf: (colour: string) => string | object,
): void {
  pen.fillStyle = surface.panel;
  pen.fillRect(0, 0, layout.widthPx, layout.heightPx);
  pen.textBaseline = 'middle';
  pen.textAlign = 'left';
  pen.font = TITLE_FONT;
  pen.fillStyle = surface.text;
  const roomPx = layout.widthPx - 2 * MARGIN_PX;
  pen.fillText(frame.title, MARGIN_PX, MARGIN_PX + 8, roomPx);
  pen.font = FONT;
  pen.fillStyle = surface.muted;
  pen.fillText(frame.subtitle, MARGIN_PX, MARGIN_PX + 26, roomPx);
  for (const { mark, x, y } of layout.marks) {
    const middle = y + LEGEND_LINE_PX / 2;
    if (mark.look === 'line' || mark.look === 'dashed') {
      pen.fillStyle = mark.colour;
      const pieces =
        mark.look === 'line'
          ? [[0, 12]]
          : [
              [0, 5],
              [7, 5],
            ];
      for (const [from, length] of pieces) pen.fillRect(x + from!, middle - 1, length!, 2);
    } else {
      pen.fillStyle = mark.look === 'filled' ? mark.colour : surface.raised;
      pen.fillRect(x, middle - 5, 10, 10);
      if (mark.look === 'hatched') {
        pen.fillStyle = hatchOf(mark.colour);
        pen.fillRect(x, middle - 5, 10, 10);
      }
    }
    pen.fillStyle = surface.muted;
    pen.fillText(mark.name, x + 17, middle);
  }
}
