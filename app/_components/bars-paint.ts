/** Stacked bars and the gauge of the sides as pictures, as the pages show them. */
import { BAND, GAUGE_TICKS, type Gauge, gaugePlace } from '#lib/view/balance-view.ts';
import { ratioFigure, significant } from '#lib/view/format.ts';
import { ON_STAGE, SURFACES, type ThemeName } from '#lib/view/palette.ts';
import type { LegendMark, Pen } from '#lib/view/pen.ts';
import { hatchWith } from './hatch.ts';

export interface PaintedBar {
  readonly name: string;
  readonly parts: readonly {
    readonly label: string;
    readonly ratio: number;
    readonly look: 'filled' | 'hatched' | 'bare';
    readonly colour: string;
  }[];
}

const NAME_PX = 18;
const BAR_PX = 28;
const GAP_PX = 10;
export const GAUGE_PX = 84;
/** Narrower parts have no number. */
const LEAST_NUMBER_PX = 44;
const FONT = '12px system-ui, sans-serif';

export function barsHeightPx(bars: readonly PaintedBar[]): number {
  return bars.length * (NAME_PX + BAR_PX + GAP_PX);
}

export function barsLegend(bars: readonly PaintedBar[]): readonly LegendMark[] {
  return bars.flatMap(({ name: bar, parts }) =>
    parts.map(({ label, look, colour }) => ({
      name: bars.length > 1 ? `${bar}: ${label}` : label,
      look,
      colour,
    })),
  );
}

export function paintBars(
  pen: Pen,
  bars: readonly PaintedBar[],
  widthPx: number,
  theme: ThemeName,
  fromPx = 0,
): void {
  const surface = SURFACES[theme];
  pen.font = FONT;
  pen.textBaseline = 'middle';
  for (const [at, { name, parts }] of bars.entries()) {
    const topPx = fromPx + at * (NAME_PX + BAR_PX + GAP_PX);
    const barPx = topPx + NAME_PX;
    pen.textAlign = 'left';
    pen.fillStyle = surface.text;
    pen.fillText(name, 0, topPx + NAME_PX / 2, widthPx);
    let leftPx = 0;
    for (const { ratio, look, colour } of parts) {
      const partPx = ratio * widthPx;
      if (look === 'bare') {
        pen.fillStyle = surface.muted;
        for (let x = leftPx; x < leftPx + partPx - 1; x += 4)
          pen.fillRect(x, barPx + BAR_PX - 3, 2, 2);
      } else {
        pen.fillStyle = look === 'hatched' ? (hatchWith(pen, colour) ?? colour) : colour;
        pen.fillRect(leftPx, barPx, partPx, BAR_PX);
      }
      if (partPx >= LEAST_NUMBER_PX)
        paintNumber(pen, ratio, look, leftPx + partPx / 2, barPx, theme);
      leftPx += partPx;
    }
    pen.strokeStyle = surface.line;
    pen.lineWidth = 1;
    pen.strokeRect(0.5, barPx + 0.5, widthPx - 1, BAR_PX - 1);
  }
}

function paintNumber(
  pen: Pen,
  ratio: number,
  look: PaintedBar['parts'][number]['look'],
  middlePx: number,
  barPx: number,
  theme: ThemeName,
): void {
  const surface = SURFACES[theme];
  const text = `${ratioFigure(ratio).value} %`;
  if (look !== 'filled') {
    const textPx = pen.measureText(text).width + 8;
    pen.fillStyle = surface.panel;
    pen.fillRect(middlePx - textPx / 2, barPx + BAR_PX / 2 - 9, textPx, 18);
  }
  pen.textAlign = 'center';
  pen.fillStyle = look === 'filled' ? ON_STAGE : surface.text;
  pen.fillText(text, middlePx, barPx + BAR_PX / 2);
}

/** The scale with its healthy band, and both ratios on it. */
export function paintGauge(pen: Pen, gauge: Gauge, widthPx: number, theme: ThemeName): void {
  const surface = SURFACES[theme];
  const [edgePx, roomPx] = [16, widthPx - 32];
  const xOf = (at: number): number => edgePx + at * roomPx;
  pen.strokeStyle = surface.line;
  pen.lineWidth = 1;
  pen.strokeRect(edgePx + 0.5, 16.5, roomPx - 1, 8);
  const [from, to] = [xOf(gaugePlace(BAND[0])), xOf(gaugePlace(BAND[1]))];
  pen.fillStyle = surface.raised;
  pen.fillRect(from, 12, to - from, 16);
  pen.strokeStyle = surface.muted;
  pen.strokeRect(from + 0.5, 12.5, to - from - 1, 15);
  for (const [mark, isHollow] of [
    [gauge.median, true],
    [gauge.effective, false],
  ] as const) {
    const x = xOf(mark.at);
    pen.fillStyle = isHollow ? surface.panel : surface.text;
    pen.strokeStyle = surface.text;
    pen.lineWidth = 1.5;
    pen.beginPath();
    pen.moveTo(x - 6, 1);
    pen.lineTo(x + 6, 1);
    pen.lineTo(x, 12);
    pen.closePath();
    pen.fill();
    pen.stroke();
    pen.fillStyle = surface.text;
    pen.fillRect(x - (isHollow ? 0.5 : 1), 12, isHollow ? 1 : 2, 16);
  }
  pen.font = FONT;
  pen.textBaseline = 'middle';
  pen.fillStyle = surface.muted;
  for (const tick of GAUGE_TICKS) {
    pen.textAlign = 'center';
    pen.fillText(String(tick), xOf(gaugePlace(tick)), 40);
  }
  pen.textAlign = 'left';
  pen.fillText('← FFN slower', edgePx, 62);
  pen.textAlign = 'right';
  pen.fillText('attention slower →', widthPx - edgePx, 62);
  pen.textAlign = 'center';
  pen.fillStyle = surface.text;
  const [effective, median] = [gauge.effective, gauge.median].map(({ ratio }) =>
    significant(ratio),
  );
  pen.fillText(`▼ Ea / Ef ${effective}    ▽ Ta / Tf ${median}`, widthPx / 2, 62);
}
