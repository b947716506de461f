/**
 * A report from rollups, for windows whose raw events are gone or too many. Interval lengths were
 * computed exactly in each bucket and are added; stages and layers come from sums and sketches
 * (rollup-stages.ts); what needs single events (the pipeline's balance, its critical path) is not there: null,
 * empty or zero. The window is widened to whole buckets.
 */
import { activityOf, addLengths, noActivity, ratio } from '#lib/analysis/activity.ts';
import type { Report } from '#lib/analysis/report-types.ts';
import { countsTokens, tokensPerSecond } from '#lib/analysis/throughput.ts';
import { NS_PER_S } from '#lib/base/units.ts';
import type { TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import type { RejectCounts } from '#lib/table/reject-reasons.ts';
import type { DeploymentRollup, WorkerRollup } from '#lib/table/rollups.ts';
import { SKETCH_RELATIVE_ERROR, STAGE_ROLLUP_RESOLUTIONS_NS } from '#lib/table/stage-rollups.ts';
import { compareWorkers } from '#lib/table/worker-info.ts';
import {
  GroupCellSums,
  type GroupCells,
  layerCount,
  layerReports,
  stageReports,
} from './rollup-stages.ts';

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
  const selection: Selection = {
    reader,
    deployment,
    window,
    finestNs: edgeLength(window),
  };
  const partition = await partitionSums(selection);
  const staged = await stageSums(selection);
  const from = firstOf([partition.fromUnixNs, staged.fromUnixNs]);
  const to = lastOf([partition.toUnixNs, staged.toUnixNs]);
  if (from === null || to === null) return null;
  const { workers, deployments } = partition;
  const attention = workers.filter(({ row }) => row.role === 'attention').length;
  const steps = stepsOf(deployments, workers);
  const order = groupOrder(workers, staged.groups);
  return {
    schema: 'afdscope.report/1',
    deployment,
    exactness: 'rollup',
    quantileErrorRatio: SKETCH_RELATIVE_ERROR,
    window: {
      startUnixNs: String(from),
      endUnixNs: String(to),
      durationNs: Number(to - from),
    },
    topology: {
      attention,
      ffn: workers.filter(({ row }) => row.role === 'ffn').length,
      microbatches: 0,
      layers: layerCount(staged.groups),
    },
    steps,
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
    layers: layerReports(staged.groups, {
      attentionWorkerSteps: steps.count * attention,
      seenShare: seenShare(workers),
      idealPeriodNs: meanIdealPeriodNs(deployments),
    }),
    stages: stageReports(order),
    balance: null,
    stragglers: [],
    criticalPath: null,
    experts: null,
    clock: { referenceDomain: null, domains: [], conflicts: 0 },
    quality: {
      events: partition.events,
      duplicates: 0,
      late: quality.late,
      rejected: { ...quality.rejected },
      unmatchedReceives: 0,
    },
  };
}

/** Share of the time that was looked at: at high rates, not every step is. */
function seenShare(workers: readonly WorkerSum[]): number {
  const sum = (name: 'observedNs' | 'windowNs'): number =>
    workers.reduce((total, { lengths }) => total + lengths[name], 0);
  return ratio(sum('observedNs'), sum('windowNs')) || 1;
}

interface Selection {
  readonly reader: TelemetryReader;
  readonly deployment: string;
  readonly window: TimeWindow;
  readonly finestNs: number;
}

/** Widening by two such buckets must not matter much: seconds up to ten minutes, then coarser. */
export function edgeLength({ fromUnixNs, toUnixNs }: TimeWindow): number {
  const lengthNs = Number(toUnixNs - fromUnixNs);
  const [second, tenSeconds, minute, hour] = STAGE_ROLLUP_RESOLUTIONS_NS;
  if (lengthNs <= 600 * NS_PER_S) return second;
  if (lengthNs <= 7200 * NS_PER_S) return tenSeconds;
  return lengthNs <= 7 * 86_400 * NS_PER_S ? minute : hour;
}

interface Extent {
  /** Of the rows that are there; null: none. */
  readonly fromUnixNs: bigint | null;
  readonly toUnixNs: bigint | null;
}

