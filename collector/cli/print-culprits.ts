/** Slow workers, hangs and expert balance of a report as text for people. */
import type { Hang } from '#lib/analysis/hang-types.ts';
import type { Report } from '#lib/analysis/report-types.ts';
import { countText, durationText, ratioText } from './figures.ts';
import { type Column, formatTable } from './text-table.ts';

const MAX_STRAGGLERS = 8;
const MAX_HANGS = 5;
const MAX_HOTTEST = 3;

const STRAGGLER_COLUMNS: readonly Column[] = [
  { title: 'slow worker' },
  { title: 'stage' },
  { title: 'score', align: 'right' },
  { title: 'excess', align: 'right' },
  { title: 'load', align: 'right' },
  { title: 'device', align: 'right' },
  { title: 'cause' },
  { title: 'kind' },
  { title: 'confidence' },
  { title: 'since' },
];

export function stragglerLines({ stragglers }: Report): string[] {
  if (stragglers.length === 0) return [];
  const rows = stragglers
    .slice(0, MAX_STRAGGLERS)
    .map((one) => [
      one.worker,
      one.stage,
      Math.max(one.score, one.rawScore ?? one.score).toFixed(1),
      ratioText(one.excessRatio),
      ratioText(one.loadRatio),
      ratioText(one.residualRatio),
      one.cause ?? '–',
      one.class ?? '–',
      one.confidence ?? '–',
      instantText(one.sinceUnixNs),
    ]);
  const hidden = stragglers.length - rows.length;
  return [
    ...formatTable(STRAGGLER_COLUMNS, rows),
    ...(hidden > 0 ? [`and ${countText(hidden)} more`] : []),
  ];
}

export function hangLines({ hangs = [] }: Report): string[] {
  const lines = hangs.slice(0, MAX_HANGS).map(hangLine);
  const hidden = hangs.length - lines.length;
  return hidden > 0 ? [...lines, `and ${countText(hidden)} more hangs`] : lines;
}

function hangLine(hang: Hang): string {
  const lasted = `${durationText(hang.durationNs)}${hang.untilUnixNs === null ? ' so far' : ''}`;
  const since = `since ${instantText(hang.sinceUnixNs)}, ${lasted}`;
  if (hang.kind === 'silent') return `silent: ${hang.worker}, ${since}, while others went on`;
  const where = `hang in step ${hang.step}${hang.domain === 0 ? '' : ` of domain ${hang.domain}`}`;
  if (hang.worker === null) return `${where}, ${since}: nobody stands out`;
  const next = hang.workers.find(({ worker }) => worker === hang.worker)?.next;
  const what =
    next === null || next === undefined
      ? ''
      : `, next is ${next.stage} of layer ${next.layer}, micro-batch ${next.microbatch}`;
  return `${where}, ${since}: ${hang.worker} ${REASONS[hang.reason]}${what}; ${countText(hang.waiting)} workers wait for it`;
}

const REASONS: Readonly<Record<Hang['reason'], string>> = {
  'no-progress': 'has its input and produces nothing',
  'no-receive': 'receives nothing though all was sent',
  silent: 'gave no sign in the step',
  unknown: 'stands still',
};

export function expertLines({ experts }: Report): string[] {
  if (experts === null) return [];
  const { hottest, tokensTimeCorrelation } = experts;
  const correlated =
    tokensTimeCorrelation === null || tokensTimeCorrelation === undefined
      ? ''
      : `; tokens and expert time correlate by ${tokensTimeCorrelation.toFixed(2)}`;
  return [
    `experts: a rank has up to ${experts.maxOverMean.toFixed(2)} times the mean; balancedness ` +
      `${experts.vllmBalancedness.toFixed(3)} (vLLM), ${experts.sglangBalancedness.toFixed(3)} (SGLang); ` +
      `${experts.activePerRank.toFixed(1)} active per rank${correlated}`,
    ...hottest
      .slice(0, MAX_HOTTEST)
      .map(
        ({ worker, layer, expert, tokens }) =>
          `hottest: ${worker}, layer ${layer}, ${expert < 0 ? 'its busiest expert' : `expert ${expert}`}: ${countText(Math.round(tokens))} tokens a micro-batch`,
      ),
    ...(experts.forcedRouting ? ['routing looks forced: it is equal to the token'] : []),
  ];
}

function instantText(unixNs: string): string {
  return new Date(Number(BigInt(unixNs) / 1_000_000n)).toISOString();
}
