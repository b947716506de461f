/** What people and alert rules said of the window, and how far its data can be trusted. */
import { clockState } from '#lib/view/clock-state.ts';
import { conditionTitle } from '#lib/view/condition-text.ts';
import { DEFINITIONS } from '#lib/view/definitions.ts';
import { bytesFigure, durationFigure, figureText } from '#lib/view/format.ts';
import { rejectHelp } from '#lib/view/reject-help.ts';
import { type Block, note, type Runs, type Section, table, text } from './document.ts';
import type { PostmortemFacts } from './facts.ts';
import { utcText } from './instants.ts';

const MOST_NOTES = 30;

export function alertsSection({ alerts }: PostmortemFacts): Section {
  return {
    id: 'alerts',
    title: 'Alerts',
    blocks: table(
      'What alert rules said',
      [{ title: 'Alert' }, { title: 'Since' }, { title: 'Until' }, { title: 'What' }],
      alerts.map(({ name, sinceUnixNs, untilUnixNs, text: what }): Runs[] => [
        name,
        utcText(sinceUnixNs),
        untilUnixNs === null ? 'goes on' : utcText(untilUnixNs),
        what,
      ]),
      MOST_NOTES,
    ),
  };
}

export function annotationsSection({ annotations }: PostmortemFacts): Section {
  return {
    id: 'annotations',
    title: 'Notes of people',
    blocks: table(
      'Notes on times of the window',
      [{ title: 'From' }, { title: 'To' }, { title: 'Who' }, { title: 'Note' }],
      annotations.map(({ fromUnixNs, toUnixNs, author, text: what }): Runs[] => [
        utcText(fromUnixNs),
        toUnixNs === fromUnixNs ? '–' : utcText(toUnixNs),
        author === '' ? '–' : author,
        what,
      ]),
      MOST_NOTES,
    ),
  };
}

export function qualitySection(facts: PostmortemFacts): Section {
  const { report, intake } = facts;
  const { quality } = report;
  const count = (n: number | undefined): string => (n ?? 0).toLocaleString('en-US');
  const rows: Runs[][] = [
    ['Events', count(quality.events), 'in the window'],
    ...(report.exactness === 'raw'
      ? [
          ['Duplicates', count(quality.duplicates), 'equal events; counted once in every figure'],
          ['Unmatched receives', count(quality.unmatchedReceives), DEFINITIONS.unmatched.text],
          [
            'Incomplete keys',
            `${count(quality.incompleteKeys)} of ${count((quality.incompleteKeys ?? 0) + (quality.completeKeys ?? 0))}`,
            'layers of a step and micro-batch that a worker of the step told nothing of: its spans are missing',
          ],
        ]
      : []),
    [
      'Late',
      count(quality.late),
      `of the deployment, since the store was made. ${rejectHelp('late').remedy}`,
    ],
    ...Object.entries(quality.rejected)
      .filter(([, events]) => events > 0)
      .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
      .map(([reason, events]): Runs[] => {
        const { label, remedy } = rejectHelp(reason);
        return [label, count(events), `since the store was made. ${remedy}`];
      }),
  ];
  return {
    id: 'quality',
    title: 'How far the data can be trusted',
    blocks: [
      text(exactnessText(facts)),
      ...table(
        'What came in, and what became of it',
        [{ title: 'What' }, { title: 'Count', isNumber: true }, { title: 'Meaning' }],
        rows,
      ),
      ...clockBlocks(facts),
      ...(intake?.conditions ?? []).map(
        ({ name, detail, remedy }): Block =>
          text([{ text: `${conditionTitle(name)}: `, strong: true }, `${detail} ${remedy}`]),
      ),
    ],
  };
}

function exactnessText({ report, closeUp }: PostmortemFacts): string {
  if (report.exactness === 'raw') {
    return 'Figures are computed from every event of the window, exact to the nanosecond.';
  }
  const quantiles =
    report.quantileErrorRatio === undefined
      ? ''
      : `, quantiles of stages and layers within ${(report.quantileErrorRatio * 100).toFixed(1)} %`;
  return `Figures are sums of whole buckets of time (rollups): lengths, counts and means are exact${quantiles}. ${
    closeUp === null
      ? 'No raw events of it are kept, so nobody can be named.'
      : 'What needs single events is told of the seconds around the slowest step.'
  }`;
}