interface PartitionSums extends Extent {
  readonly workers: readonly WorkerSum[];
  readonly deployments: readonly DeploymentRollup[];
  readonly events: number;
}

async function partitionSums(selection: Selection): Promise<PartitionSums> {
  const { reader, deployment } = selection;
  const deployments: DeploymentRollup[] = [];
  const rows: WorkerRollup[] = [];
  const extent = new RowExtent();
  for (const part of await reader.rollupParts({ kind: 'partition', ...selection })) {
    const sums = await reader.workerRollupSums({ deployment, ...part });
    for (const row of sums) rows.push(row);
    for (const row of await reader.deploymentRollups({ deployment, ...part })) {
      deployments.push(row);
      extent.add(row);
    }
    // Workers may have rows where the deployment has none: their first is known, their last is not.
    for (const row of sums) extent.add(row);
  }
  return {
    ...extent.value,
    workers: sumWorkers(rows),
    deployments,
    events: rows.reduce((sum, row) => sum + row.events, 0),
  };
}

async function stageSums(
  selection: Selection,
): Promise<Extent & { readonly groups: readonly GroupCells[] }> {
  const { reader, deployment } = selection;
  const sums = new GroupCellSums();
  const extent = new RowExtent();
  for (const part of await reader.rollupParts({ kind: 'stage', ...selection })) {
    for (const row of await reader.stageGroups({ deployment, ...part })) {
      sums.add(row);
      extent.add(row);
    }
  }
  return { ...extent.value, groups: sums.finish() };
}

class RowExtent {
  #from: bigint | null = null;
  #to: bigint | null = null;

  add(row: { readonly bucketStartUnixNs: bigint; readonly resolutionNs: number }): void {
    this.#from = firstOf([this.#from, row.bucketStartUnixNs]);
    this.#to = lastOf([this.#to, row.bucketStartUnixNs + BigInt(row.resolutionNs)]);
  }

  get value(): Extent {
    return { fromUnixNs: this.#from, toUnixNs: this.#to };
  }
}

function firstOf(instants: readonly (bigint | null)[]): bigint | null {
  return instants.reduce((a, b) => (a === null || (b !== null && b < a) ? b : a));
}

function lastOf(instants: readonly (bigint | null)[]): bigint | null {
  return instants.reduce((a, b) => (a === null || (b !== null && b > a) ? b : a));
}

/** Groups as the workers' list has them, then those of which only sums by stage are there yet. */
function groupOrder(
  workers: readonly WorkerSum[],
  groups: readonly GroupCells[],
): readonly GroupCells[] {
  const names = [...new Set(workers.map(({ row }) => row.group))];
  const place = ({ group }: GroupCells): number => {
    const index = names.indexOf(group);
    return index < 0 ? names.length : index;
  };
  return [...groups].sort((a, b) => place(a) - place(b) || (a.group < b.group ? -1 : 1));
}

function meanIdealPeriodNs(rows: readonly DeploymentRollup[]): number | null {
  const count = rows.reduce((sum, row) => sum + row.idealPeriodCount, 0);
  return ratio(
    rows.reduce((sum, row) => sum + row.idealPeriodSumNs, 0),
    count,
  );
}

function sumWorkers(rows: readonly WorkerRollup[]): WorkerSum[] {
  const byId = new Map<string, WorkerSum>();
  for (const row of rows) {
    const known = byId.get(row.workerId) ?? { row, lengths: noActivity() };
    byId.set(row.workerId, known);
    addLengths(known.lengths, row.lengths);
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
    ...(count > 0
      ? {
          meanLatencyNs: rows.reduce((sum, row) => sum + row.stepLatencySumNs, 0) / count,
          maxLatencyNs: rows.reduce((most, row) => Math.max(most, row.stepLatencyMaxNs), 0),
        }
      : {}),
    cadenceNs: null,
    tokens: tokens > 0 ? tokens : null,
    tokensPerSecond: tokensPerSecond(tokens > 0 ? tokens : null, observedNs),
  };
}
