/** The few figures that stand under a verdict, and the shape of the deployment in words. */
import type { ReportJson } from '#lib/api/report-schema.ts';
import type { Term } from './definitions.ts';
import { countFigure, durationFigure, type Figure, NO_FIGURE, ratioFigure } from './format.ts';

/** Without what the window does not tell: rollups know no micro-batches. */
export function topologyText({ topology, groups }: ReportJson): string {
  const { attention, ffn, microbatches, layers } = topology;
  const isSplit = attention > 0 || ffn > 0;
  return [
    isSplit ? `${attention}A${ffn}F` : groups.map((g) => `${g.workers} ${g.group}`).join(', '),
    ...(microbatches > 0 ? [`${microbatches} micro-batches`] : []),
    ...(layers > 0 ? [`${layers} layers`] : []),
  ]
    .filter((text) => text !== '')
    .map((text) => `${text} · `)
    .join('');
}

type ReportSteps = ReportJson['steps'];

export interface Headline {
  readonly term: Term;
  readonly figure: Figure;
  readonly note: string;
}

/** `tpotMs`: of the live stream; null where there is none, or for a window of the past. */
export function headlineOf(
  report: ReportJson,
  tpotMs: { readonly mean: number; readonly p99: number | null } | null,
  isLive: boolean,
): readonly Headline[] {
  const { steps, balance } = report;
  const gap =
    balance?.measuredPeriodNs == null || balance.idealPeriodNs <= 0
      ? null
      : balance.measuredPeriodNs / balance.idealPeriodNs - 1;
  const p99 = tpotMs?.p99;
  const roles = new Set(report.groups.map(({ role }) => role));
  const noBalance =
    roles.size === 0
      ? ''
      : roles.has('attention') && roles.has('ffn')
        ? 'see the trend'
        : 'not disaggregated';
  return [
    {
      term: 'tokensPerSecond',
      figure: countFigure(steps.tokensPerSecond, 'tokens/s'),
      note: steps.tokens !== null ? perGpu(report) : steps.count > 0 ? 'no token counts sent' : '',
    },
    {
      term: 'tpot',
      figure: tpotMs === null ? NO_FIGURE : durationFigure(tpotMs.mean * 1e6),
      note:
        p99 == null ? (isLive ? 'no TPOT metric' : 'see the trend') : `p99 ${p99.toFixed(1)} ms`,
    },
    {
      term: 'stepLatency',
      figure: durationFigure(steps.latencyNs?.p50 ?? steps.meanLatencyNs),
      note: latencyNote(steps),
    },
    {
      term: 'measuredPeriod',
      figure: durationFigure(balance?.measuredPeriodNs),
      note:
        gap === null
          ? balance === null
            ? noBalance
            : ''
          : `${gap >= 0 ? '+' : '−'}${Math.abs(gap * 100).toFixed(1)} % vs ideal`,
    },
    {
      term: 'idealPeriod',
      figure: durationFigure(balance?.idealPeriodNs),
      note: balance === null ? noBalance : balance.bound,
    },
    {
      term: 'steadyBubble',
      figure: ratioFigure(
        balance === null ? null : Math.max(balance.attentionBubble, balance.ffnBubble),
      ),
      note:
        balance === null
          ? ''
          : `A ${(balance.attentionBubble * 100).toFixed(1)} % · F ${(balance.ffnBubble * 100).toFixed(1)} %`,
    },
  ];
}

/** What stands above: the median, or from rollups the mean. */
function latencyNote({ latencyNs, maxLatencyNs }: ReportSteps): string {
  if (latencyNs !== null) return `p99 ${(latencyNs.p99 / 1e6).toFixed(1)} ms`;
  return maxLatencyNs === undefined ? '' : `mean · max ${(maxLatencyNs / 1e6).toFixed(1)} ms`;
}

function perGpu(report: ReportJson): string {
  const gpus = report.groups.reduce((sum, group) => sum + group.workers, 0);
  const { tokensPerSecond } = report.steps;
  if (tokensPerSecond === null || gpus === 0) return '';
  const figure = countFigure(tokensPerSecond / gpus, 'tokens/s');
  return `${figure.value} ${figure.unit} per GPU`;
}
