/** What a report says in the end, as facts; words are made where they are shown. */
import type { Balance, Bound, Report, WorkerReport } from './report-types.ts';

/**
 * `no-data`: nothing arrived. `no-traffic`: workers, but no step in flight. `unpaired`: work, but
 * no key that both sides completed (one side is missing, or the deployment is not disaggregated).
 * `healthy`: no side waits for more than `HEALTHY_WAIT_RATIO` of a layer. Else what bounds it.
 */
export type VerdictState = 'no-data' | 'no-traffic' | 'unpaired' | 'healthy' | Bound;

export interface Verdict {
  readonly state: VerdictState;
  /** What bounds the period, healthy or not; null without a balance. */
  readonly bound: Bound | null;
  /** The side that waits more. */
  readonly waitingSide: 'attention' | 'ffn' | null;
  /** Share of each layer for which that side has nothing to do: 1 - m·E/C. */
  readonly waitRatio: number | null;
  /** The same as measured: the side's bubble in active time. */
  readonly measuredWaitRatio: number | null;
  /** `waitRatio` by origin; the three add up to it. */
  readonly parts: {
    readonly imbalance: number;
    readonly latency: number;
    readonly network: number;
  } | null;
  /**
   * By how much, relative to C, the slower side's compute lies from the next largest known term:
   * how much may change before the bound changes.
   */
  readonly margin: number | null;
  /** The worker that computes clearly longer than its group's median, the worst only. */
  readonly worst: { readonly worker: string; readonly excessRatio: number } | null;
  /** Steps behind it. */
  readonly n: number;
}

/** Below this, waiting is the price of whole numbers of GPUs and micro-batches. */
export const HEALTHY_WAIT_RATIO = 0.1;

/** A worker this much over the median of its group is named. */
export const CLEAR_EXCESS_RATIO = 0.08;

export function verdictOf(report: Report): Verdict {
  const { balance } = report;
  const worst = worstWorker(report.workers);
  const n = report.steps.count;
  if (balance === null) {
    return {
      state: stateWithoutBalance(report),
      bound: null,
      waitingSide: null,
      waitRatio: null,
      measuredWaitRatio: null,
      parts: null,
      margin: null,
      worst,
      n,
    };
  }
  const waitingSide = balance.ffnBubble >= balance.attentionBubble ? 'ffn' : 'attention';
  const waitRatio = Math.max(balance.ffnBubble, balance.attentionBubble);
  return {
    state: waitRatio <= HEALTHY_WAIT_RATIO ? 'healthy' : balance.bound,
    bound: balance.bound,
    waitingSide,
    waitRatio,
    measuredWaitRatio: measuredWait(report, waitingSide),
    parts: partsOf(balance, waitRatio, waitingSide, report.topology.microbatches),
    margin: marginOf(balance),
    worst,
    n,
  };
}

function stateWithoutBalance(report: Report): VerdictState {
  if (report.quality.events === 0) return 'no-data';
  return report.workers.some((worker) => worker.activeNs > 0) ? 'unpaired' : 'no-traffic';
}

function measuredWait(report: Report, role: string): number | null {
  let bubbleNs = 0;
  let activeNs = 0;
  for (const group of report.groups) {
    if (group.role !== role) continue;
    bubbleNs += group.activeBubbleNs;
    activeNs += group.activeNs;
  }
  return activeNs === 0 ? null : bubbleNs / activeNs;
}

/** imbalance = m·(E* - E)/C; what is left is latency, or the network where that is the bound. */
function partsOf(
  balance: Balance,
  waitRatio: number,
  waitingSide: 'attention' | 'ffn',
  microbatches: number,
): NonNullable<Verdict['parts']> {
  const ownNs = waitingSide === 'ffn' ? balance.tfEffectiveNs : balance.taEffectiveNs;
  const slowestNs = Math.max(balance.taEffectiveNs, balance.tfEffectiveNs);
  const ideal = balance.idealPeriodNs;
  const share = ideal === 0 ? 0 : (Math.max(1, microbatches) * (slowestNs - ownNs)) / ideal;
  const imbalance = Math.min(waitRatio, share);
  const rest = waitRatio - imbalance;
  const network = balance.bound === 'network-bound';
  return { imbalance, latency: network ? 0 : rest, network: network ? rest : 0 };
}

function marginOf(balance: Balance): number {
  if (balance.bound === 'attention-bound') return balance.ffnBubble;
  if (balance.bound === 'ffn-bound') return balance.attentionBubble;
  return Math.min(balance.attentionBubble, balance.ffnBubble);
}

/** Compute per active time against the median of the group: a lost step then makes nobody slow. */
function worstWorker(workers: readonly WorkerReport[]): Verdict['worst'] {
  const byGroup = Map.groupBy(
    workers.filter((worker) => worker.activeNs > 0),
    (worker) => worker.group,
  );
  let worst: Verdict['worst'] = null;
  for (const group of byGroup.values()) {
    const shares = group.map((worker) => worker.computeNs / worker.activeNs);
    const sorted = [...shares].sort((a, b) => a - b);
    const half = (sorted.length - 1) / 2;
    const median = (sorted[Math.floor(half)]! + sorted[Math.ceil(half)]!) / 2;
    if (median === 0) continue;
    group.forEach((worker, i) => {
      const excessRatio = shares[i]! / median - 1;
      if (excessRatio <= CLEAR_EXCESS_RATIO || excessRatio <= (worst?.excessRatio ?? 0)) return;
      worst = { worker: worker.id, excessRatio };
    });
  }
  return worst;
}
