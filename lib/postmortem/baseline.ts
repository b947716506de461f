/** Is a window good enough to hold another against? And how a choice among several is told. */
import type { ReportJson } from '#lib/api/report-schema.ts';
import { durationFigure, figureText } from '#lib/view/format.ts';
import { FEW_STEPS, verdictOf } from '#lib/view/verdict.ts';
import { percent } from '#lib/view/verdict-piece.ts';

/** A layer may take so much longer than its ideal, as a share of it. */
const MOST_GAP_RATIO = 0.1;
/** Workers may wait so much of their active time for slow ones. */
const MOST_EXCESS_RATIO = 0.03;

/** A step so many times as long as most is no jitter. */
const MOST_OVER_USUAL = 5;

/** What is wrong with it, as the end of a sentence: "attention/5 is slow"; null: nothing. */
export function baselineFlaw(report: ReportJson): string | null {
  const { count } = report.steps;
  if (count === 0) return 'it has no steps';
  if (count < FEW_STEPS) return `it has only ${count} ${count === 1 ? 'step' : 'steps'}`;
  const [hang] = report.hangs ?? [];
  if (hang !== undefined) {
    const who = hang.worker ?? 'the pipeline';
    return hang.kind === 'silent' ? `${who} was silent` : `${who} stood still`;
  }
  const longest = longestOf(report);
  if (longest !== null) return `a step took ${longest}`;
  const verdict = verdictOf(report);
  if ('culprit' in verdict && verdict.culprit !== null) {
    const { culprit } = verdict;
    switch (culprit.kind) {
      case 'straggler':
        return `${culprit.workerId} is slow`;
      case 'hot-expert':
        return `${culprit.workerId} has a hot expert`;
      case 'tail':
        return `a layer takes ${percent(culprit.gapRatio)} over its ideal`;
      case 'host':
        return 'GPUs stand still for host work';
    }
  }
  const gap = gapOf(report);
  if (gap !== null && gap > MOST_GAP_RATIO) return `a layer takes ${percent(gap)} over its ideal`;
  const excess = excessOf(report);
  if (excess > MOST_EXCESS_RATIO) {
    return `workers wait ${percent(excess)} of their active time for slow ones`;
  }
  return null;
}

/** In words, where a step is so long that something stood still; null: none is. */
function longestOf({ steps }: ReportJson): string | null {
  const usualNs = steps.latencyNs?.p50 ?? steps.meanLatencyNs ?? 0;
  const longestNs = steps.latencyNs?.max ?? steps.maxLatencyNs ?? 0;
  if (longestNs <= MOST_OVER_USUAL * usualNs) return null;
  return figureText(durationFigure(longestNs));
}

/** Measured over ideal period, minus one, from either kind of report; null: not known. */
function gapOf({ balance, layers }: ReportJson): number | null {
  if (balance !== null) {
    const { measuredPeriodNs, idealPeriodNs } = balance;
    return measuredPeriodNs === null || idealPeriodNs <= 0
      ? null
      : measuredPeriodNs / idealPeriodNs - 1;
  }
  let measured = 0;
  let ideal = 0;
  for (const { periodNs, idealPeriodNs } of layers) {
    if (periodNs === null || idealPeriodNs === null) continue;
    measured += periodNs.mean;
    ideal += idealPeriodNs;
  }
  return ideal > 0 ? measured / ideal - 1 : null;
}

function excessOf({ groups }: ReportJson): number {
  return Math.max(
    0,
    ...groups.map(({ causes, activeNs }) =>
      activeNs > 0 ? (causes.loadExcessNs + causes.deviceExcessNs) / activeNs : 0,
    ),
  );
}
