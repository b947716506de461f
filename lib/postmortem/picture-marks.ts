/**
 * What pictures are drawn with: stages in their colours, waiting hatched by cause. Strokes are as thick
 * as a lane, so that a box is four numbers. Colours that differ by theme are classes of `style.ts`.
 */
import type { CauseName } from '#lib/api/waits.ts';
import { CAUSES, causeColour, isCause } from '#lib/view/cause-look.ts';
import { SURFACES } from '#lib/view/palette.ts';
import type { LegendEntry } from './document.ts';
import { type Markup, markup } from './markup.ts';

/** A colour for SVG: of every theme, or by class. */
export interface Ink {
  readonly colour: string;
  readonly isHatched: boolean;
  /** Attributes of a stroke. */
  readonly stroke: Markup;
}

const ROLES = ['attention', 'ffn'] as const;

function hatchId(cause: CauseName, role: string): string {
  return `hatch-${cause}-${role === 'ffn' ? 'ffn' : 'attention'}`;
}

/** Once in a page, before the first picture. */
export const PICTURE_DEFS: Markup = markup`<svg class="defs" width="0" height="0" aria-hidden="true" focusable="false"><defs>${CAUSES.flatMap(
  ({ name }) =>
    ROLES.map(
      (role) =>
        markup`<pattern id="${hatchId(name, role)}" patternUnits="userSpaceOnUse" width="4" height="4" patternTransform="rotate(45)"><rect width="4" height="4" class="ground"/><path d="M0 1h4" stroke-width="1.7" ${ink(causeColour(name, role, 'dark'))}/></pattern>`,
    ),
)}</defs></svg>`;

/** The colours of severity are not the same in both themes. */
function ink(colour: string): Markup {
  const { critical, warning } = SURFACES.dark;
  if (colour === critical) return markup`class="critical"`;
  if (colour === warning) return markup`class="warning"`;
  return markup`stroke="${colour}"`;
}

export function solidInk(colour: string): Ink {
  return { colour, isHatched: false, stroke: ink(colour) };
}

/** `role`: of the worker that waits. Waiting without a known cause is dotted. */
export function causeInk(cause: string, role: string): Ink {
  if (!isCause(cause) || cause === 'unknownNs') return bareInk();
  return {
    colour: causeColour(cause, role, 'dark'),
    isHatched: true,
    stroke: markup`stroke="url(#${hatchId(cause, role)})"`,
  };
}

export function bareInk(): Ink {
  return { colour: '', isHatched: false, stroke: markup`class="bare"` };
}

export function legendEntry(label: string, { stroke }: Ink): LegendEntry {
  return {
    label,
    mark: markup`<svg class="mark" width="14" height="10" viewBox="0 0 14 10" aria-hidden="true"><path d="M0 5h14" stroke-width="10" ${stroke}/></svg>`,
  };
}
