/** Telemetry in memory: for tests, and the reference for the others. */
import type { UnixNanos } from '#lib/base/units.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { MetricTable } from '#lib/table/metric-table.ts';
import type { PackedTable, StepUnpacker } from '#lib/table/packed-table.ts';
import { isPackedTable } from '#lib/table/packed-tables.ts';
import type { DeploymentRollup, GroupRollup, WorkerRollup } from '#lib/table/rollups.ts';
import type { StageBands } from '#lib/table/stage-bands.ts';
import type { StageRollup } from '#lib/table/stage-rollups.ts';
import { marksOfAppend } from './append-marks.ts';
import { batchCounts, planAppend } from './append-plan.ts';
import { MemoryChunks } from './memory-chunks.ts';
import { MemoryMarks } from './memory-marks.ts';
import { MemoryRegistry } from './memory-registry.ts';
import { MemoryRollups } from './memory-rollups.ts';
import { MemoryStageRollups } from './memory-stage-rollups.ts';
import { MemoryTotals } from './memory-totals.ts';
import { takeNewSteps } from './new-steps.ts';
import { boundedSteps, eventsOfWorkers, stepsInSelection, unpackedSlices } from './step-filter.ts';
import { StepLedger } from './step-ledger.ts';
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

export class MemoryStore implements TelemetryStore {
  readonly #batchIds = new Set<string>();
  readonly #chunks = new MemoryChunks();
  readonly #registry = new MemoryRegistry();
  readonly #totals = new MemoryTotals();
  readonly #rollups = new MemoryRollups();
  readonly #marks = new MemoryMarks();
  readonly #stageRollups = new MemoryStageRollups();
  readonly #ledger = new StepLedger();
  #sequence = 0;
  #summedThrough = 0;
  #summedAhead: SummedAhead = new Map();
  unpacker: StepUnpacker | undefined;

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
        for (const [name, count] of batchCounts(batch))
          this.#totals.reject(name, { duplicate: count });
        continue;
      }
      if (batch.logRecords > 0) this.#totals.of('').logRecords += batch.logRecords;
      for (const [deployment, counts] of batch.rejected) this.#totals.reject(deployment, counts);
    }
    for (const [name, count] of stepEvents) this.#totals.reject(name, { duplicate: count });
    if (!imported) this.#marks.add(marksOfAppend(batches, duplicates, knownSteps));
    for (const plan of planAppend(fresh)) {
      this.#chunks.add(plan, sequence);
      this.#registry.add(plan);
      const totals = this.#totals.of(plan.deployment);
      totals.acceptedEvents += plan.events;
      totals.acceptedMetricPoints += plan.points;
      if (imported) totals.importedEvents += plan.events;
    }
    return outcomes;
  }

  async forgetBatches(prefix: string): Promise<void> {
    for (const id of this.#batchIds) if (id.startsWith(prefix)) this.#batchIds.delete(id);
  }

  scanEvents(selection: EventSelection): AsyncIterable<EventTable> {
    return unpackedSlices(this.scanSteps(selection), selection, this.unpacker);
  }

  async *scanSteps(selection: EventSelection): AsyncGenerator<EventTable | PackedTable> {
    const { deployment, window, workers } = selection;
    for (const table of this.#chunks.raw(deployment)) {
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
    for (const table of this.#chunks.metrics(deployment)) {
      const inside = pointsInWindow(table, window, names);
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
    for (const { table, sequence } of this.#chunks.rawAfter(this.#summedThrough)) {
      const summedSeconds = secondsThrough(this.#summedAhead, sequence);
      yield isPackedTable(table)
        ? { sequence, events: null, packed: table, summedSeconds }
        : { sequence, events: table, packed: null, summedSeconds };
    }
  }

  async deployments(): Promise<readonly StoredDeployment[]> {
    return this.#registry.deployments();
  }

  async ingestTotals(): Promise<readonly IngestTotals[]> {
    return this.#totals.all();
  }

  async ingestMarks(selection: IngestMarkSelection): Promise<readonly IngestMarkBucket[]> {
    return this.#marks.buckets(selection);
  }

  async pins(deployment?: string): Promise<readonly Pin[]> {
    return this.#chunks.pins(deployment);
  }

  async rawExtent(deployment: string, window: TimeWindow): Promise<RawExtent> {
    return this.#chunks.rawExtent(deployment, window);
  }

  async size(): Promise<StoreSize> {
    const { rawBytes, oldestRawUnixNs } = this.#chunks;
    return {
      databaseBytes: rawBytes,
      walBytes: 0,
      rawBytes,
      journalBytes: 0,
      compactionBacklogBytes: 0,
      oldestRawUnixNs,
      damagedChunks: 0,
    };
  }

  async retain(policy: RetentionPolicy, nowUnixNs: UnixNanos): Promise<RetainOutcome> {
    const deletedChunks = this.#chunks.retain(policy, nowUnixNs);
    this.#marks.retain(policy, nowUnixNs);
    const deletedRollups = this.#rollups.retain(policy, nowUnixNs);
    return { deletedChunks, deletedRollups, more: false };
  }

  async pin(pinId: string, deployment: string, window: TimeWindow): Promise<void> {
    this.#chunks.pin(pinId, deployment, window);
  }

  async unpin(pinId: string): Promise<void> {
    this.#chunks.unpin(pinId);
  }

  async close(): Promise<void> {}
}
