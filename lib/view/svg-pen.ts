/** Writes what is painted as SVG. Clearing does nothing: a picture starts empty. */
import type { Pen } from './pen.ts';

interface PenState {
  readonly fillStyle: string | object;
  readonly strokeStyle: string | object;
  readonly lineWidth: number;
  readonly globalAlpha: number;
  readonly font: string;
  readonly textAlign: Pen['textAlign'];
  readonly textBaseline: Pen['textBaseline'];
  readonly x: number;
  readonly y: number;
}

export class SvgPen implements Pen {
  fillStyle: string | object = '#000000';
  strokeStyle: string | object = '#000000';
  lineWidth = 1;
  globalAlpha = 1;
  font = '10px sans-serif';
  textAlign: Pen['textAlign'] = 'start';
  textBaseline: Pen['textBaseline'] = 'alphabetic';
  readonly #measure: (text: string, font: string) => number;
  readonly #states: PenState[] = [];
  readonly #hatches = new Map<string, string>();
  readonly #parts: string[] = [];
  #path = '';
  #x = 0;
  #y = 0;

  /** `measure`: the width of a text in CSS pixels. */
  constructor(measure: (text: string, font: string) => number) {
    this.#measure = measure;
  }

  save(): void {
    const { fillStyle, strokeStyle, lineWidth, globalAlpha, font, textAlign, textBaseline } = this;
    this.#states.push({
      fillStyle,
      strokeStyle,
      lineWidth,
      globalAlpha,
      font,
      textAlign,
      textBaseline,
      x: this.#x,
      y: this.#y,
    });
  }

  restore(): void {
    const state = this.#states.pop();
    if (state === undefined) return;
    const { x, y, ...style } = state;
    Object.assign(this, style);
    this.#x = x;
    this.#y = y;
  }

  translate(x: number, y: number): void {
    this.#x += x;
    this.#y += y;
  }

  clearRect(): void {}

  fillRect(x: number, y: number, width: number, height: number): void {
    this.#parts.push(`<rect ${this.#box(x, y, width, height)}${this.#fill()}/>`);
  }

  strokeRect(x: number, y: number, width: number, height: number): void {
    this.#parts.push(`<rect ${this.#box(x, y, width, height)}${this.#stroke()}/>`);
  }

  fillText(text: string, x: number, y: number, maxWidth?: number): void {
    const widthPx = maxWidth === undefined ? 0 : this.measureText(text).width;
    const squeezed =
      maxWidth !== undefined && widthPx > maxWidth
        ? ` textLength="${digits(maxWidth)}" lengthAdjust="spacingAndGlyphs"`
        : '';
    const anchor =
      this.textAlign === 'center'
        ? ' text-anchor="middle"'
        : this.textAlign === 'right' || this.textAlign === 'end'
          ? ' text-anchor="end"'
          : '';
    const baseline = this.textBaseline === 'middle' ? ' dominant-baseline="central"' : '';
    this.#parts.push(
      `<text x="${digits(x + this.#x)}" y="${digits(y + this.#y)}" style="font:${escaped(this.font)}"` +
        `${anchor}${baseline}${squeezed}${this.#fill()}>${escaped(text)}</text>`,
    );
  }

  measureText(text: string): { readonly width: number } {
    return { width: this.#measure(text, this.font) };
  }

  beginPath(): void {
    this.#path = '';
  }

  moveTo(x: number, y: number): void {
    this.#path += `M${digits(x + this.#x)} ${digits(y + this.#y)}`;
  }

  lineTo(x: number, y: number): void {
    this.#path += `L${digits(x + this.#x)} ${digits(y + this.#y)}`;
  }

  closePath(): void {
    this.#path += 'Z';
  }

  fill(): void {
    this.#parts.push(`<path d="${this.#path}"${this.#fill()}/>`);
  }

  stroke(): void {
    this.#parts.push(`<path d="${this.#path}"${this.#stroke()}/>`);
  }

  /** Diagonal lines in `colour`, as a fill. */
  hatch(colour: string): string {
    const known = this.#hatches.get(colour);
    const id = known ?? `hatch-${this.#hatches.size}`;
    this.#hatches.set(colour, id);
    return `url(#${id})`;
  }

  /** Markup of another drawing, with its top left corner here. */
  insert(svg: string, x: number, y: number): void {
    this.#parts.push(
      `<g transform="translate(${digits(x + this.#x)} ${digits(y + this.#y)})">${svg}</g>`,
    );
  }

  /** The document. */
  finish(widthPx: number, heightPx: number): string {
    const hatches = [...this.#hatches].map(
      ([colour, id]) =>
        `<pattern id="${id}" width="6" height="6" patternUnits="userSpaceOnUse">` +
        `<path d="M-1 7L7 -1M-4 4L4 -4M2 10L10 2" stroke="${escaped(colour)}" stroke-width="1.2"/></pattern>`,
    );
    const defs = hatches.length === 0 ? '' : `<defs>${hatches.join('')}</defs>`;
    return (
      `<svg xmlns="http://www.w3.org/2000/svg" width="${digits(widthPx)}" height="${digits(heightPx)}" ` +
      `viewBox="0 0 ${digits(widthPx)} ${digits(heightPx)}">${defs}${this.#parts.join('')}</svg>\n`
    );
  }

  #box(x: number, y: number, width: number, height: number): string {
    // A canvas takes negative sizes, SVG does not.
    const left = Math.min(x, x + width) + this.#x;
    const top = Math.min(y, y + height) + this.#y;
    return `x="${digits(left)}" y="${digits(top)}" width="${digits(Math.abs(width))}" height="${digits(Math.abs(height))}"`;
  }

  #fill(): string {
    return ` fill="${escaped(String(this.fillStyle))}"${this.#alpha()}`;
  }

  #stroke(): string {
    return ` fill="none" stroke="${escaped(String(this.strokeStyle))}" stroke-width="${digits(this.lineWidth)}"${this.#alpha()}`;
  }

  #alpha(): string {
    return this.globalAlpha === 1 ? '' : ` opacity="${digits(this.globalAlpha)}"`;
  }
}

/** Hundredths of a pixel are enough. */
function digits(value: number): string {
  return String(Math.round(value * 100) / 100);
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
