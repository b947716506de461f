/** Telemetry in memory: for tests, and the reference for the others. */
import type { UnixNanos } from '#lib/base/units.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { concatTables } from '#lib/table/event-tables.ts';
import { compareInstants, earliest, latest } from '#lib/table/instants.ts';
import type { MetricTable } from '#lib/table/metric-table.ts';
import type { PackedTable, StepUnpacker } from '#lib/table/packed-table.ts';
import { concatPacked, isPackedTable, packedSpan, payloadBytes } from '#lib/table/packed-tables.ts';
import { REJECT_REASONS, type RejectCounts } from '#lib/table/reject-reasons.ts';
import type { DeploymentRollup, GroupRollup, WorkerRollup } from '#lib/table/rollups.ts';
import type { StageBands } from '#lib/table/stage-bands.ts';
import type { StageRollup } from '#lib/table/stage-rollups.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';
import { marksOfAppend } from './append-marks.ts';
import {
  batchCounts,
  type PlannedDeployment,
  type PlannedMetricChunk,
  planAppend,
} from './append-plan.ts';
import { MemoryMarks } from './memory-marks.ts';
import { MemoryRollups } from './memory-rollups.ts';
import { MemoryStageRollups } from './memory-stage-rollups.ts';
import { takeNewSteps } from './new-steps.ts';
import { rawExtentOf } from './raw-extent.ts';
import { boundedSteps, eventsOfWorkers, stepsInSelection, unpackedSlices } from './step-filter.ts';
import { StepLedger } from './step-ledger.ts';
import { addSteps, type StepRun } from './step-runs.ts';
import { secondsThrough } from './summed-ahead.ts';
import type {
  AppendOptions,
  AppendOutcome,
  EventSelection,
  IngestMarkBucket,
  IngestMarkSelection,
  IngestTotals,
  MetricSelection,
  Pin,
  RawExtent,
  RetainOutcome,
  RetentionPolicy,
  RollupPart,
  RollupPartsSelection,
  RollupSelection,
  StageRollupSelection,
  StageSliceRow,
  StageSlicesSelection,
  StoredDeployment,
  StoreSize,
  SummedAhead,
  TelemetryBatch,
  TelemetryStore,
  TimeWindow,
  UnsummedPart,
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
  importedEvents: number;
  acceptedMetricPoints: number;
  logRecords: number;
  readonly rejected: RejectCounts;
}

interface Kept {
  readonly table: EventTable | PackedTable;
  readonly deployment: string;
  readonly fromUnixNs: UnixNanos;
  readonly toUnixNs: UnixNanos;
  readonly sequence: number;
}

interface KeptEvents extends Kept {
  readonly table: EventTable;
}

interface KeptSteps extends Kept {
  readonly table: PackedTable;
}

/** What an event takes here; only retention by size uses it. */
const BYTES_PER_EVENT = 64;

export class MemoryStore implements TelemetryStore {
  readonly #batchIds = new Set<string>();
  readonly #deployments = new Map<string, Deployment>();
  readonly #totals = new Map<string, Totals>();
  readonly #pins = new Map<string, { deployment: string; window: TimeWindow }>();
  readonly #rollups = new MemoryRollups();
  readonly #marks = new MemoryMarks();
  readonly #stageRollups = new MemoryStageRollups();
  readonly #ledger = new StepLedger();
  #chunks: KeptEvents[] = [];
  #packed: KeptSteps[] = [];
  #sequence = 0;
  #summedThrough = 0;
  #summedAhead: SummedAhead = new Map();
  unpacker: StepUnpacker | undefined;
  #metricChunks: (PlannedMetricChunk & { deployment: string })[] = [];

  async append(
    batches: readonly TelemetryBatch[],
    { imported = false }: AppendOptions = {},
  ): Promise<readonly AppendOutcome[]> {
    if (batches.length === 0) return [];
    const sequence = imported ? 0 : ++this.#sequence;
    const duplicates = batches.map(({ batchId }) => {
      const duplicate = this.#batchIds.has(batchId);
      this.#batchIds.add(batchId);
      return duplicate;
    });
    const { fresh, outcomes, stepEvents, knownSteps } = takeNewSteps(
      batches,
      duplicates,
      sequence,
      imported ? null : this.#ledger,
    );
    this.#ledger.keep();
    for (const [index, batch] of batches.entries()) {
      if (duplicates[index] === true) {
        if (imported) continue;
        for (const [name, count] of batchCounts(batch)) this.#reject(name, { duplicate: count });
        continue;
      }
      if (batch.logRecords > 0) this.#total('').logRecords += batch.logRecords;
      for (const [deployment, counts] of batch.rejected) this.#reject(deployment, counts);
    }
    for (const [name, count] of stepEvents) this.#reject(name, { duplicate: count });
    if (!imported) this.#marks.add(marksOfAppend(batches, duplicates, knownSteps));
    for (const plan of planAppend(fresh)) {
      this.#add(plan, sequence);
      if (imported) this.#total(plan.deployment).importedEvents += plan.events;
    }
    return outcomes;
  }

