/** Attribution: where each group's time went, who waited because of whom, what the critical path is. */
import type { WaitMatrix, Waits } from '#lib/api/waits.ts';
import { barOf } from '#lib/view/bubble-parts.ts';
import { causeLook } from '#lib/view/cause-look.ts';
import { DEFINITIONS } from '#lib/view/definitions.ts';
import { durationFigure, figureText, ratioFigure } from '#lib/view/format.ts';
import { roleColour } from '#lib/view/palette.ts';
import { stageShares, workerShares } from '#lib/view/path-shares.ts';
import { barLegend, barsSvg, type DrawnBar } from './bar-svg.ts';
import { type Block, note, type Runs, type Section, table } from './document.ts';
import type { PostmortemFacts } from './facts.ts';
import { pageLink } from './links.ts';
import { roleOf } from './workers.ts';

/** What would read 0.0 %. */
const LEAST_RATIO = 0.0005;
const MOST_GROUPS = 8;
const MOST_PAIRS = 10;

export function waitsSection(facts: PostmortemFacts): Section {
  return {
    id: 'attribution',
    title: 'Where the time went',
    blocks: [...barBlocks(facts), ...pairBlocks(facts), ...pathBlocks(facts)],
  };
}

function barBlocks({ report }: PostmortemFacts): Block[] {
  const groups = report.groups.slice(0, MOST_GROUPS);
  const bars = groups
    .map(
      (group): DrawnBar => ({
        name: group.group,
        role: group.role,
        bar: barOf(group, group.role, 'dark'),
      }),
    )
    .filter(({ bar }) => bar.parts.length > 0);
  if (bars.length === 0) return [];
  const terms = new Map(
    bars.flatMap(({ bar }) => bar.parts.map((part) => [part.label, part.term])),
  );
  const share = (bar: DrawnBar['bar'], label: string): string => {
    const part = bar.parts.find((one) => one.label === label);
    return part === undefined || part.ratio < LEAST_RATIO
      ? '–'
      : figureText(ratioFigure(part.ratio));
  };
  const labels = [...terms.keys()].filter((label) =>
    bars.some(({ bar }) =>
      bar.parts.some((one) => one.label === label && one.ratio >= LEAST_RATIO),
    ),
  );
  const hidden = report.groups.length - groups.length;
  return [
    {
      kind: 'picture',
      picture: barsSvg(bars),
      caption: `Time of each group’s GPUs while a step was in flight, by what they did or waited for${hidden > 0 ? `; ${hidden} more groups are left out` : ''}.`,
      legend: barLegend(bars),
    },
    ...table(
      'The same in numbers, as shares of active time',
      [
        { title: 'Part' },
        ...bars.map(({ name }) => ({ title: name, isNumber: true })),
        { title: 'What it is' },
      ],
      labels.map((label) => {
        const term = terms.get(label)!;
        const name = label === term ? DEFINITIONS[term].name : label;
        return [name, ...bars.map(({ bar }) => share(bar, label)), DEFINITIONS[term].text];
      }),
    ),
  ];
}

interface Pair {
  readonly waiter: string;
  readonly culprit: string;
  readonly ns: number;
  readonly cause: string;
}

function pairBlocks({ waits, report, closeUp }: PostmortemFacts): Block[] {
  if (waits === null) return [];
  const pairs = waits.matrices.flatMap((matrix) => pairsOf(waits, matrix));
  pairs.sort((a, b) => b.ns - a.ns || compare(a.waiter, b.waiter) || compare(a.culprit, b.culprit));
  const totalNs = waits.workers.reduce((sum, { waitedNs }) => sum + waitedNs, 0);
  if (totalNs === 0) return [];
  const steps = Math.max(1, waits.steps);
  const where = closeUp ?? report;
  const part =
    waits.steps < where.steps.count
      ? [
          note(
            `Of the newest ${waits.steps.toLocaleString('en-US')} of ${where.steps.count.toLocaleString('en-US')} steps.`,
          ),
        ]
      : [];
  const blamed = [...waits.workers]
    .filter(({ blamedNs }) => blamedNs > 0.01 * totalNs)
    .sort((a, b) => b.blamedNs - a.blamedNs || compare(a.id, b.id));
  return [
    ...table(
      'Because of whom others waited',
      [
        { title: 'Worker' },
        { title: 'Others waited, a step', isNumber: true },
        { title: 'Of all waiting', isNumber: true },
        { title: 'Mostly for its' },
      ],
      blamed.map(({ id, blamedNs, blamed: causes }): Runs[] => [
        { text: id, link: pageLink(where, '/stragglers', { worker: id }) },
        figureText(durationFigure(blamedNs / steps)),
        figureText(ratioFigure(blamedNs / totalNs)),
        largestCause(causes),
      ]),
      5,
    ),
    ...table(
      'The pairs that cost most',
      [
        { title: 'Who waited' },
        { title: 'Because of' },
        { title: 'A step', isNumber: true },
        { title: 'Of all waiting', isNumber: true },
        { title: 'Mostly' },
      ],
      pairs
        .slice(0, MOST_PAIRS)
        .map(({ waiter, culprit, ns, cause }) => [
          waiter,
          { text: culprit, link: pageLink(where, '/stragglers', { worker: culprit }) },
          figureText(durationFigure(ns / steps)),
          figureText(ratioFigure(ns / totalNs)),
          cause,
        ]),
    ),
    ...(pairs.length > MOST_PAIRS
      ? [note(`And ${(pairs.length - MOST_PAIRS).toLocaleString('en-US')} more pairs.`)]
      : []),
    ...part,
  ];
}

function pairsOf(waits: Waits, { waiters, culprits, totalNs, causes }: WaitMatrix): Pair[] {
  return totalNs.flatMap((ns, at) => {
    if (ns <= 0) return [];
    const [most] = [...causes].sort((a, b) => b.ns[at]! - a.ns[at]!);
    return [
      {
        waiter: waits.workers[waiters[Math.floor(at / culprits.length)]!]!.id,
        culprit: waits.workers[culprits[at % culprits.length]!]!.id,
        ns,
        cause: most === undefined ? '–' : causeLook(most.cause).label,
      },
    ];
  });
}

function largestCause(causes: Waits['workers'][number]['causes']): string {
  const [most] = Object.entries(causes).sort(([, a], [, b]) => b - a);
  return most === undefined ? '–' : causeLook(most[0] as keyof typeof causes).label;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function pathBlocks({ report, closeUp }: PostmortemFacts): Block[] {
  const where = closeUp ?? report;
  const path = where.criticalPath;
  if (path === null || path.durationNs <= 0) return [];
  const row = ({ name, ns, ratio }: ReturnType<typeof stageShares>[number]): Runs[] => [
    name,
    figureText(durationFigure(ns / path.steps)),
    figureText(ratioFigure(ratio)),
  ];
  const columns = (title: string) => [
    { title },
    { title: 'A step', isNumber: true },
    { title: 'Of the step', isNumber: true },
  ];
  const of =
    path.ofSteps > path.steps ? ` (${path.steps} of ${path.ofSteps} steps, evenly spread)` : '';
  return [
    ...table(
      `What the critical path is made of${of}`,
      columns('Stage'),
      stageShares(path).map(row),
    ),
    ...table(
      'On whom it lies',
      columns('Worker'),
      workerShares(path, (id) => roleColour(roleOf(where, id))).map(row),
    ),
  ];
}
