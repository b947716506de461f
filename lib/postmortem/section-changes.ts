/** What is different from the baseline, and what would help. */
import type { Compare, CompareChange } from '#lib/api/compare.ts';
import type { ReportJson } from '#lib/api/report-schema.ts';
import { causeShares } from '#lib/view/causes-view.ts';
import {
  countFigure,
  deltaText,
  durationFigure,
  type Figure,
  figureText,
  ratioFigure,
} from '#lib/view/format.ts';
import { type Block, note, type Runs, type Section, table, text } from './document.ts';
import type { PassedOver, PostmortemFacts } from './facts.ts';
import { utcText } from './instants.ts';
import { pageLink } from './links.ts';
import { verdictRuns } from './section-summary.ts';

const MOST_CHANGES = 12;
const MOST_PASSED = 6;

export function changesSection(facts: PostmortemFacts): Section {
  const { baseline, report, comparison } = facts;
  const passed = passedBlocks(baseline.passedOver);
  if (baseline.kind === 'none') {
    return {
      id: 'changes',
      title: 'Against a healthy baseline',
      blocks: [text(`No baseline: ${baseline.because}`), ...passed],
    };
  }
  const { report: healthy } = baseline;
  return {
    id: 'changes',
    title: 'Against a healthy baseline',
    blocks: [
      text([
        'Baseline: ',
        {
          text: `${utcText(healthy.window.startUnixNs)} – ${utcText(healthy.window.endUnixNs)}`,
          strong: true,
          link: pageLink(healthy, '/'),
        },
        `, the nearest earlier window of the same length in which nobody is slow, nothing hangs and a layer is near its ideal. It reads: `,
        ...verdictRuns(healthy),
      ]),
      ...passed,
      ...(comparison === null ? [] : comparedBlocks(comparison)),
      ...figuresTable(healthy, report),
    ],
  };
}

function passedBlocks(passedOver: readonly PassedOver[]): Block[] {
  if (passedOver.length === 0) return [];
  const told = passedOver
    .slice(0, MOST_PASSED)
    .map(({ startUnixNs, because }) => `from ${utcText(startUnixNs)}: ${because}`);
  const more = passedOver.length - told.length;
  return [
    note(
      `Passed over, the nearest first: ${told.join('; ')}${more > 0 ? `; and ${more} more` : ''}.`,
    ),
  ];
}

function comparedBlocks({ verdict, changes, notes }: Compare): Block[] {
  return [
    text(['The window (B) against the baseline (A): ', { text: verdict.sentence, strong: true }]),
    ...table(
      'What changed, the largest first: time on the critical path of a mean step',
      [
        { title: 'What' },
        { title: 'Baseline', isNumber: true },
        { title: 'Window', isNumber: true },
        { title: 'Change', isNumber: true },
        { title: 'Of the change', isNumber: true },
        { title: 'In words' },
      ],
      changes.map(changeRow),
      MOST_CHANGES,
    ),
    ...(notes.length === 0 ? [] : [note(notes.join(' '))]),
  ];
}

function changeRow(change: CompareChange): Runs[] {
  const { group, stage, kind, layers, worker, aNs, bNs, contributionNs, share, words } = change;
  const where = [
    group === null ? kind : `${group}: ${stage}`,
    ...(kind === 'compute' || group === null ? [] : [kind]),
    ...(layers === '' ? [] : [`layers ${layers}`]),
    ...(worker === null ? [] : [worker]),
  ];
  return [
    where.join(', '),
    figureText(durationFigure(aNs)),
    figureText(durationFigure(bNs)),
    signed(durationFigure(contributionNs), contributionNs),
    figureText(ratioFigure(share)),
    words,
  ];
}

function signed(figure: Figure, value: number): string {
  return value > 0 ? `+${figureText(figure)}` : figureText(figure).replace('-', '−');
}

interface Compared {
  readonly name: string;
  readonly was: number | null | undefined;
  readonly is: number | null | undefined;
  readonly figure: (value: number | null | undefined) => Figure;
  /** Ratios are told by their difference in points, others as a share. */
  readonly isRatio?: boolean;
}

function figuresTable(healthy: ReportJson, report: ReportJson): Block[] {
  const rows = comparedFigures(healthy, report).filter(
    ({ was, is }) => (was ?? null) !== null || (is ?? null) !== null,
  );
  return table(
    'Figures side by side',
    [
      { title: 'Figure' },
      { title: 'Baseline', isNumber: true },
      { title: 'Window', isNumber: true },
      { title: 'Change', isNumber: true },
    ],
    rows.map(({ name, was, is, figure, isRatio }): Runs[] => [
      name,
      figureText(figure(was)),
      figureText(figure(is)),
      changeText(was, is, isRatio === true),
    ]),
    40,
  );
}

