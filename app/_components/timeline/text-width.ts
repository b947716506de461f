/** Widths of words that are drawn again with every frame: measuring costs more than drawing. */

/** Numbers in the words change as the view goes on: what was measured long ago is forgotten. */
const MAX_KNOWN = 4096;
const known = new Map<string, number>();

/** In pixels, in the context's font. */
export function textWidth(context: CanvasRenderingContext2D, text: string): number {
  const key = `${context.font}\n${text}`;
  let widthPx = known.get(key);
  if (widthPx === undefined) {
    if (known.size >= MAX_KNOWN) known.clear();
    widthPx = context.measureText(text).width;
    known.set(key, widthPx);
  }
  return widthPx;
}
