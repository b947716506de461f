/** Telemetry in memory: for tests, and the reference for the others. */
import type { UnixNanos } from '#lib/base/units.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { compareInstants, earliest, latest } from '#lib/table/instants.ts';
import type { MetricTable } from '#lib/table/metric-table.ts';
import { REJECT_REASONS, type RejectCounts } from '#lib/table/reject-reasons.ts';
import type { DeploymentRollup, RollupBucket, WorkerRollup } from '#lib/table/rollups.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';
import {
  batchCounts,
  type PlannedChunk,
  type PlannedDeployment,
  type PlannedMetricChunk,
  planAppend,
} from './append-plan.ts';
import { addSteps, type StepRun } from './step-runs.ts';
import type {
  AppendOutcome,
  EventSelection,
  IngestTotals,
  MetricSelection,
  RetainOutcome,
  RetentionPolicy,
  RollupSelection,
  StoredDeployment,
  StoreSize,
  TelemetryBatch,
  TelemetryStore,
  TimeWindow,
} from './telemetry-store.ts';
import { eventsInWindow, pointsInWindow } from './window-filter.ts';

interface Deployment {
  topology: string;
  firstUnixNs: UnixNanos;
  lastUnixNs: UnixNanos;
  events: number;
  readonly workers: Map<string, WorkerInfo>;
  readonly runs: Map<number, { runs: readonly StepRun[]; steps: number }>;
}

interface Totals {
  acceptedEvents: number;
  acceptedMetricPoints: number;
  logRecords: number;
  readonly rejected: RejectCounts;
}

/** What an event takes here; only retention by size uses it. */
const BYTES_PER_EVENT = 64;

export class MemoryStore implements TelemetryStore {
  readonly #batchIds = new Set<string>();
  readonly #deployments = new Map<string, Deployment>();
  readonly #totals = new Map<string, Totals>();
  readonly #pins = new Map<string, { deployment: string; window: TimeWindow }>();
  readonly #workerRollups = new Map<string, WorkerRollup>();
  readonly #deploymentRollups = new Map<string, DeploymentRollup>();
  #chunks: (PlannedChunk & { deployment: string })[] = [];
  #metricChunks: (PlannedMetricChunk & { deployment: string })[] = [];

  async append(batches: readonly TelemetryBatch[]): Promise<readonly AppendOutcome[]> {
    const outcomes = batches.map((batch) => {
      const duplicate = this.#batchIds.has(batch.batchId);
      this.#batchIds.add(batch.batchId);
      if (duplicate) {
        for (const [name, count] of batchCounts(batch)) this.#reject(name, { duplicate: count });
        return { duplicate };
      }
      if (batch.logRecords > 0) this.#total('').logRecords += batch.logRecords;
      for (const [deployment, counts] of batch.rejected) this.#reject(deployment, counts);
      return { duplicate };
    });
    const fresh = batches.filter((_, index) => !outcomes[index]!.duplicate);
    for (const plan of planAppend(fresh)) this.#add(plan);
    return outcomes;
  }

