import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { KINDS, STAGES } from '#lib/table/codes.ts';
import {
  boxLook,
  contrastRatio,
  mixColours,
  ON_STAGE,
  STAGE_COLOURS,
  SURFACES,
  stageColourName,
} from '#lib/view/palette.ts';

const css = readFileSync(new URL('../../../app/globals.css', import.meta.url), 'utf8');

describe.each(['dark', 'light'] as const)('%s theme', (theme) => {
  const block = new RegExp(`\\[data-theme="${theme}"\\]\\s*\\{([^}]*)\\}`).exec(css)?.[1] ?? '';
  const surface = SURFACES[theme];

  test.each(Object.entries(surface))('the style sheet has the same --%s', (name, colour) => {
    expect(block).toContain(`--${name}: ${colour};`);
  });

  test.each(['background', 'panel', 'raised'] as const)('text on %s meets WCAG AA', (ground) => {
    for (const ink of ['text', 'muted', 'accent', 'critical', 'warning'] as const) {
      const ratio = contrastRatio(surface[ink], surface[ground]);
      expect(ratio, `${ink} on ${ground}`).toBeGreaterThanOrEqual(4.5);
    }
  });
});

test('digits on every stage colour can be read', () => {
  for (const [name, colour] of Object.entries(STAGE_COLOURS)) {
    expect(contrastRatio(ON_STAGE, colour), name).toBeGreaterThanOrEqual(4.5);
  }
});

test('contrast is that of WCAG', () => {
  expect(contrastRatio('#000000', '#ffffff')).toBeCloseTo(21, 6);
  expect(contrastRatio('#777777', '#ffffff')).toBeCloseTo(4.478, 3);
});

test('every stage of the schema has a colour of its own or shares that of its direction', () => {
  for (const stage of STAGES) expect(STAGE_COLOURS).toHaveProperty(stageColourName(stage));
  expect(stageColourName('a2f_recv')).toBe('a2f');
  expect(stageColourName('f2a_send')).toBe('f2a');
  expect(stageColourName('toString')).toBe('host');
});

test('only waits are hatched, in the colour of what they wait for', () => {
  for (const kind of KINDS) expect(boxLook('f2a_recv', kind).hatched).toBe(kind === 'wait');
  expect(boxLook('f2a_recv', 'wait').colour).toBe(STAGE_COLOURS.expert);
  expect(boxLook('a2f_recv', 'wait').colour).toBe(STAGE_COLOURS.attention);
  expect(boxLook('a2f_recv', 'transfer').colour).toBe(STAGE_COLOURS.a2f);
});

test('mixing colours', () => {
  expect(mixColours('#000000', '#ffffff', 0.5)).toBe('#808080');
  expect(mixColours('#102030', '#ffffff', -1)).toBe('#102030');
});
