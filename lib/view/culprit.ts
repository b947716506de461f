/**
 * Who or what costs the most, if anybody: one culprit for the verdict, found in the order in which
 * a mend of one would change the figures of the next.
 *
 *     straggler or hot expert that everyone waits for     its group is as slow as it is
 *     tails of transfers                                  the layer is longer than any split explains
 *     host work                                           the GPUs stand still for it
 *     straggler that the bound hides                      it will cost once the bound is mended
 */
import type { ReportJson } from '#lib/api/report-schema.ts';
import type { StragglerJson } from '#lib/api/stragglers.ts';
import { median } from './median.ts';

type BoundName = NonNullable<ReportJson['balance']>['bound'];

/** Past this share over the ideal period a layer has jitter, which no other split would mend. */
export const JITTER_GAP_RATIO = 0.1;
/** Half of that is enough where transfers have a tail that explains it. */
export const TAIL_GAP_RATIO = 0.05;
/** A transfer has a tail when its 99th percentile is this many times its median. */
export const TAIL_FACTOR = 2;
/** From this share of active time on, GPUs that stand still for host work are named. */
export const HOST_RATIO = 0.05;
/** An excess below this is in the ranking of stragglers, and not worth the verdict. */
export const SLOW_WORKER_RATIO = 0.08;
/** A worker with so many times the mean of the routed tokens holds a hot expert. */
export const HOT_TOKENS_RATIO = 1.2;
/** In one layer chance weighs more. */
export const HOT_LAYER_RATIO = 1.5;

export interface SlowWorker {
  readonly kind: 'straggler';
  readonly workerId: string;
  readonly role: string;
  readonly stage: string | null;
  readonly excessRatio: number;
  /** Parts of the excess; null where nothing normalises for load. */
  readonly loadRatio: number | null;
  readonly cause: 'load' | 'device' | 'both';
  readonly isComm: boolean;
  /** Does the whole pipeline wait for it? */
  readonly isBinding: boolean;
}

export interface HotExpert {
  readonly kind: 'hot-expert';
  readonly workerId: string;
  /** -1: events do not tell experts apart. */
  readonly expert: number;
  /** The worker's tokens over the mean of its group, in these layers; null: in all. */
  readonly tokensRatio: number;
  readonly layers: { readonly from: number; readonly to: number } | null;
  readonly isBinding: boolean;
}

/** What takes a layer over its ideal period. */
export interface Tail {
  readonly kind: 'tail';
  /** Measured over ideal period, minus one. */
  readonly gapRatio: number;
  /** The transfer whose tail is longer, in time; null where neither has one. */
  readonly transfer: { readonly name: 'A2F' | 'F2A'; readonly p99OverMedian: number } | null;
}

export interface HostWork {
  readonly kind: 'host';
  readonly role: string;
  readonly group: string;
  /** Of active time. */
  readonly ratio: number;
}

export type Culprit = SlowWorker | HotExpert | Tail | HostWork;

/** `live`: stragglers that were followed for longer than the report's window, if there are any. */
export function culpritOf(report: ReportJson, live?: readonly StragglerJson[]): Culprit | null {
  const bound = report.balance?.bound ?? null;
  const hot = hotExpert(report, bound);
  const slow = slowestOf(report, bound, live);
  const worker = hot !== null && (slow === null || slow.workerId === hot.workerId) ? hot : slow;
  if (worker?.isBinding === true) return worker;
  return tailOf(report) ?? hostWorkOf(report) ?? worker;
}

/** The straggler that costs most: those that everyone waits for come first. */
export function slowestOf(
  report: ReportJson,
  bound: BoundName | null,
  live: readonly StragglerJson[] = [],
): SlowWorker | null {
  const roles = new Map(report.workers.map(({ id, role }) => [id, role]));
  const ranked = report.stragglers.length > 0 ? report.stragglers : live;
  let worst: SlowWorker | null = null;
  for (const entry of ranked) {
    if (entry.excessRatio < SLOW_WORKER_RATIO) continue;
    const role = roles.get(entry.worker) ?? '';
    const isComm = entry.class === 'comm-slow';
    const slow: SlowWorker = {
      kind: 'straggler',
      workerId: entry.worker,
      role,
      stage: entry.stage,
      excessRatio: entry.excessRatio,
      loadRatio: entry.loadRatio,
      cause: entry.cause ?? causeOf(entry),
      isComm,
      isBinding: isBinding(role, bound, isComm),
    };
    if (worst === null || rank(slow) > rank(worst)) worst = slow;
  }
  return worst;
}

function rank({ isBinding: binds, excessRatio }: SlowWorker): number {
  return (binds ? 1000 : 0) + excessRatio;
}

