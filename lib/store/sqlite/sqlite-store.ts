/**
 * The writer: everything is synchronous inside and runs in the caller's thread, so a promise that
 * is fulfilled means that the commit is on the disk. Only this process writes (writer-lock.ts).
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type Database from 'better-sqlite3';
import type { UnixNanos } from '#lib/base/units.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { MetricTable } from '#lib/table/metric-table.ts';
import type { PackedTable } from '#lib/table/packed-table.ts';
import type { DeploymentRollup, GroupRollup, WorkerRollup } from '#lib/table/rollups.ts';
import type { StageBands } from '#lib/table/stage-bands.ts';
import type { StageRollup } from '#lib/table/stage-rollups.ts';
import { marksOfAppend } from '../append-marks.ts';
import { batchCounts, planAppend } from '../append-plan.ts';
import { takeNewSteps } from '../new-steps.ts';
import { StepLedger } from '../step-ledger.ts';
import { StoreUnavailableError } from '../store-errors.ts';
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
} from '../telemetry-store.ts';
import { AppendStatements } from './append-statements.ts';
import { Cascade } from './cascade.ts';
import { Compaction } from './compact.ts';
import { DatabaseFiles } from './database-files.ts';
import { IngestMarkWriter } from './ingest-marks.ts';
import { Journal, type JournalLimits } from './journal.ts';
import { noteStoredSteps } from './note-stored-steps.ts';
import { packPlan } from './pack-plan.ts';
import { Retention } from './retention.ts';
import { RollupWriter } from './rollup-statements.ts';
import { SeenRegistry } from './seen-registry.ts';
import { type ReaderOptions, SqliteReader } from './sqlite-reader.ts';
import { StageRollupWriter } from './stage-rollup-writer.ts';
import { StaleMarks } from './stale-marks.ts';
import { storeFailure } from './store-failure.ts';
import { UnsummedScan } from './unsummed-scan.ts';
import type { WriterLock } from './writer-lock.ts';

export interface WriterOptions extends ReaderOptions {
  readonly journal?: JournalLimits;
}

const NO_SEQUENCE = 0;
const NOTHING_AHEAD: SummedAhead = new Map();

export class SqliteStore implements TelemetryStore {
  readonly #database: Database.Database;
  readonly #lock: WriterLock;
  readonly #files: DatabaseFiles;
  /** Once damage showed, nothing more is written: it would only grow. */
  #damage: StoreUnavailableError | undefined;
  readonly #reader: SqliteReader;
  readonly #journal: Journal;
  readonly #seen: SeenRegistry;
  readonly #append: AppendStatements;
  readonly #marks: IngestMarkWriter;
  readonly #rollups: RollupWriter;
  readonly #stageRollups: StageRollupWriter;
  #summing: Promise<unknown> = Promise.resolve();
  readonly #cascade: Cascade;
  readonly #unsummed: UnsummedScan;
  readonly #ledger = new StepLedger();
  #moving: NodeJS.Immediate | undefined;
  readonly #retention: Retention;
  readonly #compaction: Compaction;
  readonly #pin;
  readonly #unpin;

  /** Takes over the connection and the lock; `close` gives both back. */
  constructor(database: Database.Database, lock: WriterLock, options: WriterOptions = {}) {
    this.#database = database;
    this.#lock = lock;
    this.#files = new DatabaseFiles(database.name);
    this.#reader = new SqliteReader(database, options);
    this.#journal = new Journal(database, options.journal, this.#reader.reportDamage);
    this.#seen = new SeenRegistry(database);
    this.#append = new AppendStatements(database, this.#journal, this.#seen);
    this.#marks = new IngestMarkWriter(database);
    const marks = new StaleMarks(database);
    this.#rollups = new RollupWriter(database, marks);
    this.#stageRollups = new StageRollupWriter(database, marks, this.#reader.reportDamage);
    this.#unsummed = new UnsummedScan(database);
    noteStoredSteps(database, this.#journal, this.#ledger, this.#seen);
    this.#retention = new Retention(database, marks);
    this.#cascade = new Cascade(database, marks);
    this.#compaction = new Compaction(database);
    this.#pin = database.prepare<[string, string, bigint, bigint]>(
      `INSERT OR REPLACE INTO pins (pin_id, deployment, from_unix_ns, to_unix_ns)
       VALUES (?, ?, ?, ?)`,
    );
    this.#unpin = database.prepare<[string]>('DELETE FROM pins WHERE pin_id = ?');
  }

  async append(
    batches: readonly TelemetryBatch[],
    { imported = false }: AppendOptions = {},
  ): Promise<readonly AppendOutcome[]> {
    if (batches.length === 0) return [];
    return this.#guarded(() => {
      if (this.#journal.isFull) this.#journal.move();
      try {
        const outcomes = this.#appendNew(batches, imported);
        this.#ledger.keep();
        this.#journal.keep();
        this.#seen.keep();
        this.#moveSoon();
        return outcomes;
      } catch (cause) {
        this.#ledger.forget();
        this.#journal.forget();
        this.#seen.forget();
        throw cause;
      }
    });
  }

  #appendNew(batches: readonly TelemetryBatch[], imported: boolean): readonly AppendOutcome[] {
    const seen = new Set<string>();
    const duplicates = batches.map(({ batchId }) => {
      const duplicate = seen.has(batchId) || this.#append.isKnown(batchId);
      seen.add(batchId);
      return duplicate;
    });
    // What has no sequence never is in the sums by stage (unsummed-scan.ts).
    const sequence = imported ? NO_SEQUENCE : this.#append.nextSequence();
    const steps = takeNewSteps(batches, duplicates, sequence, imported ? null : this.#ledger);
    const marks = imported ? [] : marksOfAppend(batches, duplicates, steps.knownSteps);
    const plans = planAppend(steps.fresh).map((plan) => ({ plan, packed: packPlan(plan) }));
    this.#transact(() => {
      if (!imported) this.#append.addTotal('sequence', 1);
      for (const [index, batch] of batches.entries()) {
        if (duplicates[index] !== true) this.#append.addBatch(batch);
        else if (!imported) this.#countDuplicate(batchCounts(batch));
      }
      this.#countDuplicate(steps.stepEvents);
      this.#marks.add(marks);
      for (const { plan, packed } of plans) {
        this.#append.addDeployment(plan, packed, sequence);
        if (imported) this.#append.count(plan.deployment, 'imported_events', plan.events);
      }
    });
    return steps.outcomes;
  }

  #flushSeen(): void {
    if (!this.#seen.hasPending) return;
    try {
      this.#transact(() => this.#seen.flush(performance.now()));
      this.#seen.keep();
    } catch (cause) {
      this.#seen.forget();
      throw cause;
    }
  }

  /** Not before the caller has its answer. */
  #moveSoon(): void {
    if (this.#moving !== undefined || !this.#journal.isDue(performance.now())) return;
    this.#moving = setImmediate(() => {
      this.#moving = undefined;
      if (!this.#database.open || this.#damage !== undefined) return;
      try {
        this.#guarded(() => this.#journal.move());
        this.#moveSoon();
      } catch {
        // The rows stay where they are; the next append or `retain` tries again and tells.
      }
    });
  }

  #countDuplicate(counts: ReadonlyMap<string, number>): void {
    for (const [deployment, count] of counts) {
      this.#append.count(deployment, 'rejected:duplicate', count);
    }
  }

  async putRollups(
    workers: readonly WorkerRollup[],
    deployments: readonly DeploymentRollup[],
  ): Promise<void> {
    this.#guarded(() => this.#transact(() => this.#rollups.put(workers, deployments)));
  }

  /** Worked out in slices, so that appends go on meanwhile; one call after the other. */
  addStageRollups(
    parts: readonly StageRollup[],
    throughSequence: number,
    ahead: SummedAhead = NOTHING_AHEAD,
  ): Promise<void> {
    const turn = this.#summing.then(() => this.#addSums(parts, throughSequence, ahead));
    this.#summing = turn.catch(() => undefined);
    return turn;
  }

  async #addSums(
    parts: readonly StageRollup[],
    throughSequence: number,
    ahead: SummedAhead,
  ): Promise<void> {
    for (let done = false; !done; ) {
      const work = this.#stageRollups.prepare(parts);
      let step = this.#guarded(() => work.next());
      while (step.done !== true) {
        await nextTurn();
        step = this.#guarded(() => work.next());
      }
      const prepared = step.value;
      this.#guarded(() =>
        this.#transact(() => {
          done = this.#stageRollups.write(prepared);
          if (done) this.#unsummed.setThrough(throughSequence, ahead);
        }),
      );
    }
  }

  async *unsummed(): AsyncGenerator<UnsummedPart> {
    yield* this.#journal.reading((rows) => this.#unsummed.parts(rows));
  }

  /** Merges small chunks too, a bounded slice a call. */
  async retain(policy: RetentionPolicy, nowUnixNs: UnixNanos): Promise<RetainOutcome> {
    return this.#guarded(() => {
      const rawBefore = nowUnixNs - BigInt(Math.round(policy.rawNs));
      const wanted = this.#journal.isWanted(rawBefore, policy.rawBytes);
      if (wanted || this.#journal.isDue(performance.now())) this.#journal.move();
      this.#journal.dropDamaged(rawBefore);
      this.#flushSeen();
      const outcome = this.#retention.retain(policy, nowUnixNs);
      const moreMarks = this.#retainMarks(policy, nowUnixNs);
      const moreToMerge = this.#compaction.compact(nowUnixNs);
      const moreToSum = this.#cascade.run(nowUnixNs);
      const moreToMove = this.#journal.isDue(performance.now());
      const more = outcome.more || moreMarks || moreToMerge || moreToSum || moreToMove;
      return { ...outcome, more };
    });
  }

  #retainMarks(policy: RetentionPolicy, nowUnixNs: UnixNanos): boolean {
    let more = false;
    this.#transact(() => {
      more = this.#marks.retain(policy, nowUnixNs);
    });
    return more;
  }

  async forgetBatches(prefix: string): Promise<void> {
    this.#guarded(() => this.#transact(() => this.#append.forgetBatches(prefix)));
  }

  async pin(pinId: string, deployment: string, window: TimeWindow): Promise<void> {
    this.#guarded(() => this.#pin.run(pinId, deployment, window.fromUnixNs, window.toUnixNs));
  }

  async unpin(pinId: string): Promise<void> {
    this.#guarded(() => this.#unpin.run(pinId));
  }

  /** Moves what it can from the log into the database without waiting for readers. */
  async checkpoint(): Promise<void> {
    this.#guarded(() => this.#database.pragma('wal_checkpoint(PASSIVE)'));
  }

  scanEvents(selection: EventSelection): AsyncIterable<EventTable> {
    return this.#reader.scanEvents(selection);
  }

  scanSteps(selection: EventSelection): AsyncIterable<EventTable | PackedTable> {
    return this.#reader.scanSteps(selection);
  }

  scanMetrics(selection: MetricSelection): AsyncIterable<MetricTable> {
    return this.#reader.scanMetrics(selection);
  }

  workerRollups(selection: RollupSelection): Promise<readonly WorkerRollup[]> {
    return this.#reader.workerRollups(selection);
  }

  deploymentRollups(selection: RollupSelection): Promise<readonly DeploymentRollup[]> {
    return this.#reader.deploymentRollups(selection);
  }

  stageRollups(selection: StageRollupSelection): Promise<readonly StageRollup[]> {
    return this.#reader.stageRollups(selection);
  }

  stageGroups(selection: RollupSelection): Promise<readonly StageRollup[]> {
    return this.#reader.stageGroups(selection);
  }

  stageBands(selection: RollupSelection): Promise<readonly StageBands[]> {
    return this.#reader.stageBands(selection);
  }

  stageSlices(selection: StageSlicesSelection): Promise<readonly StageSliceRow[]> {
    return this.#reader.stageSlices(selection);
  }

  workerRollupSums(selection: RollupSelection): Promise<readonly WorkerRollup[]> {
    return this.#reader.workerRollupSums(selection);
  }

  groupRollups(selection: RollupSelection): Promise<readonly GroupRollup[]> {
    return this.#reader.groupRollups(selection);
  }

  rollupParts(selection: RollupPartsSelection): Promise<readonly RollupPart[]> {
    return this.#reader.rollupParts(selection);
  }

  deployments(): Promise<readonly StoredDeployment[]> {
    return this.#reader.deployments();
  }

  ingestTotals(): Promise<readonly IngestTotals[]> {
    return this.#reader.ingestTotals();
  }

  ingestMarks(selection: IngestMarkSelection): Promise<readonly IngestMarkBucket[]> {
    return this.#reader.ingestMarks(selection);
  }

  pins(deployment?: string): Promise<readonly Pin[]> {
    return this.#reader.pins(deployment);
  }

  rawExtent(deployment: string, window: TimeWindow): Promise<RawExtent> {
    return this.#reader.rawExtent(deployment, window);
  }

  size(): Promise<StoreSize> {
    return this.#reader.size();
  }

  async close(): Promise<void> {
    clearImmediate(this.#moving);
    // A store that cannot be written is closed all the same: the next start makes up for it.
    if (this.#database.open && this.#damage === undefined) this.#flushAtClose();
    await this.#reader.close();
    this.#lock.release();
  }

  #flushAtClose(): void {
    try {
      this.#flushSeen();
    } catch (cause) {
      if (!(storeFailure(cause, this.#database.name) instanceof StoreUnavailableError)) throw cause;
    }
  }

  #transact(write: () => void): void {
    this.#database
      .transaction(() => {
        write();
        // Here too, so that what is kept in memory and what is in the file go on agreeing.
        this.#files.assertInPlace();
      })
      .immediate();
    this.#files.assertInPlace();
  }

  #guarded<T>(work: () => T): T {
    if (!this.#database.open) {
      throw new StoreUnavailableError('closed', `${this.#database.name} is closed`);
    }
    if (this.#damage !== undefined) throw this.#damage;
    try {
      return work();
    } catch (cause) {
      const failure = storeFailure(cause, this.#database.name);
      if (failure instanceof StoreUnavailableError && failure.reason === 'damaged') {
        this.#damage = failure;
      }
      throw failure;
    }
  }
}
