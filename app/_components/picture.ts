/** A picture of a page as a file of its own: framed, in the colours of the theme, PNG or SVG. */
import { SURFACES, type ThemeName } from '#lib/view/palette.ts';
import type { LegendMark, Pen } from '#lib/view/pen.ts';
import {
  type FrameLayout,
  frameLayout,
  type PictureFrame,
  paintFrame,
} from '#lib/view/picture-frame.ts';
import { SvgPen } from '#lib/view/svg-pen.ts';
import { hatch } from './hatch.ts';

/**
 * How the picture is drawn, in CSS pixels from its top left corner. `paint`: with any pen, so that it
 * can be SVG, too. `canvases`: copied as they are, one below the other. `svg`: markup of its own.
 */
export type PictureBody =
  | { readonly paint: (pen: Pen) => void }
  | { readonly canvases: () => readonly (HTMLCanvasElement | null)[] }
  | { readonly svg: () => string };

export interface Picture {
  /** Of the file, without its ending. */
  readonly name: string;
  readonly title: string;
  readonly legend?: readonly LegendMark[];
  readonly widthPx: number;
  readonly heightPx: number;
  readonly body: PictureBody;
}

const PNG_RATIO = 2;

export async function pngOf(picture: Picture, subtitle: string, theme: ThemeName): Promise<Blob> {
  const { frame, layout } = framed(picture, subtitle);
  const ratio = PNG_RATIO;
  const canvas = sheet(layout.widthPx * ratio, layout.heightPx * ratio);
  const pen = contextOf(canvas);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  paintFrame(pen, frame, layout, SURFACES[theme], (colour) => hatch(pen, colour) ?? colour);
  const { leftPx, topPx } = layout;
  const { body, widthPx, heightPx } = picture;
  if ('paint' in body) {
    // On a sheet of its own: paintings clear what they paint on.
    const own = sheet(widthPx * ratio, heightPx * ratio);
    const ownPen = contextOf(own);
    ownPen.setTransform(ratio, 0, 0, ratio, 0, 0);
    body.paint(ownPen);
    pen.drawImage(own, leftPx, topPx, widthPx, heightPx);
  } else if ('canvases' in body) {
    let y = topPx;
    for (const one of body.canvases()) {
      if (one === null || one.width === 0) continue;
      const height = (one.height / one.width) * widthPx;
      pen.drawImage(one, leftPx, y, widthPx, height);
      y += height;
    }
  } else {
    pen.drawImage(await imageOf(body.svg()), leftPx, topPx, widthPx, heightPx);
  }
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => {
      if (blob === null) reject(new Error('the picture is too large for this browser'));
      else resolve(blob);
    }, 'image/png');
  });
}

/** null: it can be a PNG only. */
export function svgOf(picture: Picture, subtitle: string, theme: ThemeName): string | null {
  const { body } = picture;
  if ('canvases' in body) return null;
  const { frame, layout } = framed(picture, subtitle);
  const pen = new SvgPen(measure);
  paintFrame(pen, frame, layout, SURFACES[theme], (colour) => pen.hatch(colour));
  pen.save();
  pen.translate(layout.leftPx, layout.topPx);
  if ('paint' in body) body.paint(pen);
  else pen.insert(body.svg(), 0, 0);
  pen.restore();
  return pen.finish(layout.widthPx, layout.heightPx);
}

function framed(
  { title, legend = [], widthPx, heightPx }: Picture,
  subtitle: string,
): { readonly frame: PictureFrame; readonly layout: FrameLayout } {
  const frame = { title, subtitle, legend, widthPx, heightPx };
  return { frame, layout: frameLayout(frame, measure) };
}

function sheet(width: number, height: number): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(width));
  canvas.height = Math.max(1, Math.round(height));
  return canvas;
}

function contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('this browser gives no canvas');
  return context;
}

let ruler: CanvasRenderingContext2D | null = null;

function measure(text: string, font: string): number {
  ruler ??= contextOf(sheet(1, 1));
  ruler.font = font;
  return ruler.measureText(text).width;
}

async function imageOf(svg: string): Promise<HTMLImageElement> {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  return image;
}
