/** Compared figures as the page's table shows them. */
import type { Compare, Compared, ComparedFigure, Finding } from '#lib/api/compare.ts';
import { countFigure, durationFigure, type Figure, NO_FIGURE, ratioFigure } from './format.ts';
import { signedPercent } from './interval-scale.ts';

export function valueFigure(unit: ComparedFigure['unit'], value: number | null): Figure {
  if (value === null) return NO_FIGURE;
  if (unit === 'ns') return durationFigure(value);
  if (unit === 'ratio') return ratioFigure(value);
  return countFigure(value, unit === 'perSecond' ? '/s' : '');
}

/** A difference with sign and arrow: "▲ +1.20 ms", "▼ −2.1 points". */
export function differenceFigure(unit: ComparedFigure['unit'], value: number | null): Figure {
  if (value === null) return NO_FIGURE;
  const size =
    unit === 'ratio'
      ? { ...ratioFigure(Math.abs(value)), unit: 'points' }
      : valueFigure(unit, Math.abs(value));
  const isNothing = /^0(\.0+)?$/.test(size.value);
  const sign = isNothing ? '±' : value > 0 ? '▲ +' : '▼ −';
  return {
    value: `${sign}${isNothing ? ' ' : ''}${size.value}`,
    unit: size.unit,
    exact: size.exact,
  };
}

/** "+7.3 to +9.1 %" of A; null without an interval. */
export function intervalOf({ relative }: Compared): string | null {
  if (relative === null) return null;
  return `${signedPercent(relative.low).replace(' %', '')} to ${signedPercent(relative.high)}`;
}

export type Tone = 'better' | 'worse' | 'changed' | 'calm';

export function toneOf({ finding, better }: Pick<ComparedFigure, 'finding' | 'better'>): Tone {
  if (finding !== 'higher' && finding !== 'lower') return 'calm';
  if (better === 'neither') return 'changed';
  return finding === better ? 'better' : 'worse';
}

export function isDiffering(finding: Finding): boolean {
  return finding === 'higher' || finding === 'lower';
}

/** Significance in words. */
export function findingWords(
  figure: Pick<ComparedFigure, 'finding' | 'better' | 'q' | 'stepsA' | 'stepsB'>,
): string {
  switch (figure.finding) {
    case 'higher':
    case 'lower': {
      const tone = toneOf(figure);
      const kind = tone === 'changed' ? figure.finding : tone;
      return `${kind}, ${certainty(figure.q)}`;
    }
    case 'same':
      return 'no difference shown';
    case 'too-few':
      return `too few steps (${figure.stepsA} and ${figure.stepsB})`;
    case 'only-a':
      return 'only in A';
    case 'only-b':
      return 'only in B';
  }
}

function certainty(q: number | null): string {
  if (q === null) return 'not tested';
  return q < 0.001 ? 'very sure' : q < 0.01 ? 'sure' : 'likely';
}

/** Of a hover: what the words rest on. */
export function testText({ effect, p, q, stepsA, stepsB }: Compared): string {
  const steps = `${stepsA} steps of A, ${stepsB} of B`;
  if (p === null || q === null) return steps;
  const small = (value: number): string => (value < 0.0001 ? '< 0.0001' : `= ${value.toFixed(4)}`);
  return `${steps}; p ${small(p)}, q ${small(q)}; Cliff’s delta ${effect!.toFixed(2)}`;
}

export interface FigureSection {
  readonly title: string;
  readonly figures: readonly ComparedFigure[];
  /** Left out because they do not differ. */
  readonly hidden: number;
}

/** The table in parts; of workers only those that differ, whatever is asked. */
export function figureSections({ headline }: Compare, onlyDiffering: boolean): FigureSection[] {
  const section = (
    title: string,
    scopes: readonly ComparedFigure['scope'][],
    only: boolean,
  ): FigureSection => {
    const all = headline.filter(({ scope }) => scopes.includes(scope));
    const figures = only ? all.filter(({ finding }) => isDiffering(finding)) : all;
    return { title, figures, hidden: all.length - figures.length };
  };
  return [
    section('Cluster', ['cluster'], onlyDiffering),
    section('Pipeline, per layer', ['pipeline'], onlyDiffering),
    section('Groups, per GPU and step', ['group'], onlyDiffering),
    section('Stages, one event', ['stage'], onlyDiffering),
    section('Workers that differ', ['worker'], true),
  ].filter(({ figures, hidden }) => figures.length + hidden > 0);
}

export function figureName({ name, group, worker }: ComparedFigure): string {
  const place = worker ?? group;
  return place === null ? name : `${place} · ${name}`;
}

/** All figures with every digit. */
export function figureTable({ headline }: Compare): (string | number | null)[][] {
  return [
    [
      'scope',
      'group',
      'worker',
      'figure',
      'unit',
      'a',
      'b',
      'shift',
      'low',
      'high',
      'delta',
      'p',
      'q',
      'finding',
      'steps a',
      'steps b',
    ],
    ...headline.map((one) => [
      one.scope,
      one.group,
      one.worker,
      one.id,
      one.unit,
      one.a,
      one.b,
      one.shift?.value ?? null,
      one.shift?.low ?? null,
      one.shift?.high ?? null,
      one.effect,
      one.p,
      one.q,
      one.finding,
      one.stepsA,
      one.stepsB,
    ]),
  ];
}
