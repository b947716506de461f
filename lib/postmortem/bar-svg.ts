/** A bar a group: what of its time it computed, what it waited for. */
import type { Bar } from '#lib/view/bubble-parts.ts';
import { DEFINITIONS } from '#lib/view/definitions.ts';
import { figureText, ratioFigure } from '#lib/view/format.ts';
import type { LegendEntry } from './document.ts';
import { type Markup, markup } from './markup.ts';
import { bareInk, causeInk, type Ink, legendEntry, solidInk } from './picture-marks.ts';

export interface DrawnBar {
  readonly name: string;
  readonly role: string;
  readonly bar: Bar;
}

const WIDTH = 720;
const LABEL = 84;
const PLOT = WIDTH - LABEL;
const ROW = 30;
const THICK = 18;

export function barsSvg(bars: readonly DrawnBar[]): Markup {
  const told = bars.map(
    ({ name, bar }) =>
      `${name}: ${bar.parts.map((part) => `${partName(part)} ${figureText(ratioFigure(part.ratio))}`).join(', ')}`,
  );
  return markup`<svg viewBox="0 0 ${WIDTH} ${bars.length * ROW}" role="img" aria-label="${told.join('. ')}">${bars.map(
    ({ name, role, bar }, row) => {
      const y = row * ROW + 3 + THICK / 2;
      let x = LABEL;
      return markup`<text x="${LABEL - 6}" y="${y + 3}" text-anchor="end">${name.length <= 16 ? name : `${name.slice(0, 15)}…`}</text>${bar.parts.map(
        (part) => {
          const length = part.ratio * PLOT;
          const at = x;
          x += length;
          return markup`<path d="M${round(at)} ${y}h${round(length)}" stroke-width="${THICK}" ${partInk(part, role).stroke}/>${
            length < 38
              ? ''
              : markup`<text x="${round(at + length / 2)}" y="${y + THICK / 2 + 9}" text-anchor="middle" class="muted">${figureText(ratioFigure(part.ratio))}</text>`
          }`;
        },
      )}`;
    },
  )}</svg>`;
}

type Part = Bar['parts'][number];

function partInk({ cause, look, colour }: Part, role: string): Ink {
  if (cause !== null) return causeInk(cause, role);
  return look === 'bare' ? bareInk() : solidInk(colour);
}

function partName({ label, term }: Part): string {
  return label === term ? DEFINITIONS[term].name.toLowerCase() : label;
}

export function barLegend(bars: readonly DrawnBar[]): LegendEntry[] {
  const entries = new Map<string, LegendEntry>();
  for (const { bar, role } of bars) {
    for (const part of bar.parts) {
      const ink = partInk(part, role);
      const key = `${partName(part)} ${ink.colour}`;
      if (!entries.has(key)) {
        // The compute of either side has a colour of its own, and so has waiting for it.
        const whose = part.term === 'compute' ? ` (${role})` : '';
        entries.set(key, legendEntry(`${partName(part)}${whose}`, ink));
      }
    }
  }
  return [...entries.values()];
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
