/** From the parts of a window to its report: sums are added, quantiles taken over joined samples. */
import { nanosBetween, type UnixNanos } from '#lib/base/units.ts';
import type { ClockFacts } from '#lib/model/align-events.ts';
import type { RejectCounts } from '#lib/table/reject-reasons.ts';
import { compareWorkers, type WorkerInfo, workerId } from '#lib/table/worker-info.ts';
import { workerKey } from '#lib/table/worker-key.ts';
import { type ActivityLengths, activityOf, addLengths, noActivity } from './activity.ts';
import { balanceWithAdvice } from './balance-advice.ts';
import { reportClock } from './clock-report.ts';
import { reportCriticalPath } from './critical-path-report.ts';
import { reportExperts } from './expert-report.ts';
import { reportHangs } from './hang.ts';
import { alignLayers } from './layer-samples.ts';
import { reportLoadModel } from './load-model.ts';
import { reportPipeline } from './pipeline-report.ts';
import type { PartWorker, ReportPart } from './report-part.ts';
import type { ClockDomainReport, GroupReport, Report, WorkerReport } from './report-types.ts';
import { utilizationOf } from './roofline.ts';
import { reportStages } from './stage-report.ts';
import { reportSteps } from './step-report.ts';
import type { Straggler } from './straggler-types.ts';
import { findStragglers } from './stragglers.ts';
import { countsTokens } from './throughput.ts';

export interface ReportWindow {
  readonly fromUnixNs: UnixNanos;
  /** Exclusive. */
  readonly toUnixNs: UnixNanos;
}

/** What the events themselves do not tell: passed through to the report's `quality`. */
export interface ReportQuality {
  readonly late?: number;
  readonly rejected?: RejectCounts;
  /** How the events were aligned; null: they share one clock. Absent: as if nobody knew. */
  readonly clock?: ClockFacts | null;
}

interface WorkerSum {
  readonly info: WorkerInfo;
  readonly lengths: ActivityLengths;
  /** What others waited because of it. */
  readonly blamedNs: number;
}

/** `parts`, at least one, make up `window`. Reorders their samples. */
export function finishReport(
  parts: readonly ReportPart[],
  deployment: string,
  window: ReportWindow,
  quality: ReportQuality,
): Report {
  const workers = sumWorkers(parts);
  const most = (count: (part: ReportPart) => number): number => Math.max(...parts.map(count));
  const sum = (count: (part: ReportPart) => number): number =>
    parts.reduce((total, part) => total + count(part), 0);
  const microbatches = most((part) => part.microbatches);
  const pipeline = reportPipeline(alignLayers(parts.map((part) => part.pipeline)), microbatches);
  const clock = reportClock(
    workers.map(({ info }) => info.clockDomain),
    quality.clock,
  );
  const clockOf = new Map(clock.domains.map((domain) => [domain.domain, domain]));
  const { loadModel } = parts[0]!;
  const stragglers = findStragglers(
    parts.map((part) => part.stageLoads),
    loadModel,
    window.fromUnixNs,
  );
  const slow = withSuffered(stragglers.stragglers, workers);
  const steps = reportSteps(
    parts.map((part) => part.steps),
    workers.filter(({ info }) => countsTokens(info.role)).map(({ lengths }) => lengths.observedNs),
  );
  const stages = reportStages(
    parts.map((part) => part.stages),
    [...new Set(workers.map(({ info }) => info.group))],
  );
  const topology = {
    attention: workers.filter(({ info }) => info.role === 'attention').length,
    ffn: workers.filter(({ info }) => info.role === 'ffn').length,
    microbatches,
    layers: most((part) => part.layers),
  };
  const infos = workers.map(({ info }) => info);
  const balance = balanceWithAdvice({
    pipeline,
    topology,
    steps,
    stages,
    workers: infos,
    loadModel,
    stragglers: slow,
  });
  const groups = groupReports(workers);
  const devices = parts.map((part) => part.devices);
  return {
    schema: 'afdscope.report/1',
    deployment,
    exactness: 'raw',
    window: {
      startUnixNs: String(window.fromUnixNs),
      endUnixNs: String(window.toUnixNs),
      durationNs: Math.max(0, nanosBetween(window.fromUnixNs, window.toUnixNs)),
    },
    topology,
    steps,
    groups,
    workers: workers.map((worker) => workerReport(worker, clockOf.get(worker.info.clockDomain))),
    layers: pipeline.layers,
    stages,
    balance,
    criticalPath: reportCriticalPath(parts.map((part) => part.paths)),
    stragglers: slow,
    loadModel: reportLoadModel(loadModel),
    hangs: reportHangs(
      parts.map((part) => part.hangs),
      window.toUnixNs,
    ),
    experts: reportExperts(parts.map((part) => part.experts)),
    clock,
    quality: {
      events: sum((part) => part.events),
      duplicates: sum((part) => part.duplicates),
      late: quality.late ?? 0,
      rejected: { ...quality.rejected },
      unmatchedReceives: sum((part) => part.unmatchedReceives),
      completeKeys: sum((part) => part.completeKeys),
      incompleteKeys: sum((part) => part.incompleteKeys),
    },
    utilization: utilizationOf(groups, infos, devices, balance),
  };
}

