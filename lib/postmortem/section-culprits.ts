/** Who was slow, what stood still, which layers and experts stand out. */
import type { ReportJson } from '#lib/api/report-schema.ts';
import { countFigure, durationFigure, figureText, ratioFigure } from '#lib/view/format.ts';
import { hangRows, hangSentence, sortedHangs, workerRanges } from '#lib/view/hang-chain.ts';
import { layerOutliers } from '#lib/view/layer-findings.ts';
import { stackModel } from '#lib/view/layer-stack.ts';
import { outlierText } from '#lib/view/layer-text.ts';
import { stragglerRows } from '#lib/view/straggler-rows.ts';
import { type Block, note, type Runs, type Section, table, text } from './document.ts';
import type { PostmortemFacts } from './facts.ts';
import { utcClock, utcText } from './instants.ts';
import { pageLink } from './links.ts';

const MOST_SLOW = 10;
const MOST_LAYERS = 8;
const MOST_HOT = 8;

export function stragglersSection({ report, closeUp }: PostmortemFacts): Section {
  const where = closeUp ?? report;
  const rows = stragglerRows(where.stragglers);
  const blocks: Block[] =
    rows.length > 0
      ? [
          ...table(
            'Slow workers, the worst first. The excess over the group’s median is split into what load explains and what is left to the device',
            [
              { title: 'Worker' },
              { title: 'Stage' },
              { title: 'Kind' },
              { title: 'Excess', isNumber: true },
              { title: 'Load', isNumber: true },
              { title: 'Device', isNumber: true },
              { title: 'Slow since (UTC)', isNumber: true },
              { title: 'Slow in', isNumber: true },
              { title: 'Others waited', isNumber: true },
            ],
            rows.map(({ straggler, className }): Runs[] => [
              {
                text: straggler.worker,
                link: pageLink(where, '/stragglers', { worker: straggler.worker }),
              },
              straggler.stage,
              className,
              figureText(ratioFigure(straggler.excessRatio)),
              figureText(ratioFigure(straggler.loadRatio)),
              figureText(ratioFigure(straggler.residualRatio)),
              sinceText(straggler.sinceUnixNs, where),
              straggler.windows === undefined
                ? '–'
                : `${straggler.windows.slow} of ${straggler.windows.of}`,
              figureText(durationFigure(straggler.sufferedNs)),
            ]),
            MOST_SLOW,
          ),
          { kind: 'list', items: remediesOf(rows.slice(0, MOST_SLOW)) },
          note(
            `“Slow in”: sub-windows of the window in which it was slow. Confidence: ${confidences(where)}.`,
          ),
        ]
      : where.exactness === 'raw' && where.steps.count > 0
        ? [text('Nobody is slow: no worker stands out of its group, at its load.')]
        : [];
  return { id: 'stragglers', title: 'Stragglers', blocks };
}

/** What to do about each worker, once. */
function remediesOf(rows: ReturnType<typeof stragglerRows>): Runs[] {
  const remedies = new Map<string, string>();
  for (const { straggler, remedyText } of rows) {
    if (!remedies.has(straggler.worker)) remedies.set(straggler.worker, remedyText);
  }
  return [...remedies].map(([worker, text]) => [{ text: `${worker}: `, strong: true }, text]);
}

/** What was slow when the window began may have been so before. */
function sinceText(sinceUnixNs: string, { window }: ReportJson): string {
  if (BigInt(sinceUnixNs) <= BigInt(window.startUnixNs)) return 'the start, or before';
  return utcText(sinceUnixNs).replace(/\.\d+ UTC$/, '');
}

function confidences({ stragglers }: ReportJson): string {
  return stragglers
    .slice(0, MOST_SLOW)
    .map(({ worker, stage, confidence }) => `${worker} (${stage}) ${confidence ?? 'not told'}`)
    .join(', ');
}

export function hangsSection({ report, closeUp }: PostmortemFacts): Section {
  const where = closeUp ?? report;
  const hangs = sortedHangs([...(report.hangs ?? []), ...(closeUp?.hangs ?? [])]);
  const blocks = hangs.flatMap((hang): Block[] => [
    text([
      {
        text: `${hang.kind === 'silent' ? 'Silent' : 'Hung'} since ${utcText(hang.sinceUnixNs)}${
          hang.untilUnixNs === null
            ? ', to the end of what was seen'
            : `, for ${figureText(durationFigure(hang.durationNs))}`
        }. `,
        strong: true,
        link: pageLink(where, '/stragglers', { worker: hang.worker }),
      },
      hangSentence(hang),
    ]),
    ...table(
      'Who stood where: the first fault, then who waited for it, then who waited for those',
      [
        { title: 'Workers' },
        { title: 'Last completed' },
        { title: 'Ended (UTC)' },
        { title: 'Would come next' },
        { title: 'Waits for' },
      ],
      hangRows(hang).map(({ workers, last, endedUnixNs, next, waitsFor }): Runs[] => [
        clipped(workerRanges(workers)),
        last ?? 'no event seen',
        endedUnixNs === null
          ? '–'
          : endedUnixNs[0] === endedUnixNs[1]
            ? utcClock(endedUnixNs[0])
            : `${utcClock(endedUnixNs[0])} – ${utcClock(endedUnixNs[1])}`,
        next ?? 'nothing: it was done',
        waitsFor.length === 0 ? '–' : clipped(workerRanges(waitsFor)),
      ]),
      12,
    ),
  ]);
  return { id: 'hangs', title: 'What stood still', blocks };
}

