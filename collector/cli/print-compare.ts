/** A comparison as text for people: the verdict, figures, what made steps longer, what does not align. */
import type { Compare, ComparedFigure, CompareSide } from '#lib/api/compare.ts';
import { countText, durationText, ratioText } from './figures.ts';
import { printable } from './printable.ts';
import { type Column, formatTable } from './text-table.ts';

/** Workers are listed where they differ, at most so many. */
const MAX_WORKERS = 12;
const MAX_CHANGES = 10;

const COLUMNS: readonly Column[] = [
  { title: '' },
  { title: 'A', align: 'right' },
  { title: 'B', align: 'right' },
  { title: 'B - A', align: 'right' },
  { title: '95 % interval', align: 'right' },
  { title: 'effect', align: 'right' },
  { title: 'q', align: 'right' },
  { title: '' },
];

export function formatCompare(answer: Compare): string {
  const { headline, changes, alignment } = answer;
  const of = (...scopes: readonly ComparedFigure['scope'][]): ComparedFigure[] =>
    headline.filter(({ scope }) => scopes.includes(scope));
  const workers = of('worker').filter(differs);
  const sections = [
    [answer.verdict.sentence, '', sideLine('A', answer.a), sideLine('B', answer.b)],
    formatTable(COLUMNS, of('cluster', 'pipeline').map(row)),
    formatTable(COLUMNS, of('group').map(row)),
    formatTable(COLUMNS, of('stage').map(row)),
    workers.length === 0
      ? []
      : [
          `Workers that differ (${workers.length} of ${of('worker').length})`,
          ...formatTable(COLUMNS, workers.slice(0, MAX_WORKERS).map(row)),
        ],
    changes.length === 0
      ? []
      : [
          'What made steps longer or shorter (time on the critical path)',
          ...changes
            .slice(0, MAX_CHANGES)
            .map(({ words }, i) => `${String(i + 1).padStart(3)}. ${words}`),
        ],
    [
      ...alignment.onlyA.map((text) => `only in A: ${text}`),
      ...alignment.onlyB.map((text) => `only in B: ${text}`),
      ...answer.notes.map((note) => `note: ${note}`),
    ],
  ];
  const text = sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
  return printable(text);
}

function sideLine(name: string, side: CompareSide): string {
  const steps =
    side.sampledSteps === side.steps
      ? `${countText(side.steps)} steps`
      : `${countText(side.sampledSteps)} of ${countText(side.steps)} steps`;
  return `${name}: ${side.deployment}, ${side.topology}, ${side.layers} layers, ${side.microbatches} micro-batches, ${steps} in ${durationText(side.window.durationNs)}`;
}

function row(figure: ComparedFigure): string[] {
  const { shift, effect, q, difference } = figure;
  const place = figure.worker ?? figure.group;
  return [
    place === null ? figure.name : `${place}: ${figure.name}`,
    valueText(figure, figure.a),
    valueText(figure, figure.b),
    signed(figure, shift?.value ?? difference),
    shift === null ? '–' : `${signed(figure, shift.low)} to ${signed(figure, shift.high)}`,
    effect === null ? '–' : effect.toFixed(2),
    q === null ? '–' : q < 0.001 ? '<0.001' : q.toFixed(3),
    findingText(figure),
  ];
}

function findingText({ finding, better }: ComparedFigure): string {
  switch (finding) {
    case 'higher':
    case 'lower':
      if (better === 'neither') return finding;
      return `${finding}, ${finding === better ? 'better' : 'worse'}`;
    case 'same':
      return 'no difference shown';
    case 'too-few':
      return 'too few steps';
    case 'only-a':
      return 'only in A';
    case 'only-b':
      return 'only in B';
  }
}

function differs({ finding }: ComparedFigure): boolean {
  return finding === 'higher' || finding === 'lower';
}

function valueText({ unit }: ComparedFigure, value: number | null): string {
  if (value === null) return '–';
  if (unit === 'ns') return durationText(value);
  if (unit === 'ratio') return ratioText(value);
  return unit === 'perSecond' ? `${countText(value)}/s` : countText(value);
}

function signed(figure: ComparedFigure, value: number | null): string {
  if (value === null) return '–';
  const sign = value > 0 ? '+' : value < 0 ? '-' : '';
  const size = Math.abs(value);
  if (figure.unit === 'ratio') return `${sign}${(100 * size).toFixed(2)} pts`;
  return `${sign}${valueText(figure, size)}`;
}
