/** The head of a report: what happened in one sentence, the few figures, the groups. */
import type { ReportJson } from '#lib/api/report-schema.ts';
import { causeShares } from '#lib/view/causes-view.ts';
import { definitionText } from '#lib/view/definitions.ts';
import { countFigure, durationFigure, figureText, ratioFigure } from '#lib/view/format.ts';
import { headlineOf, topologyText } from '#lib/view/headline.ts';
import { verdictOf } from '#lib/view/verdict.ts';
import { verdictSentence } from '#lib/view/verdict-text.ts';
import { type Block, note, type Run, type Runs, type Section, table } from './document.ts';
import type { PostmortemFacts } from './facts.ts';
import { localText, utcClock, utcText } from './instants.ts';
import { pageLink, runsOfPieces } from './links.ts';

export function subtitleOf({ report, made }: PostmortemFacts): Runs[] {
  const { startUnixNs, endUnixNs, durationNs } = report.window;
  const steps = `${countFigure(report.steps.count, report.steps.count === 1 ? 'step' : 'steps').exact}`;
  return [
    `${topologyText(report)}${steps} in ${figureText(durationFigure(durationNs))}`,
    `${utcText(startUnixNs)} – ${utcText(endUnixNs)}`,
    `${localText(startUnixNs, made.timeZone)} – ${localText(endUnixNs, made.timeZone)} (${made.timeZone})`,
  ];
}

export function verdictSection(facts: PostmortemFacts): Section {
  const { report, closeUp } = facts;
  const items = headlineOf(report, null, false)
    .filter(({ term, figure }) => term !== 'tpot' && figure.value !== '–')
    .map(({ term, figure, note: about }) => ({
      name: definitionName(term),
      value: figure.value,
      unit: figure.unit,
      note: about,
      title: definitionText(term, figure.exact),
    }));
  const blocks: Block[] = [
    { kind: 'text', look: 'lead', runs: verdictRuns(report) },
    ...confidenceBlocks(report),
    ...closeUpBlocks(closeUp),
    ...(items.length === 0 ? [] : [{ kind: 'figures' as const, items }]),
    ...groupTable(report),
  ];
  return { id: 'verdict', title: 'Verdict', blocks };
}

function definitionName(term: Parameters<typeof definitionText>[0]): string {
  return definitionText(term).split(/[:(]/, 1)[0]!.trim();
}

/** The sentence of the Overview, with times in UTC. */
export function verdictRuns(report: ReportJson): Run[] {
  const clock = (unixNs: string) => ({
    text: `${utcClock(unixNs)} UTC`,
    title: utcText(unixNs),
  });
  return runsOfPieces(report, verdictSentence(verdictOf(report), clock).pieces);
}

function confidenceBlocks(report: ReportJson): Block[] {
  const { confidence } = verdictSentence(verdictOf(report));
  if (confidence === null) return [];
  return [note(`Confidence: ${confidence.word}. ${confidence.title}`)];
}

function closeUpBlocks(closeUp: ReportJson | null): Block[] {
  if (closeUp === null) return [];
  const span = figureText(durationFigure(closeUp.window.durationNs));
  return [
    {
      kind: 'text',
      runs: [
        `Seen close, the ${span} around the slowest step (from ${utcText(closeUp.window.startUnixNs)}), event by event: `,
        ...verdictRuns(closeUp),
      ],
    },
    note(
      'The window is too long, or too old, to be read event by event: its own figures are sums. Who was slow, what bounds a layer, the critical path and the experts are told of that close look.',
    ),
  ];
}

function groupTable(report: ReportJson): Block[] {
  return table(
    'What each group of GPUs did',
    [
      { title: 'Group' },
      { title: 'GPUs', isNumber: true },
      { title: 'Busy', isNumber: true },
      { title: 'Bubble', isNumber: true },
      { title: 'Overlap', isNumber: true },
      { title: 'Observed', isNumber: true },
      { title: 'Waits most for' },
    ],
    report.groups.map((group) => {
      const bubble = group.activeBubbleRatio;
      const [most] = [...causeShares(group)].sort((a, b) => b.ratio - a.ratio);
      return [
        { text: group.group, link: pageLink(report, '/') },
        countFigure(group.workers, '').value,
        figureText(ratioFigure(bubble === null ? null : 1 - bubble)),
        figureText(ratioFigure(bubble)),
        figureText(ratioFigure(group.overlapRatio)),
        figureText(ratioFigure(group.windowNs > 0 ? group.observedNs / group.windowNs : null)),
        most === undefined
          ? '–'
          : `${most.look.label}, ${figureText(ratioFigure(most.ratio))} of active time`,
      ];
    }),
    12,
  );
}
