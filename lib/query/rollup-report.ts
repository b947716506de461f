/**
 * A report from rollups, for windows whose raw events are gone or too many. Interval lengths were
 * computed exactly in each bucket and are added; what needs single events (quantiles, layers, stages,
 * the pipeline's balance, causes) is not there: null, empty or zero. The window is widened to whole
 * buckets.
 */
import { activityOf, addLengths, noActivity } from '#lib/analysis/activity.ts';
import type { Report } from '#lib/analysis/report-types.ts';
import { countsTokens, tokensPerSecond } from '#lib/analysis/throughput.ts';
import type { TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import type { RejectCounts } from '#lib/table/reject-reasons.ts';
import type { DeploymentRollup, WorkerRollup } from '#lib/table/rollups.ts';
import { compareWorkers } from '#lib/table/worker-info.ts';
import { resolutionFor, rollupRows } from './series.ts';

type Lengths = ReturnType<typeof noActivity>;

interface WorkerSum {
  readonly row: WorkerRollup;
  readonly lengths: Lengths;
}

/** null: the window has no rollups. */
export async function rollupReport(
  reader: TelemetryReader,
  deployment: string,
  window: TimeWindow,
  quality: { readonly late: number; readonly rejected: RejectCounts },
): Promise<Report | null> {
  const { storedNs } = resolutionFor(Number(window.toUnixNs - window.fromUnixNs));
  const rows = await rollupRows(reader, deployment, window, storedNs);
  const all = [...rows.workers, ...rows.deployments];
  if (all.length === 0) return null;
  let from: bigint | null = null;
  let to: bigint | null = null;
  for (const { bucketStartUnixNs: start, resolutionNs } of all) {
    const end = start + BigInt(resolutionNs);
    if (from === null || start < from) from = start;
    if (to === null || end > to) to = end;
  }
  const workers = sumWorkers(rows.workers);
  const durationNs = Number(to! - from!);
  return {
    schema: 'afdscope.report/1',
    deployment,
    exactness: 'rollup',
    window: { startUnixNs: String(from), endUnixNs: String(to), durationNs },
    topology: {
      attention: workers.filter(({ row }) => row.role === 'attention').length,
      ffn: workers.filter(({ row }) => row.role === 'ffn').length,
      microbatches: 0,
      layers: 0,
    },
    steps: stepsOf(rows.deployments, workers),
    groups: groupsOf(workers),
    workers: workers.map(({ row, lengths }) => ({
      id: row.workerId,
      group: row.group,
      role: row.role,
      rank: row.rank,
      host: '',
      clockDomain: '',
      clockOffsetNs: 0,
      clockErrorNs: null,
      ...activityOf(lengths),
    })),
    layers: [],
    stages: [],
    balance: null,
    stragglers: [],
    criticalPath: null,
    experts: null,
    clock: { referenceDomain: null, domains: [], conflicts: 0 },
    quality: {
      events: rows.workers.reduce((sum, row) => sum + row.events, 0),
      duplicates: 0,
      late: quality.late,
      rejected: { ...quality.rejected },
      unmatchedReceives: 0,
    },
  };
}

function sumWorkers(rows: readonly WorkerRollup[]): WorkerSum[] {
  const byId = new Map<string, WorkerSum>();
  for (const row of rows) {
    const known = byId.get(row.workerId) ?? { row, lengths: noActivity() };
    byId.set(row.workerId, known);
    addLengths(known.lengths, { ...row.lengths, unknownCauseNs: 0 });
  }
  return [...byId.values()].sort((a, b) => compareWorkers(a.row, b.row));
}

function groupsOf(workers: readonly WorkerSum[]): Report['groups'] {
  const groups = new Map<string, { role: string; workers: number; lengths: Lengths }>();
  for (const { row, lengths } of workers) {
    const known = groups.get(row.group) ?? { role: row.role, workers: 0, lengths: noActivity() };
    groups.set(row.group, known);
    known.workers++;
    addLengths(known.lengths, lengths);
  }
  return [...groups].map(([group, sum]) => ({
    group,
    role: sum.role,
    workers: sum.workers,
    ...activityOf(sum.lengths),
  }));
}

function stepsOf(
  rows: readonly DeploymentRollup[],
  workers: readonly WorkerSum[],
): Report['steps'] {
  const count = rows.reduce((sum, row) => sum + row.steps, 0);
  const tokens = rows.reduce((sum, row) => sum + row.tokens, 0);
  const observedNs = workers
    .filter(({ row }) => countsTokens(row.role))
    .map(({ lengths }) => lengths.observedNs);
  return {
    count,
    latencyNs: null,
    cadenceNs: null,
    tokens: tokens > 0 ? tokens : null,
    tokensPerSecond: tokensPerSecond(tokens > 0 ? tokens : null, observedNs),
  };
}