function changeText(
  was: number | null | undefined,
  is: number | null | undefined,
  isRatio: boolean,
): string {
  if (was === null || was === undefined || is === null || is === undefined) return '–';
  if (isRatio) {
    const points = (is - was) * 100;
    if (Math.abs(points) < 0.05) return '± 0.0 points';
    return `${points > 0 ? '▲ +' : '▼ −'}${Math.abs(points).toFixed(1)} points`;
  }
  return was === 0 ? '–' : deltaText(is / was - 1);
}

function comparedFigures(healthy: ReportJson, report: ReportJson): Compared[] {
  const rate = (value: number | null | undefined): Figure => countFigure(value, 'tokens/s');
  const latency = (of: ReportJson): number | null =>
    of.steps.latencyNs?.mean ?? of.steps.meanLatencyNs ?? null;
  const longest = (of: ReportJson): number | null =>
    of.steps.latencyNs?.max ?? of.steps.maxLatencyNs ?? null;
  const groups = new Set([...healthy.groups, ...report.groups].map(({ group }) => group));
  const groupOf = (of: ReportJson, name: string) => of.groups.find(({ group }) => group === name);
  return [
    {
      name: 'Step latency, mean',
      was: latency(healthy),
      is: latency(report),
      figure: durationFigure,
    },
    {
      name: 'Step latency, longest',
      was: longest(healthy),
      is: longest(report),
      figure: durationFigure,
    },
    {
      name: 'Throughput',
      was: healthy.steps.tokensPerSecond,
      is: report.steps.tokensPerSecond,
      figure: rate,
    },
    {
      name: 'Measured period of a layer',
      was: healthy.balance?.measuredPeriodNs,
      is: report.balance?.measuredPeriodNs,
      figure: durationFigure,
    },
    {
      name: 'Ideal period of a layer',
      was: healthy.balance?.idealPeriodNs,
      is: report.balance?.idealPeriodNs,
      figure: durationFigure,
    },
    ...[...groups].flatMap((name) =>
      groupFigures(name, groupOf(healthy, name), groupOf(report, name)),
    ),
  ];
}

type GroupJson = ReportJson['groups'][number];

/** A share of active time that changed by less is left out. */
const LEAST_CHANGE = 0.002;

function groupFigures(
  name: string,
  was: GroupJson | undefined,
  is: GroupJson | undefined,
): Compared[] {
  const shareOf = (group: GroupJson | undefined, label: string): number | null => {
    if (group === undefined) return null;
    return causeShares(group).find(({ look }) => look.label === label)?.ratio ?? 0;
  };
  const labels = new Set(
    [was, is].flatMap((group) =>
      group === undefined ? [] : causeShares(group).map(({ look }) => look.label),
    ),
  );
  const causes = [...labels]
    .map((label) => ({
      name: `${name}: waits, ${label}`,
      was: shareOf(was, label),
      is: shareOf(is, label),
      figure: ratioFigure,
      isRatio: true,
    }))
    .filter((row) => Math.abs((row.is ?? 0) - (row.was ?? 0)) >= LEAST_CHANGE)
    .sort((a, b) => Math.abs((b.is ?? 0) - (b.was ?? 0)) - Math.abs((a.is ?? 0) - (a.was ?? 0)));
  return [
    ...(was?.workers === is?.workers
      ? []
      : [
          {
            name: `${name}: GPUs`,
            was: was?.workers,
            is: is?.workers,
            figure: (n: number | null | undefined) => countFigure(n, ''),
          },
        ]),
    {
      name: `${name}: bubble`,
      was: was?.activeBubbleRatio,
      is: is?.activeBubbleRatio,
      figure: ratioFigure,
      isRatio: true,
    },
    {
      name: `${name}: overlap`,
      was: was?.overlapRatio,
      is: is?.overlapRatio,
      figure: ratioFigure,
      isRatio: true,
    },
    ...causes,
  ];
}

export function adviceSection({ report, closeUp }: PostmortemFacts): Section {
  const where = closeUp ?? report;
  const advice = (where.balance?.advice ?? []).filter(({ gain }) => gain > 0);
  return {
    id: 'advice',
    title: 'What would help',
    blocks: table(
      'Changes by their predicted gain in tokens per second and GPU. Mend a slow worker first: another split would only make up for it',
      [
        { title: 'Change' },
        { title: 'Gain', isNumber: true },
        { title: 'Between', isNumber: true },
        { title: 'Assumes' },
      ],
      advice.map(({ change, gain, low, high, assumes, set }): Runs[] => [
        {
          text: change,
          link: pageLink(where, '/balance', set === undefined ? {} : { set }),
        },
        `+${figureText(ratioFigure(gain))}`,
        `${figureText(ratioFigure(low))} and ${figureText(ratioFigure(high))}`,
        assumes,
      ]),
      8,
    ),
  };
}
