/**
 * What a report says about the deployment, as structure; `verdict-text.ts` makes the sentence.
 * Figures are those of the report; the thresholds here and in `culprit.ts` are the only judgement.
 *
 *     hung       somebody stands still now: nothing else matters until that is mended
 *     healthy    no group idles much, and nobody is slow
 *     bounded    bound, who waits, the one culprit if there is one, what to do
 */
import type { HangJson } from '#lib/api/hangs.ts';
import type { ReportJson } from '#lib/api/report-schema.ts';
import type { StragglerJson } from '#lib/api/stragglers.ts';
import { type CauseShare, causeShares, unknownShare } from './causes-view.ts';
import { type Culprit, culpritOf } from './culprit.ts';

export type BoundName = NonNullable<ReportJson['balance']>['bound'];
export type AdviceJson = NonNullable<ReportJson['balance']>['advice'][number];
type GroupJson = ReportJson['groups'][number];

/** Below this share of idle active time on every group the split is called healthy. */
export const HEALTHY_BUBBLE_RATIO = 0.15;
/** Fewer steps than this and the verdict says that it is early. */
export const FEW_STEPS = 5;
/** From this share of waiting without a known cause on, events are missing. */
export const UNKNOWN_CAUSE_RATIO = 0.1;
/** From this share of keys without a worker's compute on, events are missing. */
export const INCOMPLETE_KEY_RATIO = 0.02;
/** Sides that are within this share of each other may change places. */
export const CLOSE_RATIO = 0.05;

/** By so much more must another change gain to be named in the place of another ratio. */
const RATIO_AHEAD = 0.015;

export interface GroupWait {
  readonly group: string;
  readonly role: string;
  readonly activeBubbleRatio: number;
  /** The causes of its waiting as shares of active time, the largest first. */
  readonly causes: readonly CauseShare[];
}

/** What the live stream knows beyond the report's few seconds. */
export interface LiveFindings {
  readonly hangs?: readonly HangJson[] | undefined;
  readonly stragglers?: readonly StragglerJson[] | undefined;
}

export type Confidence = 'early' | 'clear' | 'close' | 'clocks' | 'partial';

export interface Judged {
  /** `unknown`: disaggregated, but the window does not tell the bound. */
  readonly kind: 'healthy' | 'bounded' | 'unknown' | 'colocated';
  readonly isDisaggregated: boolean;
  readonly exactness: ReportJson['exactness'];
  /** null where not disaggregated, from rollups, or without complete keys. */
  readonly bound: BoundName | null;
  /** Worst first: who has the most idle active time. */
  readonly waits: readonly GroupWait[];
  readonly culprit: Culprit | null;
  /** The newest that is over. */
  readonly pastHang: HangJson | null;
  readonly isRoutingForced: boolean;
  readonly measuredPeriodNs: number | null;
  readonly idealPeriodNs: number | null;
  /** What uneven workers inside the groups cost, as a share of the ideal period. */
  readonly imbalanceCostRatio: number | null;
  readonly microbatches: number;
  readonly minMicrobatches: number | null;
  /** With a gain, the largest first. */
  readonly advice: readonly AdviceJson[];
  /** What the best other ratio would bring; null: not known. */
  readonly ratioMargin: number | null;
  readonly steps: number;
  readonly confidence: Confidence;
}

export type Verdict =
  | { readonly kind: 'no-data' }
  | { readonly kind: 'hung'; readonly hang: HangJson; readonly workers: number }
  | Judged;

