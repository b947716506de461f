/** The report of one deployment over one window: the contract in report-types.ts. */
import { addNanos, nanosBetween, type UnixNanos } from '#lib/base/units.ts';
import { assemble } from '#lib/model/assemble.ts';
import type { Assembled } from '#lib/model/assembled.ts';
import {
  coversAll,
  overlapsWindow,
  selectWindow,
  type WindowNs,
} from '#lib/model/select-window.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { RejectCounts } from '#lib/table/reject-reasons.ts';
import { workerId } from '#lib/table/worker-info.ts';
import { type ActivityLengths, activityOf, addLengths, noActivity } from './activity.ts';
import { indexExtent } from './index-extent.ts';
import { layerSamples } from './layer-samples.ts';
import { reportPipeline } from './pipeline-report.ts';
import type { GroupReport, Report, WorkerReport } from './report-types.ts';
import { reportStages, stageSamples } from './stage-report.ts';
import { reportSteps, stepSamples } from './step-report.ts';
import { countsTokens } from './throughput.ts';
import { workerActivity } from './worker-activity.ts';

export interface ReportWindow {
  readonly fromUnixNs: UnixNanos;
  /** Exclusive. */
  readonly toUnixNs: UnixNanos;
}

/** What the events themselves do not tell: passed through to the report's `quality`. */
export interface ReportQuality {
  readonly late?: number;
  readonly rejected?: RejectCounts;
}

export interface ReportInput extends ReportQuality {
  readonly events: readonly EventTable[];
  readonly deployment: string;
  /** Default: first start to last end of the deployment's events. */
  readonly window?: ReportWindow;
}

export function buildReport(input: ReportInput): Report {
  return reportOf(assemble(input.events, input.deployment), input.window, input);
}

/** The same for events that are assembled already, so that several questions share the work. */
export function reportOf(
  assembled: Assembled,
  window: ReportWindow | undefined,
  quality: ReportQuality = {},
): Report {
  const span = windowOf(assembled, window);
  const selected = selectWindow(assembled, span);
  const lengths = workerActivity(selected, [span.fromNs, span.toNs]).map(([only]) => only!);
  const { microbatches, layers: layerCount } = indexExtent(selected, span);
  const pipeline = reportPipeline([layerSamples(selected, span)], microbatches);
  const workers = selected.events.workers;
  return {
    schema: 'afdscope.report/1',
    deployment: assembled.deployment,
    exactness: 'raw',
    window: {
      startUnixNs: String(unixOf(assembled, window?.fromUnixNs, assembled.firstStartNs)),
      endUnixNs: String(unixOf(assembled, window?.toUnixNs, assembled.lastEndNs)),
      durationNs:
        window === undefined
          ? span.toNs - span.fromNs
          : Math.max(0, nanosBetween(window.fromUnixNs, window.toUnixNs)),
    },
    topology: {
      attention: workers.filter((worker) => worker.role === 'attention').length,
      ffn: workers.filter((worker) => worker.role === 'ffn').length,
      microbatches,
      layers: layerCount,
    },
    steps: reportSteps(
      [stepSamples(selected, span)],
      lengths.flatMap(({ observedNs }, w) => (countsTokens(workers[w]!.role) ? [observedNs] : [])),
    ),
    groups: groupReports(selected, lengths),
    workers: workerReports(selected, lengths),
    layers: pipeline.layers,
    stages: reportStages([stageSamples(selected, span)], [...new Set(workers.map((w) => w.group))]),
    balance: pipeline.balance,
    stragglers: [],
    criticalPath: null,
    experts: null,
    clock: clockReport(selected),
    quality: qualityReport(selected, span, quality),
  };
}

/** The window in the table's own time; without one, all of the table. */
export function windowOf(assembled: Assembled, window: ReportWindow | undefined): WindowNs {
  if (window === undefined) {
    return { fromNs: assembled.firstStartNs, toNs: assembled.lastEndNs };
  }
  const base = assembled.events.baseUnixNs;
  const fromNs = nanosBetween(base, window.fromUnixNs);
  const durationNs = Math.max(0, nanosBetween(window.fromUnixNs, window.toUnixNs));
  return { fromNs, toNs: fromNs + durationNs };
}

function unixOf(assembled: Assembled, given: UnixNanos | undefined, offsetNs: number): UnixNanos {
  if (given !== undefined) return given;
  const { events } = assembled;
  return events.length === 0 ? events.baseUnixNs : addNanos(events.baseUnixNs, offsetNs);
}

function groupReports(assembled: Assembled, lengths: readonly ActivityLengths[]): GroupReport[] {
  const groups = new Map<string, { role: string; workers: number; sum: ActivityLengths }>();
  assembled.events.workers.forEach((worker, w) => {
    const group = groups.get(worker.group) ?? { role: worker.role, workers: 0, sum: noActivity() };
    groups.set(worker.group, group);
    group.workers++;
    addLengths(group.sum, lengths[w]!);
  });
  return [...groups].map(([group, { role, workers, sum }]) => ({
    group,
    role,
    workers,
    ...activityOf(sum),
  }));
}

function workerReports(assembled: Assembled, lengths: readonly ActivityLengths[]): WorkerReport[] {
  return assembled.events.workers.map((worker, w) => ({
    id: workerId(worker),
    group: worker.group,
    role: worker.role,
    rank: worker.rank,
    host: worker.host,
    clockDomain: worker.clockDomain,
    clockOffsetNs: 0,
    clockErrorNs: null,
    ...activityOf(lengths[w]!),
  }));
}

/** Clocks are not aligned yet: every domain stands at its own time, with an unknown error. */
function clockReport(assembled: Assembled): Report['clock'] {
  const names = new Set(assembled.events.workers.map((worker) => worker.clockDomain));
  const domains = [...names].sort();
  return {
    referenceDomain: domains[0] ?? null,
    domains: domains.map((domain) => ({ domain, offsetNs: 0, errorNs: null, driftPpm: null })),
    conflicts: 0,
  };
}

function qualityReport(
  assembled: Assembled,
  window: WindowNs,
  quality: ReportQuality,
): Report['quality'] {
  const { receives, misdated } = assembled;
  const { count, duplicates } = countEvents(assembled, window);
  let unmatchedReceives = 0;
  for (let r = 0; r < receives.length; r++) {
    if (receives.lastSend[r]! >= 0) continue;
    if (overlapsWindow(receives.startNs[r]!, receives.endNs[r]!, window)) unmatchedReceives++;
  }
  const rejected: Record<string, number> = { ...quality.rejected };
  if (misdated > 0) rejected.bad_time = (rejected.bad_time ?? 0) + misdated;
  return { events: count, duplicates, late: quality.late ?? 0, rejected, unmatchedReceives };
}

function countEvents(
  assembled: Assembled,
  window: WindowNs,
): { count: number; duplicates: number } {
  const { events, endNs, extraCopies } = assembled;
  if (extraCopies === null && coversAll(assembled, window)) {
    return { count: events.length, duplicates: 0 };
  }
  let count = 0;
  let duplicates = 0;
  for (let row = 0; row < events.length; row++) {
    if (!overlapsWindow(events.startNs[row]!, endNs[row]!, window)) continue;
    count++;
    if (extraCopies !== null) duplicates += extraCopies[row]!;
  }
  return { count, duplicates };
}