/** Each worker as its newest event describes it. */
function sumWorkers(parts: readonly ReportPart[]): WorkerSum[] {
  const newest = new Map<string, PartWorker>();
  for (const worker of parts.flatMap((part) => part.workers)) {
    const id = workerId(worker.info);
    const known = newest.get(id);
    if (known === undefined || isNewer(worker, known)) newest.set(id, worker);
  }
  const sums = new Map(
    [...newest.keys()].map((id) => [id, { lengths: noActivity(), blamedNs: 0 }]),
  );
  for (const { workers, windowNs } of parts) {
    const own = new Map(workers.map((worker) => [workerId(worker.info), worker]));
    for (const [id, sum] of sums) {
      addLengths(sum.lengths, own.get(id)?.lengths ?? absentFor(windowNs));
      sum.blamedNs += own.get(id)?.blamedNs ?? 0;
    }
  }
  return [...newest]
    .map(([id, { info }]) => ({ info, ...sums.get(id)! }))
    .sort((a, b) => compareWorkers(a.info, b.info));
}

/** Stragglers with what others waited because of them, over the whole window. */
function withSuffered(
  stragglers: readonly Straggler[],
  workers: readonly WorkerSum[],
): readonly Straggler[] {
  const blamedNs = new Map(workers.map((worker) => [workerId(worker.info), worker.blamedNs]));
  return stragglers.map((one) => ({ ...one, sufferedNs: blamedNs.get(one.worker) }));
}

/** A worker without any event in a slice: not observed, and not computing. */
function absentFor(windowNs: number): ActivityLengths {
  return { ...noActivity(), windowNs, bubbleNs: windowNs, unattributedNs: windowNs };
}

function isNewer(a: PartWorker, b: PartWorker): boolean {
  if (a.newestStartUnixNs !== b.newestStartUnixNs) {
    return a.newestStartUnixNs > b.newestStartUnixNs;
  }
  return workerKey(a.info) > workerKey(b.info);
}

function groupReports(workers: readonly WorkerSum[]): GroupReport[] {
  const groups = new Map<string, { role: string; workers: number; sum: ActivityLengths }>();
  for (const { info, lengths } of workers) {
    const group = groups.get(info.group) ?? { role: info.role, workers: 0, sum: noActivity() };
    groups.set(info.group, group);
    group.workers++;
    addLengths(group.sum, lengths);
  }
  return [...groups].map(([group, { role, workers: count, sum }]) => ({
    group,
    role,
    workers: count,
    ...activityOf(sum),
  }));
}

function workerReport(
  { info, lengths }: WorkerSum,
  clock: ClockDomainReport | undefined,
): WorkerReport {
  return {
    id: workerId(info),
    group: info.group,
    role: info.role,
    rank: info.rank,
    host: info.host,
    clockDomain: info.clockDomain,
    clockOffsetNs: clock?.offsetNs ?? 0,
    clockErrorNs: clock?.errorNs ?? null,
    ...(info.timing === undefined ? {} : { timing: info.timing }),
    ...activityOf(lengths),
  };
}
