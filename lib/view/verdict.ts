/**
 * What a report says about the deployment, as structure; `verdict-text.ts` makes the sentence.
 * Figures are those of the report; the thresholds below are the only judgement.
 */
import type { ReportJson } from '#lib/api/report-schema.ts';

export type BoundName = NonNullable<ReportJson['balance']>['bound'];
type GroupJson = ReportJson['groups'][number];
type WorkerJson = ReportJson['workers'][number];

/** Below this share of idle active time on every group the split is called healthy. */
export const HEALTHY_BUBBLE_RATIO = 0.15;
/** A worker is named when it computes this much longer than the median of its group. */
export const SLOW_WORKER_RATIO = 0.08;
/** Past this share over the ideal period a layer has tails, which no other split would mend. */
export const TAIL_GAP_RATIO = 0.1;
/** A transfer has a tail when its 99th percentile is this many times its median. */
export const TAIL_FACTOR = 2;
/** From this share of active time on, idle GPUs under host work are named. */
export const HOST_RATIO = 0.05;
/** Fewer steps than this and the verdict says that it is early. */
export const FEW_STEPS = 5;

export interface SlowWorker {
  readonly workerId: string;
  readonly group: string;
  readonly role: string;
  /** Compute per observed second over its group's median, minus one. */
  readonly excessRatio: number;
}

/** What takes a layer over its ideal period. */
export interface Tail {
  /** Measured over ideal period, minus one. */
  readonly gapRatio: number;
  /** The transfer with the longer tail; null where neither has one. */
  readonly transfer: { readonly name: 'A2F' | 'F2A'; readonly p99OverMedian: number } | null;
}

export interface GroupWait {
  readonly group: string;
  readonly role: string;
  readonly activeBubbleRatio: number;
  readonly waitPeerRatio: number;
  readonly exposedTransferRatio: number;
  readonly hostRatio: number;
}

export type Verdict =
  | { readonly kind: 'no-data' }
  | {
      /** `unknown`: disaggregated, but the window does not tell the bound. */
      readonly kind: 'healthy' | 'bounded' | 'unknown' | 'colocated';
      readonly isDisaggregated: boolean;
      readonly exactness: ReportJson['exactness'];
      /** null where not disaggregated, from rollups, or without complete keys. */
      readonly bound: BoundName | null;
      /** Worst first: who has the most idle active time. */
      readonly waits: readonly GroupWait[];
      readonly slow: SlowWorker | null;
      readonly measuredPeriodNs: number | null;
      readonly idealPeriodNs: number | null;
      /** What uneven workers inside the groups cost, as a share of the ideal period. */
      readonly imbalanceCostRatio: number | null;
      readonly tail: Tail | null;
      readonly microbatches: number;
      readonly minMicrobatches: number | null;
      readonly advice: NonNullable<ReportJson['balance']>['advice'][number] | null;
      readonly steps: number;
      readonly confidence: 'early' | 'clear' | 'close';
    };

export function verdictOf(report: ReportJson | null): Verdict {
  if (report === null || report.steps.count === 0 || report.groups.length === 0) {
    return { kind: 'no-data' };
  }
  const waits = report.groups
    .map(groupWait)
    .filter((wait) => wait !== null)
    .sort((a, b) => b.activeBubbleRatio - a.activeBubbleRatio);
  const slow = slowestWorker(report.workers);
  const balance = report.balance;
  const isHealthy =
    slow === null &&
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
    slow,
    measuredPeriodNs: balance?.measuredPeriodNs ?? null,
    idealPeriodNs: balance?.idealPeriodNs ?? null,
    imbalanceCostRatio:
      balance === null || balance.idealPeriodNs <= 0
        ? null
        : balance.imbalanceCostNs / balance.idealPeriodNs,
    tail: tailOf(report),
    microbatches: report.topology.microbatches,
    minMicrobatches: balance?.minMicrobatches ?? null,
    advice: balance?.advice[0] ?? null,
    steps: report.steps.count,
    confidence: confidenceOf(report),
  };
}

