/**
 * The colours of boxes as one table of at most 256, so that a box carries an index: stages by kind,
 * and causes by the role of who waits.
 */
import type { CauseName } from '#lib/api/waits.ts';
import { CAUSES, causeColour } from './cause-look.ts';
import { boxLook, STAGE_COLOURS, stageColourName, type ThemeName } from './palette.ts';

const STAGES = Object.keys(STAGE_COLOURS) as (keyof typeof STAGE_COLOURS)[];
const ROLES = ['attention', 'ffn'] as const;
const FIRST_CAUSE = STAGES.length;

/** Index of the colour of a stage's work, or of what it waits for. */
export function stageColourIndex(stage: string, isWait: boolean): number {
  const { colour } = boxLook(stage, isWait ? 'wait' : 'compute');
  const at = STAGES.findIndex((name) => STAGE_COLOURS[name] === colour);
  return at === -1 ? STAGES.indexOf(stageColourName(stage)) : at;
}

export function causeColourIndex(cause: CauseName, role: string): number {
  const at = CAUSES.findIndex(({ name }) => name === cause);
  return FIRST_CAUSE + at * ROLES.length + (role === 'ffn' ? 1 : 0);
}

/** All colours by index, as `#rrggbb`. */
export function timelineColours(theme: ThemeName): readonly string[] {
  return [
    ...STAGES.map((name) => STAGE_COLOURS[name]),
    ...CAUSES.flatMap(({ name }) => ROLES.map((role) => causeColour(name, role, theme))),
  ];
}