function clockBlocks({ report, closeUp }: PostmortemFacts): Block[] {
  const { clock } = closeUp ?? report;
  if (clock.domains.length < 2) return [];
  const { errorNs, warning } = clockState(clock);
  const worth = (domain: (typeof clock.domains)[number]): number =>
    domain.errorNs ?? Number.POSITIVE_INFINITY;
  const domains = [...clock.domains].sort(
    (a, b) => worth(b) - worth(a) || (a.domain < b.domain ? -1 : 1),
  );
  const transfers =
    clock.transfers === undefined
      ? ''
      : ` Of ${clock.transfers.toLocaleString('en-US')} transfers between hosts, ${(clock.violationsBefore ?? 0).toLocaleString('en-US')} arrive before they are sent by the hosts’ own clocks, ${(clock.violationsAfter ?? 0).toLocaleString('en-US')} as aligned.`;
  return [
    text(
      `Clocks of ${clock.domains.length} hosts, told in the time of ${clock.referenceDomain ?? 'none that others agree with'}${errorNs === null ? '' : `; the largest uncertainty is ± ${figureText(durationFigure(errorNs))}`}.${transfers}`,
    ),
    ...(warning === '' ? [] : [note(warning)]),
    ...table(
      'Clocks, the least certain first',
      [
        { title: 'Clock' },
        { title: 'Moved by', isNumber: true },
        { title: 'Within ±', isNumber: true },
        { title: 'Drift', isNumber: true },
      ],
      domains.map(({ domain, offsetNs, errorNs: own, driftPpm }): Runs[] => [
        domain === '' ? 'not named' : domain,
        figureText(durationFigure(offsetNs)),
        figureText(durationFigure(own)),
        driftPpm === null ? '–' : `${driftPpm.toFixed(2)} ppm`,
      ]),
      8,
    ),
  ];
}

/** Versions, configuration, and what the figures mean. */
export function appendixSection(facts: PostmortemFacts): Section {
  const { setup, intake, report } = facts;
  const stored: Runs[][] =
    intake === null
      ? []
      : [
          ['Database', figureText(bytesFigure(intake.store.databaseBytes))],
          [
            'Events stored since it was made',
            intake.totals
              .reduce((sum, { acceptedEvents }) => sum + acceptedEvents, 0)
              .toLocaleString('en-US'),
          ],
          ['Raw events', figureText(bytesFigure(intake.store.rawBytes))],
          [
            'Raw events kept from',
            intake.store.oldestRawUnixNs === null
              ? 'none are kept'
              : utcText(intake.store.oldestRawUnixNs),
          ],
          ...(intake.store.damagedChunks === undefined || intake.store.damagedChunks === 0
            ? []
            : [['Damaged chunks left out', String(intake.store.damagedChunks)]]),
        ];
  const model = report.utilization?.model ?? null;
  return {
    id: 'appendix',
    title: 'Configuration and versions',
    blocks: [
      ...table(
        'Made with',
        [{ title: 'What' }, { title: 'Value' }],
        [
          ...setup.versions.map(({ name, value }): Runs[] => [name, value]),
          ...(model === null ? [] : [['Model', model] as Runs[]]),
          ...stored,
        ],
      ),
      ...table(
        `Configuration ${setup.configOf}; what could be a secret is left out`,
        [{ title: 'Key' }, { title: 'Value' }],
        setup.config.map(({ key, value }): Runs[] => [key, value]),
      ),
    ],
  };
}

const DEFINED = [
  'busyRatio',
  'activeBubbleRatio',
  'overlapRatio',
  'observed',
  'tokensPerSecond',
  'stepLatency',
  'measuredPeriod',
  'idealPeriod',
  'steadyBubble',
  'criticalPath',
  'stragglerScore',
  'stragglerExcess',
  'loadPart',
  'devicePart',
  'suffered',
  'exactness',
  'clockError',
] as const;

export function definitionsSection(): Section {
  return {
    id: 'definitions',
    title: 'What the figures mean',
    blocks: table(
      'Definitions',
      [{ title: 'Figure' }, { title: 'Unit' }, { title: 'Definition' }],
      DEFINED.map((term): Runs[] => {
        const { name, unit, text: what } = DEFINITIONS[term];
        return [name, unit === '' ? '–' : unit, what];
      }),
    ),
  };
}