  async forgetBatches(prefix: string): Promise<void> {
    for (const id of this.#batchIds) if (id.startsWith(prefix)) this.#batchIds.delete(id);
  }

  #add(plan: PlannedDeployment, sequence: number): void {
    const { deployment } = plan;
    for (const { tables, fromUnixNs, toUnixNs } of plan.chunks) {
      const table = concatTables(tables);
      this.#chunks.push({ table, fromUnixNs, toUnixNs, deployment, sequence });
    }
    for (const steps of plan.packed) {
      // A copy: the caller may use its bytes again.
      const table = concatPacked([steps]);
      this.#packed.push({ table, ...packedSpan(table)!, deployment, sequence });
    }
    for (const chunk of plan.metricChunks) this.#metricChunks.push({ ...chunk, deployment });
    this.#total(deployment).acceptedEvents += plan.events;
    this.#total(deployment).acceptedMetricPoints += plan.points;
    const known = this.#deployments.get(deployment);
    const spans = plan.workers.length > 0 ? workerSpans(plan) : plan.metricChunks;
    const from = spans.map((span) => span.fromUnixNs);
    const to = spans.map((span) => span.toUnixNs);
    const entry: Deployment = known ?? {
      topology: '',
      firstUnixNs: earliest(from, from[0]!),
      lastUnixNs: latest(to, to[0]!),
      events: 0,
      workers: new Map(),
      runs: new Map(),
    };
    this.#deployments.set(deployment, entry);
    if (plan.events > 0) {
      entry.firstUnixNs = earliest(from, entry.events > 0 ? entry.firstUnixNs : from[0]!);
      entry.lastUnixNs = latest(to, entry.events > 0 ? entry.lastUnixNs : to[0]!);
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

  scanEvents(selection: EventSelection): AsyncIterable<EventTable> {
    return unpackedSlices(this.scanSteps(selection), selection, this.unpacker);
  }

  async *scanSteps(selection: EventSelection): AsyncGenerator<EventTable | PackedTable> {
    const { deployment, window, workers } = selection;
    for (const { table } of this.#of([...this.#chunks, ...this.#packed], deployment)) {
      if (isPackedTable(table)) {
        const steps = stepsInSelection(table, selection);
        if (steps !== null) yield* boundedSteps(steps);
        continue;
      }
      const ofWorkers = eventsOfWorkers(table, workers);
      const inside = ofWorkers === null ? null : eventsInWindow(ofWorkers, window);
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
    this.#rollups.put(workers, deployments);
  }

  async workerRollups(selection: RollupSelection): Promise<readonly WorkerRollup[]> {
    return this.#rollups.workers(selection);
  }

  async deploymentRollups(selection: RollupSelection): Promise<readonly DeploymentRollup[]> {
    return this.#rollups.deployments(selection);
  }

  async addStageRollups(
    parts: readonly StageRollup[],
    throughSequence: number,
    ahead: SummedAhead = new Map(),
  ): Promise<void> {
    this.#stageRollups.add(parts);
    this.#summedThrough = Math.max(this.#summedThrough, throughSequence);
    this.#summedAhead = new Map(ahead);
  }

  async stageRollups(selection: StageRollupSelection): Promise<readonly StageRollup[]> {
    return this.#stageRollups.workers(selection);
  }

  async stageGroups(selection: RollupSelection): Promise<readonly StageRollup[]> {
    return this.#stageRollups.groups(selection);
  }

  async stageBands(selection: RollupSelection): Promise<readonly StageBands[]> {
    return this.#stageRollups.bands(selection);
  }

  async stageSlices(selection: StageSlicesSelection): Promise<readonly StageSliceRow[]> {
    return this.#stageRollups.slices(selection);
  }

  async workerRollupSums(selection: RollupSelection): Promise<readonly WorkerRollup[]> {
    return this.#rollups.workerSums(selection);
  }

  async groupRollups(selection: RollupSelection): Promise<readonly GroupRollup[]> {
    return this.#rollups.groups(selection);
  }

  async rollupParts(selection: RollupPartsSelection): Promise<readonly RollupPart[]> {
    return this.#stageRollups.parts(selection);
  }

  async *unsummed(): AsyncGenerator<UnsummedPart> {
    const parts = [...this.#chunks, ...this.#packed]
      .filter(({ sequence }) => sequence > this.#summedThrough)
      .sort((a, b) => a.sequence - b.sequence);
    for (const { table, sequence } of parts) {
      const summedSeconds = secondsThrough(this.#summedAhead, sequence);
      yield isPackedTable(table)
        ? { sequence, events: null, packed: table, summedSeconds }
        : { sequence, events: table, packed: null, summedSeconds };
    }
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

  async ingestMarks(selection: IngestMarkSelection): Promise<readonly IngestMarkBucket[]> {
    return this.#marks.buckets(selection);
  }

  async pins(of?: string): Promise<readonly Pin[]> {
    return [...this.#pins]
      .filter(([, { deployment }]) => of === undefined || deployment === of)
      .map(([pinId, { deployment, window }]) => ({ pinId, deployment, ...window }))
      .sort((a, b) => compareInstants(a.fromUnixNs, b.fromUnixNs) || (a.pinId < b.pinId ? -1 : 1));
  }

  async rawExtent(deployment: string, { fromUnixNs, toUnixNs }: TimeWindow): Promise<RawExtent> {
    const inside = this.#of([...this.#chunks, ...this.#packed], deployment).filter(
      (chunk) => chunk.toUnixNs > fromUnixNs && chunk.fromUnixNs < toUnixNs,
    );
    return rawExtentOf(inside.map((chunk) => ({ ...chunk, bytes: bytesOf(chunk.table) })));
  }

  async size(): Promise<StoreSize> {
    const starts = [...this.#chunks, ...this.#packed]
      .filter((chunk) => !this.#isPinned(chunk))
      .map((chunk) => chunk.fromUnixNs);
    const rawBytes = this.#rawBytes();
    return {
      databaseBytes: rawBytes,
      walBytes: 0,
      rawBytes,
      journalBytes: 0,
      compactionBacklogBytes: 0,
      oldestRawUnixNs: starts.length === 0 ? null : earliest(starts, starts[0]!),
      damagedChunks: 0,
    };
  }

  async retain(policy: RetentionPolicy, nowUnixNs: UnixNanos): Promise<RetainOutcome> {
    const rawBefore = nowUnixNs - BigInt(Math.round(policy.rawNs));
    const rollupsBefore = nowUnixNs - BigInt(Math.round(policy.rollupsNs));
    const before = this.#chunks.length + this.#packed.length + this.#metricChunks.length;
    let bytes = this.#rawBytes();
    const doomed = new Set<Kept>();
    for (const kept of [...this.#chunks, ...this.#packed].sort((a, b) =>
      compareInstants(a.toUnixNs, b.toUnixNs),
    )) {
      if (kept.toUnixNs > rawBefore && bytes <= policy.rawBytes) break;
      if (this.#isPinned(kept)) continue;
      doomed.add(kept);
      bytes -= bytesOf(kept.table);
    }
    this.#chunks = this.#chunks.filter((chunk) => !doomed.has(chunk));
    this.#packed = this.#packed.filter((steps) => !doomed.has(steps));
    this.#metricChunks = this.#metricChunks.filter(
      (chunk) => chunk.toUnixNs > rollupsBefore || this.#isPinned(chunk),
    );
    this.#marks.retain(policy, nowUnixNs);
    const deletedRollups = this.#rollups.retain(policy, nowUnixNs);
    return {
      deletedChunks: before - this.#chunks.length - this.#packed.length - this.#metricChunks.length,
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

  #isPinned(chunk: Pick<Kept, 'deployment' | 'fromUnixNs' | 'toUnixNs'>): boolean {
    return [...this.#pins.values()].some(
      ({ deployment, window }) =>
        deployment === chunk.deployment &&
        window.fromUnixNs < chunk.toUnixNs &&
        window.toUnixNs > chunk.fromUnixNs,
    );
  }

  #rawBytes(): number {
    return [...this.#chunks, ...this.#packed].reduce((sum, { table }) => sum + bytesOf(table), 0);
  }

  #total(deployment: string): Totals {
    const known = this.#totals.get(deployment);
    if (known !== undefined) return known;
    const made = {
      acceptedEvents: 0,
      importedEvents: 0,
      acceptedMetricPoints: 0,
      logRecords: 0,
      rejected: {},
    };
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

function workerSpans({ workers }: PlannedDeployment): readonly TimeWindow[] {
  return workers.map(({ firstUnixNs, lastUnixNs }) => ({
    fromUnixNs: firstUnixNs,
    toUnixNs: lastUnixNs,
  }));
}

function bytesOf(table: EventTable | PackedTable): number {
  return isPackedTable(table) ? payloadBytes(table) : table.length * BYTES_PER_EVENT;
}