  #add(plan: PlannedDeployment): void {
    const { deployment } = plan;
    for (const chunk of plan.chunks) this.#chunks.push({ ...chunk, deployment });
    for (const chunk of plan.metricChunks) this.#metricChunks.push({ ...chunk, deployment });
    this.#total(deployment).acceptedEvents += plan.events;
    this.#total(deployment).acceptedMetricPoints += plan.points;
    const spans = plan.events > 0 ? plan.chunks : plan.metricChunks;
    const known = this.#deployments.get(deployment);
    const first = spans[0]!;
    const entry: Deployment = known ?? {
      topology: '',
      firstUnixNs: first.fromUnixNs,
      lastUnixNs: first.fromUnixNs,
      events: 0,
      workers: new Map(),
      runs: new Map(),
    };
    this.#deployments.set(deployment, entry);
    if (plan.events > 0) {
      const from = plan.workers.map((worker) => worker.firstUnixNs);
      const to = plan.workers.map((worker) => worker.lastUnixNs);
      entry.firstUnixNs = earliest(from, entry.events > 0 ? entry.firstUnixNs : from[0]!);
      entry.lastUnixNs = latest(to, entry.events > 0 ? entry.lastUnixNs : to[0]!);
    } else if (known === undefined) {
      entry.lastUnixNs = latest(
        spans.map((span) => span.toUnixNs),
        first.toUnixNs,
      );
    }
    entry.events += plan.events;
    for (const { info } of [...plan.workers].sort((a, b) =>
      compareInstants(a.lastUnixNs, b.lastUnixNs),
    )) {
      if (info.topology !== '') entry.topology = info.topology;
      entry.workers.set(JSON.stringify([info.group, info.rank]), info);
    }
    for (const [domain, steps] of plan.steps) {
      const before = entry.runs.get(domain) ?? { runs: [], steps: 0 };
      const { runs, added } = addSteps(before.runs, steps);
      entry.runs.set(domain, { runs, steps: before.steps + added });
    }
  }

  async *scanEvents({ deployment, window }: EventSelection): AsyncGenerator<EventTable> {
    for (const chunk of this.#of(this.#chunks, deployment)) {
      const inside = eventsInWindow(chunk.table, window);
      if (inside !== null) yield inside;
    }
  }

  async *scanMetrics({ deployment, window, names }: MetricSelection): AsyncGenerator<MetricTable> {
    for (const chunk of this.#of(this.#metricChunks, deployment)) {
      const inside = pointsInWindow(chunk.table, window, names);
      if (inside !== null) yield inside;
    }
  }

  async putRollups(
    workers: readonly WorkerRollup[],
    deployments: readonly DeploymentRollup[],
  ): Promise<void> {
    for (const rollup of workers) {
      this.#workerRollups.set(`${bucketKey(rollup)} ${rollup.workerId}`, rollup);
    }
    for (const rollup of deployments) this.#deploymentRollups.set(bucketKey(rollup), rollup);
  }

  async workerRollups(selection: RollupSelection): Promise<readonly WorkerRollup[]> {
    return [...this.#workerRollups.values()]
      .filter((rollup) => inSelection(rollup, selection))
      .sort(
        (a, b) =>
          compareInstants(a.bucketStartUnixNs, b.bucketStartUnixNs) ||
          (a.workerId < b.workerId ? -1 : 1),
      );
  }

  async deploymentRollups(selection: RollupSelection): Promise<readonly DeploymentRollup[]> {
    return [...this.#deploymentRollups.values()]
      .filter((rollup) => inSelection(rollup, selection))
      .sort((a, b) => compareInstants(a.bucketStartUnixNs, b.bucketStartUnixNs));
  }

  async deployments(): Promise<readonly StoredDeployment[]> {
    return [...this.#deployments]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([deployment, entry]) => ({
        deployment,
        topology: entry.topology,
        groups: groupsOf([...entry.workers.values()]),
        firstSeenUnixNs: entry.firstUnixNs,
        lastSeenUnixNs: entry.lastUnixNs,
        steps: [...entry.runs.values()].reduce((sum, { steps }) => sum + steps, 0),
        events: entry.events,
      }));
  }

  async ingestTotals(): Promise<readonly IngestTotals[]> {
    return [...this.#totals]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([deployment, totals]) => ({
        deployment,
        ...totals,
        rejected: { ...totals.rejected },
      }));
  }

  async size(): Promise<StoreSize> {
    const starts = this.#chunks.map((chunk) => chunk.fromUnixNs);
    const rawBytes = this.#rawBytes();
    return {
      databaseBytes: rawBytes,
      walBytes: 0,
      rawBytes,
      oldestRawUnixNs: starts.length === 0 ? null : earliest(starts, starts[0]!),
      damagedChunks: 0,
    };
  }

  async retain(policy: RetentionPolicy, nowUnixNs: UnixNanos): Promise<RetainOutcome> {
    const rawBefore = nowUnixNs - BigInt(Math.round(policy.rawNs));
    const rollupsBefore = nowUnixNs - BigInt(Math.round(policy.rollupsNs));
    const before = this.#chunks.length + this.#metricChunks.length;
    let bytes = this.#rawBytes();
    const doomed = new Set<PlannedChunk>();
    for (const chunk of [...this.#chunks].sort((a, b) => compareInstants(a.toUnixNs, b.toUnixNs))) {
      if (chunk.toUnixNs > rawBefore && bytes <= policy.rawBytes) break;
      if (this.#isPinned(chunk)) continue;
      doomed.add(chunk);
      bytes -= chunk.table.length * BYTES_PER_EVENT;
    }
    this.#chunks = this.#chunks.filter((chunk) => !doomed.has(chunk));
    this.#metricChunks = this.#metricChunks.filter((chunk) => chunk.toUnixNs > rollupsBefore);
    let deletedRollups = 0;
    for (const rollups of [this.#workerRollups, this.#deploymentRollups]) {
      for (const [key, rollup] of rollups) {
        if (rollup.bucketStartUnixNs + BigInt(rollup.resolutionNs) > rollupsBefore) continue;
        rollups.delete(key);
        deletedRollups++;
      }
    }
    return {
      deletedChunks: before - this.#chunks.length - this.#metricChunks.length,
      deletedRollups,
      more: false,
    };
  }

  async pin(pinId: string, deployment: string, window: TimeWindow): Promise<void> {
    this.#pins.set(pinId, { deployment, window });
  }

  async unpin(pinId: string): Promise<void> {
    this.#pins.delete(pinId);
  }

  async close(): Promise<void> {}

  #of<T extends { deployment: string; fromUnixNs: UnixNanos }>(
    chunks: readonly T[],
    deployment: string,
  ): readonly T[] {
    return chunks
      .filter((chunk) => chunk.deployment === deployment)
      .sort((a, b) => compareInstants(a.fromUnixNs, b.fromUnixNs));
  }

  #isPinned(chunk: PlannedChunk & { deployment: string }): boolean {
    return [...this.#pins.values()].some(
      ({ deployment, window }) =>
        deployment === chunk.deployment &&
        window.fromUnixNs < chunk.toUnixNs &&
        window.toUnixNs > chunk.fromUnixNs,
    );
  }

  #rawBytes(): number {
    return this.#chunks.reduce((sum, chunk) => sum + chunk.table.length * BYTES_PER_EVENT, 0);
  }

  #total(deployment: string): Totals {
    const known = this.#totals.get(deployment);
    if (known !== undefined) return known;
    const made = { acceptedEvents: 0, acceptedMetricPoints: 0, logRecords: 0, rejected: {} };
    this.#totals.set(deployment, made);
    return made;
  }

  #reject(deployment: string, counts: RejectCounts): void {
    for (const reason of REJECT_REASONS) {
      const count = counts[reason] ?? 0;
      if (count === 0) continue;
      const { rejected } = this.#total(deployment);
      rejected[reason] = (rejected[reason] ?? 0) + count;
    }
  }
}

function groupsOf(workers: readonly WorkerInfo[]): StoredDeployment['groups'] {
  const groups = new Map<string, { group: string; role: string; workers: number }>();
  for (const { group, role } of workers) {
    const known = groups.get(group) ?? { group, role, workers: 0 };
    groups.set(group, { group, role, workers: known.workers + 1 });
  }
  return [...groups.values()].sort((a, b) => (a.group < b.group ? -1 : 1));
}

function bucketKey(bucket: RollupBucket): string {
  return `${JSON.stringify(bucket.deployment)} ${bucket.resolutionNs} ${bucket.bucketStartUnixNs}`;
}

function inSelection(bucket: RollupBucket, selection: RollupSelection): boolean {
  return (
    bucket.deployment === selection.deployment &&
    bucket.resolutionNs === selection.resolutionNs &&
    bucket.bucketStartUnixNs < selection.window.toUnixNs &&
    bucket.bucketStartUnixNs + BigInt(bucket.resolutionNs) > selection.window.fromUnixNs
  );
}
