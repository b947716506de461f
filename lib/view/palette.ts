/**
 * The colours of the product, for both themes. `app/globals.css` holds the same values as CSS
 * variables (a test compares them); canvases and charts take them from here.
 *
 * Stages keep one colour in both themes and on all pages, picked to stay apart under the common
 * kinds of colour blindness and always doubled by position, label or pattern.
 */

export type ThemeName = 'dark' | 'light';

export interface SurfaceColours {
  readonly background: string;
  readonly panel: string;
  readonly raised: string;
  readonly line: string;
  readonly text: string;
  readonly muted: string;
  readonly accent: string;
  readonly critical: string;
  readonly warning: string;
}

export const SURFACES: Readonly<Record<ThemeName, SurfaceColours>> = {
  dark: {
    background: '#0b0e14',
    panel: '#11151d',
    raised: '#1a202b',
    line: '#232a36',
    text: '#d7dde8',
    muted: '#8a94a6',
    accent: '#4f9dff',
    critical: '#ff5d5d',
    warning: '#f0b429',
  },
  // Severity and links are darker than in the dark theme: they are text here and need 4.5:1 on white.
  light: {
    background: '#ffffff',
    panel: '#f6f7f9',
    raised: '#eceff3',
    line: '#e2e6ec',
    text: '#1a2130',
    muted: '#5c6675',
    accent: '#1763c6',
    critical: '#c62828',
    warning: '#8a5a00',
  },
};

/** Fill of a stage's boxes and lines. */
export const STAGE_COLOURS = {
  attention: '#4f9dff',
  gate: '#8f7bff',
  combine: '#7cc4ff',
  a2f: '#2bb3a3',
  f2a: '#c77dd8',
  expert: '#f2a33a',
  shared_expert: '#f4d35e',
  dense: '#a7c957',
  collective: '#5fa05f',
  sample: '#9fb6d9',
  copy: '#b08a66',
  host: '#7d8594',
} as const;
export type StageColourName = keyof typeof STAGE_COLOURS;

/** Text that sits on a stage's colour. */
export const ON_STAGE = '#0b0e14';

const COLOUR_BY_STAGE: ReadonlyMap<string, StageColourName> = new Map([
  ['a2f_send', 'a2f'],
  ['a2f_recv', 'a2f'],
  ['f2a_send', 'f2a'],
  ['f2a_recv', 'f2a'],
]);

function hasColour(stage: string): stage is StageColourName {
  return Object.hasOwn(STAGE_COLOURS, stage);
}

/** The colour name of a stage; stages that we do not know look like host work. */
export function stageColourName(stage: string): StageColourName {
  if (hasColour(stage)) return stage;
  return COLOUR_BY_STAGE.get(stage) ?? 'host';
}

export interface BoxLook {
  readonly colour: string;
  /** Waits are hatched and unfilled. */
  readonly hatched: boolean;
}

/** How a box of the strip looks. A wait takes the colour of the work that it waits for. */
export function boxLook(stage: string, kind: string): BoxLook {
  if (kind !== 'wait') return { colour: STAGE_COLOURS[stageColourName(stage)], hatched: false };
  const awaited: StageColourName =
    stage === 'f2a_recv' ? 'expert' : stage === 'a2f_recv' ? 'attention' : stageColourName(stage);
  return { colour: STAGE_COLOURS[awaited], hatched: true };
}

/** The lead colour of a group: that of its role's compute. */
export function roleColour(role: string): string {
  if (role === 'attention') return STAGE_COLOURS.attention;
  if (role === 'ffn') return STAGE_COLOURS.expert;
  return role === 'prefill' ? STAGE_COLOURS.gate : STAGE_COLOURS.collective;
}

function channels(hex: string): readonly [number, number, number] {
  return [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)) as [
    number,
    number,
    number,
  ];
}

/** Mix of two `#rrggbb` colours; `share` 0 gives `from`, 1 gives `to`. */
export function mixColours(from: string, to: string, share: number): string {
  const a = channels(from);
  const b = channels(to);
  const s = Math.min(1, Math.max(0, share));
  return `#${a
    .map((value, i) =>
      Math.round(value + (b[i]! - value) * s)
        .toString(16)
        .padStart(2, '0'),
    )
    .join('')}`;
}

/** WCAG 2 contrast ratio of two `#rrggbb` colours, 1..21. */
export function contrastRatio(first: string, second: string): number {
  const luminance = (hex: string) => {
    const [r, g, b] = channels(hex).map((value) => {
      const c = value / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    }) as [number, number, number];
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [dark, bright] = [luminance(first), luminance(second)].sort((a, b) => a - b) as [
    number,
    number,
  ];
  return (bright + 0.05) / (dark + 0.05);
}