function causeOf({ excessRatio, loadRatio }: StragglerJson): SlowWorker['cause'] {
  if (loadRatio >= excessRatio * 0.75) return 'load';
  return loadRatio <= excessRatio * 0.25 ? 'device' : 'both';
}

/** A micro-batch's whole way is what a latency-bound layer waits for: any slow worker lengthens it. */
function isBinding(role: string, bound: BoundName | null, isComm: boolean): boolean {
  if (bound === 'latency-bound') return true;
  if (bound === 'network-bound') return isComm;
  return bound === `${role}-bound`;
}

/** The FFN worker that gets far more routed tokens than its peers, everywhere or in some layers. */
function hotExpert(report: ReportJson, bound: BoundName | null): HotExpert | null {
  const experts = report.experts;
  if (experts === null) return null;
  const [most] = [...(experts.workers ?? [])].sort((a, b) => b.tokensRatio - a.tokensRatio);
  const hotLayers = (experts.layers ?? []).filter(
    ({ maxOverMean }) => maxOverMean >= HOT_LAYER_RATIO,
  );
  const everywhere = most !== undefined && most.tokensRatio >= HOT_TOKENS_RATIO;
  const workerId = everywhere ? most.worker : mostNamed(hotLayers.map(({ worker }) => worker));
  if (workerId === null) return null;
  const own = hotLayers.filter(({ worker }) => worker === workerId);
  // Few layers are chance; all of them need no list.
  const isInSome = own.length > 0 && own.length < (experts.layers ?? []).length * 0.8;
  if (!everywhere && own.length < 2) return null;
  const tokensRatio = isInSome
    ? own.reduce((sum, { maxOverMean }) => sum + maxOverMean, 0) / own.length
    : (most?.tokensRatio ?? 1);
  const ownLayers = new Set(own.map(({ layer }) => layer));
  const bindsThere = report.layers.some(
    ({ layer, bound: there }) => ownLayers.has(layer) && there === 'ffn-bound',
  );
  return {
    kind: 'hot-expert',
    workerId,
    expert: experts.hottest.find(({ worker }) => worker === workerId)?.expert ?? -1,
    tokensRatio,
    layers: isInSome ? { from: Math.min(...ownLayers), to: Math.max(...ownLayers) } : null,
    isBinding: isBinding('ffn', bound, false) || bindsThere,
  };
}

function mostNamed(names: readonly string[]): string | null {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  let best: string | null = null;
  for (const [name, count] of counts) {
    if (count > (best === null ? 0 : (counts.get(best) ?? 0))) best = name;
  }
  return best;
}

function tailOf(report: ReportJson): Tail | null {
  const balance = report.balance;
  if (balance === null || balance.measuredPeriodNs === null || balance.idealPeriodNs <= 0) {
    return null;
  }
  const gapRatio = balance.measuredPeriodNs / balance.idealPeriodNs - 1;
  if (gapRatio <= TAIL_GAP_RATIO) return null;
  const tails = [
    { name: 'A2F' as const, ...tailTimes(report.layers.map((layer) => layer.a2fNs)) },
    { name: 'F2A' as const, ...tailTimes(report.layers.map((layer) => layer.f2aNs)) },
  ].filter(({ p99OverMedian }) => p99OverMedian >= TAIL_FACTOR);
  // Where both have one, the one that takes longer costs more.
  const [longest] = tails.sort((a, b) => b.excessNs - a.excessNs);
  if (longest === undefined) {
    return gapRatio <= JITTER_GAP_RATIO ? null : { kind: 'tail', gapRatio, transfer: null };
  }
  const { name, p99OverMedian } = longest;
  return { kind: 'tail', gapRatio, transfer: { name, p99OverMedian } };
}

/** Medians over layers. */
function tailTimes(quantiles: readonly ({ readonly p50: number; readonly p99: number } | null)[]): {
  readonly p99OverMedian: number;
  readonly excessNs: number;
} {
  const known = quantiles.filter((entry) => entry !== null).filter(({ p50 }) => p50 > 0);
  if (known.length === 0) return { p99OverMedian: 0, excessNs: 0 };
  return {
    p99OverMedian: median(known.map(({ p50, p99 }) => p99 / p50)),
    excessNs: median(known.map(({ p50, p99 }) => p99 - p50)),
  };
}

function hostWorkOf(report: ReportJson): HostWork | null {
  let most: HostWork | null = null;
  for (const { role, group, activeNs, bubble } of report.groups) {
    const ratio = activeNs > 0 ? bubble.hostNs / activeNs : 0;
    if (ratio >= HOST_RATIO && ratio > (most?.ratio ?? 0)) {
      most = { kind: 'host', role, group, ratio };
    }
  }
  return most;
}