export function verdictOf(report: ReportJson | null, live: LiveFindings = {}): Verdict {
  const hangs = [...(live.hangs ?? []), ...(report?.hangs ?? [])];
  const hang = openHang(hangs);
  if (hang !== null) {
    return { kind: 'hung', hang, workers: report?.workers.length ?? hang.workers.length };
  }
  if (report === null || report.steps.count === 0 || report.groups.length === 0) {
    return { kind: 'no-data' };
  }
  const waits = report.groups
    .map(groupWait)
    .filter((wait) => wait !== null)
    .sort((a, b) => b.activeBubbleRatio - a.activeBubbleRatio);
  const culprit = culpritOf(report, live.stragglers);
  const balance = report.balance;
  const isHealthy =
    culprit === null &&
    waits.length > 0 &&
    waits.every((wait) => wait.activeBubbleRatio <= HEALTHY_BUBBLE_RATIO);
  const roles = new Set(report.groups.map(({ role }) => role));
  const isDisaggregated = balance !== null || (roles.has('attention') && roles.has('ffn'));
  const troubled =
    balance !== null ? 'bounded' : isDisaggregated ? 'unknown' : ('colocated' as const);
  return {
    kind: isHealthy ? 'healthy' : troubled,
    isDisaggregated,
    exactness: report.exactness,
    bound: balance?.bound ?? null,
    waits,
    culprit,
    pastHang: worstHang(report.hangs ?? []),
    isRoutingForced: report.experts?.forcedRouting === true,
    measuredPeriodNs: balance?.measuredPeriodNs ?? null,
    idealPeriodNs: balance?.idealPeriodNs ?? null,
    imbalanceCostRatio:
      balance === null || balance.idealPeriodNs <= 0
        ? null
        : balance.imbalanceCostNs / balance.idealPeriodNs,
    microbatches: report.topology.microbatches,
    minMicrobatches: balance?.minMicrobatches ?? null,
    advice: worthwhile(balance?.advice ?? []),
    ratioMargin: balance?.ratioMargin?.gain ?? null,
    steps: report.steps.count,
    confidence: confidenceOf(report),
  };
}

/** The hang to name while it lasts; null: all are over, or there are none. */
export function openHang(hangs: readonly HangJson[] = []): HangJson | null {
  return worstHang(hangs.filter(({ untilUnixNs }) => untilUnixNs === null));
}

/** Who stands still comes before who only fell silent; then the one that most wait for. */
function worstHang(hangs: readonly HangJson[]): HangJson | null {
  const weight = ({ kind, waiting }: HangJson): number => (kind === 'hang' ? 1e6 : 0) + waiting;
  return [...hangs].sort((a, b) => weight(b) - weight(a))[0] ?? null;
}

/** A ratio of the GPUs at hand comes first where nothing gains much more: it needs no new ones. */
function worthwhile(advice: readonly AdviceJson[]): readonly AdviceJson[] {
  const ahead = ({ kind, gain }: AdviceJson): number => gain + (kind === 'ratio' ? RATIO_AHEAD : 0);
  return advice.filter(({ gain }) => gain > 0).sort((a, b) => ahead(b) - ahead(a));
}

function groupWait(group: GroupJson): GroupWait | null {
  if (group.activeBubbleRatio === null) return null;
  return {
    group: group.group,
    role: group.role,
    activeBubbleRatio: group.activeBubbleRatio,
    causes: [...causeShares(group)].sort((a, b) => b.ratio - a.ratio),
  };
}

/** Of the keys that both sides work on, those that some worker told nothing of. */
function incompleteShare({ quality }: ReportJson): number {
  const { completeKeys = 0, incompleteKeys = 0 } = quality;
  return incompleteKeys === 0 ? 0 : incompleteKeys / (completeKeys + incompleteKeys);
}

/** `close`: the two sides take nearly the same time, so that the bound may flip. */
function confidenceOf(report: ReportJson): Confidence {
  if (report.steps.count < FEW_STEPS) return 'early';
  if (report.clock.conflicts > 0) return 'clocks';
  if (
    incompleteShare(report) > INCOMPLETE_KEY_RATIO ||
    report.groups.some((group) => (unknownShare(group) ?? 0) > UNKNOWN_CAUSE_RATIO)
  ) {
    return 'partial';
  }
  const balance = report.balance;
  if (balance === null || balance.bound === 'latency-bound' || balance.bound === 'network-bound') {
    return 'clear';
  }
  const slower = Math.max(balance.taEffectiveNs, balance.tfEffectiveNs);
  const faster = Math.min(balance.taEffectiveNs, balance.tfEffectiveNs);
  return slower > 0 && (slower - faster) / slower < CLOSE_RATIO ? 'close' : 'clear';
}