/** Ranges of a large cluster may still be many. */
function clipped(ranges: string): string {
  const parts = ranges.split(', ');
  return parts.length <= 12
    ? ranges
    : `${parts.slice(0, 11).join(', ')} and ${parts.length - 11} more`;
}

export function layersSection({ report, closeUp, waits }: PostmortemFacts): Section {
  const where = closeUp ?? report;
  const worst = [...where.layers]
    .filter(({ periodNs }) => periodNs !== null)
    .sort((a, b) => b.periodNs!.mean - a.periodNs!.mean || a.layer - b.layer);
  const p50 = (quantiles: { readonly p50: number } | null): string =>
    figureText(durationFigure(quantiles?.p50));
  const found =
    waits === null
      ? []
      : (['stages', 'causes'] as const).flatMap((kind) =>
          layerOutliers(stackModel(waits, kind))
            .slice(0, 4)
            .map(
              (outlier): Runs => [
                { text: `Layer ${outlier.layer}: `, strong: true },
                `${outlierText(outlier, kind)}.`,
              ],
            ),
        );
  return {
    id: 'layers',
    title: 'Layers',
    blocks: [
      ...(found.length === 0 ? [] : [{ kind: 'list' as const, items: found }]),
      ...(found.length === 0 && waits !== null && worst.length > 0
        ? [text('No layer stands out of the others in work or in waiting.')]
        : []),
      ...table(
        'The layers that took longest, medians',
        [
          { title: 'Layer' },
          { title: 'Period, mean', isNumber: true },
          { title: 'Ideal', isNumber: true },
          { title: 'Attention', isNumber: true },
          { title: 'A2F', isNumber: true },
          { title: 'FFN', isNumber: true },
          { title: 'F2A', isNumber: true },
          { title: 'Bound' },
        ],
        worst.map((layer): Runs[] => [
          { text: String(layer.layer), link: pageLink(where, '/layers', { layer: layer.layer }) },
          figureText(durationFigure(layer.periodNs?.mean)),
          figureText(durationFigure(layer.idealPeriodNs)),
          p50(layer.attentionNs),
          p50(layer.a2fNs),
          p50(layer.ffnNs),
          p50(layer.f2aNs),
          layer.bound ?? '–',
        ]),
        MOST_LAYERS,
      ),
    ],
  };
}

export function expertsSection({ report, closeUp }: PostmortemFacts): Section {
  const where = closeUp ?? report;
  const { experts } = where;
  if (experts === null) return { id: 'experts', title: 'Experts', blocks: [] };
  const ratio = (value: number | null | undefined): string =>
    value === null || value === undefined ? '–' : value.toFixed(2);
  const loaded = [...(experts.workers ?? [])].sort(
    (a, b) => b.tokensRatio - a.tokensRatio || (a.worker < b.worker ? -1 : 1),
  );
  const uneven = [...(experts.layers ?? [])].sort(
    (a, b) => b.maxOverMean - a.maxOverMean || a.layer - b.layer,
  );
  return {
    id: 'experts',
    title: 'Experts',
    blocks: [
      text(
        `Routed tokens over ranks: the most loaded rank has ${ratio(experts.maxOverMean)} times the mean (balancedness, vLLM ${ratio(experts.vllmBalancedness)}, SGLang ${ratio(experts.sglangBalancedness)}). ` +
          `Tokens and expert time go together with a correlation of ${ratio(experts.tokensTimeCorrelation)}.${experts.forcedRouting ? ' Routing looks forced: experts get equal tokens.' : ''}`,
      ),
      ...table(
        'Ranks by routed tokens',
        [
          { title: 'Worker' },
          { title: 'Tokens of a key', isNumber: true },
          { title: 'Over the mean', isNumber: true },
          { title: 'Active experts', isNumber: true },
        ],
        loaded.map((worker): Runs[] => [
          { text: worker.worker, link: pageLink(where, '/experts', { worker: worker.worker }) },
          figureText(countFigure(worker.tokens, 'tokens')),
          `${ratio(worker.tokensRatio)} ×`,
          ratio(worker.active),
        ]),
        4,
      ),
      ...table(
        'Single experts with most tokens',
        [
          { title: 'Expert' },
          { title: 'Layer', isNumber: true },
          { title: 'Tokens', isNumber: true },
        ],
        experts.hottest.map((hot): Runs[] => [
          `${hot.worker}, ${hot.expert < 0 ? 'expert not told' : `expert ${hot.expert}`}`,
          String(hot.layer),
          figureText(countFigure(hot.tokens, 'tokens')),
        ]),
        MOST_HOT,
      ),
      ...table(
        'The most uneven layers',
        [
          { title: 'Layer' },
          { title: 'Largest over mean rank', isNumber: true },
          { title: 'Most tokens on' },
        ],
        uneven.map((layer): Runs[] => [
          String(layer.layer),
          `${ratio(layer.maxOverMean)} ×`,
          layer.worker,
        ]),
        4,
      ),
    ],
  };
}
