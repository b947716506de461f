/**
 * The writer: everything is synchronous inside and runs in the caller's thread, so a promise that
 * is fulfilled means that the commit is on the disk. Only this process writes (writer-lock.ts).
 */
import type Database from 'better-sqlite3';
import type { UnixNanos } from '#lib/base/units.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { MetricTable } from '#lib/table/metric-table.ts';
import type { DeploymentRollup, WorkerRollup } from '#lib/table/rollups.ts';
import { batchCounts, planAppend } from '../append-plan.ts';
import { StoreUnavailableError } from '../store-errors.ts';
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
} from '../telemetry-store.ts';
import { AppendStatements } from './append-statements.ts';
import { Compaction } from './compact.ts';
import { DatabaseFiles } from './database-files.ts';
import { packPlan } from './pack-plan.ts';
import { Retention } from './retention.ts';
import { RollupWriter } from './rollup-statements.ts';
import { type DamageListener, SqliteReader } from './sqlite-reader.ts';
import { storeFailure } from './store-failure.ts';
import type { WriterLock } from './writer-lock.ts';

export class SqliteStore implements TelemetryStore {
  readonly #database: Database.Database;
  readonly #lock: WriterLock;
  readonly #files: DatabaseFiles;
  /** Once damage showed, nothing more is written: it would only grow. */
  #damage: StoreUnavailableError | undefined;
  readonly #reader: SqliteReader;
  readonly #append: AppendStatements;
  readonly #rollups: RollupWriter;
  readonly #retention: Retention;
  readonly #compaction: Compaction;
  readonly #pin;
  readonly #unpin;

  /** Takes over the connection and the lock; `close` gives both back. */
  constructor(database: Database.Database, lock: WriterLock, onDamagedChunk?: DamageListener) {
    this.#database = database;
    this.#lock = lock;
    this.#files = new DatabaseFiles(database.name);
    this.#reader = new SqliteReader(database, onDamagedChunk);
    this.#append = new AppendStatements(database);
    this.#rollups = new RollupWriter(database);
    this.#retention = new Retention(database);
    this.#compaction = new Compaction(database);
    this.#pin = database.prepare<[string, string, bigint, bigint]>(
      `INSERT OR REPLACE INTO pins (pin_id, deployment, from_unix_ns, to_unix_ns)
       VALUES (?, ?, ?, ?)`,
    );
    this.#unpin = database.prepare<[string]>('DELETE FROM pins WHERE pin_id = ?');
  }

  async append(batches: readonly TelemetryBatch[]): Promise<readonly AppendOutcome[]> {
    return this.#guarded(() => {
      const seen = new Set<string>();
      const outcomes = batches.map(({ batchId }) => {
        const duplicate = seen.has(batchId) || this.#append.isKnown(batchId);
        seen.add(batchId);
        return { duplicate };
      });
      const fresh = batches.filter((_, index) => !outcomes[index]!.duplicate);
      const refused = batches.filter((_, index) => outcomes[index]!.duplicate);
      const plans = planAppend(fresh).map((plan) => ({ plan, packed: packPlan(plan) }));
      this.#transact(() => {
        for (const batch of fresh) {
          this.#append.addBatch(batch.batchId, batch.receivedUnixNs);
          this.#append.count('', 'log_records', batch.logRecords);
          for (const [deployment, reasons] of batch.rejected) {
            for (const [reason, count] of Object.entries(reasons)) {
              this.#append.count(deployment, `rejected:${reason}`, count);
            }
          }
        }
        for (const batch of refused) {
          for (const [deployment, count] of batchCounts(batch)) {
            this.#append.count(deployment, 'rejected:duplicate', count);
          }
        }
        for (const { plan, packed } of plans) this.#append.addDeployment(plan, packed);
      });
      return outcomes;
    });
  }

  async putRollups(
    workers: readonly WorkerRollup[],
    deployments: readonly DeploymentRollup[],
  ): Promise<void> {
    this.#guarded(() => this.#transact(() => this.#rollups.put(workers, deployments)));
  }

  /** Merges small chunks too, a bounded slice a call. */
  async retain(policy: RetentionPolicy, nowUnixNs: UnixNanos): Promise<RetainOutcome> {
    return this.#guarded(() => {
      const outcome = this.#retention.retain(policy, nowUnixNs);
      const moreToMerge = this.#compaction.compact(nowUnixNs);
      return { ...outcome, more: outcome.more || moreToMerge };
    });
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

  scanMetrics(selection: MetricSelection): AsyncIterable<MetricTable> {
    return this.#reader.scanMetrics(selection);
  }

  workerRollups(selection: RollupSelection): Promise<readonly WorkerRollup[]> {
    return this.#reader.workerRollups(selection);
  }

  deploymentRollups(selection: RollupSelection): Promise<readonly DeploymentRollup[]> {
    return this.#reader.deploymentRollups(selection);
  }

  deployments(): Promise<readonly StoredDeployment[]> {
    return this.#reader.deployments();
  }

  ingestTotals(): Promise<readonly IngestTotals[]> {
    return this.#reader.ingestTotals();
  }

  size(): Promise<StoreSize> {
    return this.#reader.size();
  }

  async close(): Promise<void> {
    await this.#reader.close();
    this.#lock.release();
  }

  #transact(write: () => void): void {
    this.#database.transaction(write).immediate();
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