function groupWait(group: GroupJson): GroupWait | null {
  if (group.activeBubbleRatio === null) return null;
  const activeNs = group.activeNs > 0 ? group.activeNs : 1;
  return {
    group: group.group,
    role: group.role,
    activeBubbleRatio: group.activeBubbleRatio,
    waitPeerRatio: group.bubble.waitPeerNs / activeNs,
    exposedTransferRatio: group.bubble.exposedTransferNs / activeNs,
    hostRatio: group.bubble.hostNs / activeNs,
  };
}

function tailOf(report: ReportJson): Tail | null {
  const balance = report.balance;
  if (balance === null || balance.measuredPeriodNs === null || balance.idealPeriodNs <= 0) {
    return null;
  }
  const gapRatio = balance.measuredPeriodNs / balance.idealPeriodNs - 1;
  if (gapRatio <= TAIL_GAP_RATIO) return null;
  const a2f = p99OverMedian(report.layers.map((layer) => layer.a2fNs));
  const f2a = p99OverMedian(report.layers.map((layer) => layer.f2aNs));
  const longest = Math.max(a2f, f2a);
  if (longest < TAIL_FACTOR) return { gapRatio, transfer: null };
  const name = a2f >= f2a ? 'A2F' : 'F2A';
  return { gapRatio, transfer: { name, p99OverMedian: longest } };
}

function p99OverMedian(
  quantiles: readonly ({ readonly p50: number; readonly p99: number } | null)[],
): number {
  const ratios = quantiles.flatMap((entry) =>
    entry !== null && entry.p50 > 0 ? [entry.p99 / entry.p50] : [],
  );
  return ratios.length === 0 ? 0 : median(ratios);
}

/** Does the whole pipeline wait for this worker? Only where its own side bounds the layer. */
export function isBinding(slow: SlowWorker, bound: BoundName | null): boolean {
  return (
    (bound === 'attention-bound' && slow.role === 'attention') ||
    (bound === 'ffn-bound' && slow.role === 'ffn')
  );
}

/** The worker furthest over its group's median compute; null where none is clearly off. */
export function slowestWorker(workers: readonly WorkerJson[]): SlowWorker | null {
  const byGroup = new Map<string, { id: string; role: string; load: number }[]>();
  for (const worker of workers) {
    if (!(worker.observedNs > 0)) continue;
    const list = byGroup.get(worker.group) ?? [];
    list.push({ id: worker.id, role: worker.role, load: worker.computeNs / worker.observedNs });
    byGroup.set(worker.group, list);
  }
  let worst: SlowWorker | null = null;
  for (const [group, list] of byGroup) {
    if (list.length < 2) continue;
    const middle = median(list.map((entry) => entry.load));
    if (!(middle > 0)) continue;
    for (const { id, role, load } of list) {
      const excessRatio = load / middle - 1;
      if (excessRatio > SLOW_WORKER_RATIO && excessRatio > (worst?.excessRatio ?? 0)) {
        worst = { workerId: id, group, role, excessRatio };
      }
    }
  }
  return worst;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  if (sorted.length === 0) return Number.NaN;
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** `close`: the two sides take nearly the same time, so that the bound may flip. */
function confidenceOf(report: ReportJson): 'early' | 'clear' | 'close' {
  if (report.steps.count < FEW_STEPS) return 'early';
  const balance = report.balance;
  if (balance === null || balance.bound === 'latency-bound' || balance.bound === 'network-bound') {
    return 'clear';
  }
  const slower = Math.max(balance.taEffectiveNs, balance.tfEffectiveNs);
  const faster = Math.min(balance.taEffectiveNs, balance.tfEffectiveNs);
  return slower > 0 && (slower - faster) / slower < 0.05 ? 'close' : 'clear';
}
