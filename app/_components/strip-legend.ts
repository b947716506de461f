import { STAGE_COLOURS } from '#lib/view/palette.ts';

/** What the ping-pong strip's boxes mean, on the page and in a picture of it. */
export const STRIP_LEGEND = [
  { name: 'attention', colour: STAGE_COLOURS.attention, look: 'filled' },
  { name: 'expert', colour: STAGE_COLOURS.expert, look: 'filled' },
  { name: 'A2F', colour: STAGE_COLOURS.a2f, look: 'filled' },
  { name: 'F2A', colour: STAGE_COLOURS.f2a, look: 'filled' },
  { name: 'wait', colour: STAGE_COLOURS.host, look: 'hatched' },
] as const;
