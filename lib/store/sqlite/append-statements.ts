/** Everything that one append writes, inside the caller's transaction. */
import type Database from 'better-sqlite3';
import { earliest, latest } from '#lib/table/instants.ts';
import { groupsWithinReach } from '#lib/table/packed-tables.ts';
import type { PlannedDeployment } from '../append-plan.ts';
import type { SeenWorker } from '../append-registry.ts';
import type { TelemetryBatch } from '../telemetry-store.ts';
import type { Journal } from './journal.ts';
import type { PackedDeployment } from './pack-plan.ts';
import type { SeenRegistry } from './seen-registry.ts';

/** The ledger keeps the newest of this many, and everything younger than LEDGER_AGE_NS. */
const LEDGER_BATCHES = 200_000;
const LEDGER_AGE_NS = 600_000_000_000n;
const LEDGER_PRUNE_BATCHES = 1000;
/** Batches of imports are few and stay until their import goes. */
const IMPORT_BATCH = 'import:';

export class AppendStatements {
  readonly #findBatch;
  readonly #addBatch;
  readonly #pruneBatches;
  readonly #forgetBatches;
  readonly #addChunk;
  readonly #journal: Journal;
  readonly #seen: SeenRegistry;
  readonly #addMetricChunk;
  readonly #count;
  readonly #seeDeployment;
  readonly #addTotal;
  readonly #readTotal;

  constructor(database: Database.Database, journal: Journal, seen: SeenRegistry) {
    this.#journal = journal;
    this.#seen = seen;
    this.#findBatch = database.prepare<[string]>('SELECT 1 FROM batches WHERE batch_id = ?');
    this.#addBatch = database.prepare<[string, bigint]>(
      'INSERT INTO batches (batch_id, received_unix_ns) VALUES (?, ?)',
    );
    this.#pruneBatches = database.prepare<[bigint, bigint, number]>(
      `DELETE FROM batches WHERE id IN (
         SELECT id FROM batches WHERE id <= ? AND received_unix_ns < ?
           AND batch_id NOT GLOB '${IMPORT_BATCH}*' ORDER BY id LIMIT ?)`,
    );
    this.#forgetBatches = database.prepare<[string, string]>(
      'DELETE FROM batches WHERE batch_id >= ? AND batch_id < ?',
    );
    this.#addChunk = database.prepare<
      [string, bigint, bigint, number, number, number, number, Uint8Array, number]
    >(
      `INSERT INTO chunks
         (deployment, from_unix_ns, to_unix_ns, min_step, max_step, events, blob_bytes, blob, seq)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#addMetricChunk = database.prepare<[string, bigint, bigint, number, number, Uint8Array]>(
      `INSERT INTO metric_chunks (deployment, from_unix_ns, to_unix_ns, points, blob_bytes, blob)
       VALUES (?, ?, ?, ?, ?, ?)`,
    );
    this.#count = database.prepare<[string, string, number]>(
      `INSERT INTO counters (deployment, name, count) VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET count = count + excluded.count`,
    );
    this.#seeDeployment = database.prepare<
      [string, string, bigint, bigint, number, bigint, bigint]
    >(
      `INSERT INTO deployments (deployment, topology, first_seen_unix_ns, last_seen_unix_ns, events,
         longest_chunk_ns, longest_metric_chunk_ns)
       VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET
         topology = CASE excluded.topology WHEN '' THEN topology ELSE excluded.topology END,
         first_seen_unix_ns = CASE WHEN excluded.events = 0 THEN first_seen_unix_ns
           WHEN events = 0 THEN excluded.first_seen_unix_ns
           ELSE min(first_seen_unix_ns, excluded.first_seen_unix_ns) END,
         last_seen_unix_ns = CASE WHEN excluded.events = 0 THEN last_seen_unix_ns
           WHEN events = 0 THEN excluded.last_seen_unix_ns
           ELSE max(last_seen_unix_ns, excluded.last_seen_unix_ns) END,
         events = events + excluded.events,
         longest_chunk_ns = max(longest_chunk_ns, excluded.longest_chunk_ns),
         longest_metric_chunk_ns = max(longest_metric_chunk_ns, excluded.longest_metric_chunk_ns)`,
    );
    this.#addTotal = database.prepare<[string, number]>(
      `INSERT INTO meta (name, value) VALUES (?, ?)
       ON CONFLICT DO UPDATE SET value = value + excluded.value`,
    );
    this.#readTotal = database
      .prepare<[string], bigint>('SELECT value FROM meta WHERE name = ?')
      .pluck();
  }

  isKnown(batchId: string): boolean {
    return this.#findBatch.get(batchId) !== undefined;
  }

  forgetBatches(prefix: string): void {
    this.#forgetBatches.run(prefix, `${prefix}\uffff`);
  }

  /** The batch and what it says beside its tables. */
  addBatch({ batchId, receivedUnixNs, logRecords, rejected }: TelemetryBatch): void {
    this.count('', 'log_records', logRecords);
    for (const [deployment, reasons] of rejected) {
      for (const [reason, count] of Object.entries(reasons)) {
        this.count(deployment, `rejected:${reason}`, count);
      }
    }
    const { lastInsertRowid } = this.#addBatch.run(batchId, receivedUnixNs);
    const id = BigInt(lastInsertRowid);
    // Each new batch makes room for two, so that the ledger never stays above its bound.
    if (id % BigInt(LEDGER_PRUNE_BATCHES) === 0n) {
      this.#pruneBatches.run(
        id - BigInt(LEDGER_BATCHES),
        receivedUnixNs - LEDGER_AGE_NS,
        2 * LEDGER_PRUNE_BATCHES,
      );
    }
  }

  count(deployment: string, name: string, count: number): void {
    if (count !== 0) this.#count.run(deployment, name, count);
  }

  /** The number of the next append. */
  nextSequence(): number {
    return Number(this.#readTotal.get('sequence') ?? 0n) + 1;
  }

  /** Adds `bytes` (negative after deletes) to a running total. */
  addTotal(name: 'raw_bytes' | 'metric_bytes' | 'sequence', bytes: number): void {
    if (bytes !== 0) this.#addTotal.run(name, bytes);
  }

  addDeployment(plan: PlannedDeployment, packed: PackedDeployment, sequence: number): void {
    const nowMs = performance.now();
    const { deployment } = plan;
    let rawBytes = 0;
    let longestNs = 0n;
    for (const chunk of packed.chunks) {
      const { fromUnixNs, toUnixNs, blob } = chunk;
      this.#addChunk.run(
        deployment,
        fromUnixNs,
        toUnixNs,
        chunk.minStep,
        chunk.maxStep,
        chunk.rows,
        blob.byteLength,
        blob,
        sequence,
      );
      rawBytes += blob.byteLength;
      if (toUnixNs - fromUnixNs > longestNs) longestNs = toUnixNs - fromUnixNs;
    }
    for (const steps of groupsWithinReach(plan.packed)) {
      const row = this.#journal.add(sequence, deployment, steps, nowMs);
      rawBytes += row.blobBytes;
      if (row.spanNs > longestNs) longestNs = row.spanNs;
    }
    let metricBytes = 0;
    let longestMetricNs = 0n;
    for (const { fromUnixNs, toUnixNs, rows, blob } of packed.metricChunks) {
      this.#addMetricChunk.run(deployment, fromUnixNs, toUnixNs, rows, blob.byteLength, blob);
      metricBytes += blob.byteLength;
      if (toUnixNs - fromUnixNs > longestMetricNs) longestMetricNs = toUnixNs - fromUnixNs;
    }
    this.addTotal('raw_bytes', rawBytes);
    this.addTotal('metric_bytes', metricBytes);
    this.count(deployment, 'accepted_events', plan.events);
    this.count(deployment, 'metric_points', plan.points);
    this.#see(plan, longestNs, longestMetricNs);
    this.#seen.see(deployment, plan, nowMs);
  }

  #see(plan: PlannedDeployment, longestNs: bigint, longestMetricNs: bigint): void {
    const times = plan.workers.length > 0 ? plan.workers : null;
    const from =
      times?.map((worker) => worker.firstUnixNs) ?? plan.metricChunks.map((c) => c.fromUnixNs);
    const to =
      times?.map((worker) => worker.lastUnixNs) ?? plan.metricChunks.map((c) => c.toUnixNs);
    const newest = plan.workers
      .filter((worker) => worker.info.topology !== '')
      .reduce<SeenWorker | null>(
        (best, worker) => (best === null || worker.lastUnixNs > best.lastUnixNs ? worker : best),
        null,
      );
    this.#seeDeployment.run(
      plan.deployment,
      newest?.info.topology ?? '',
      earliest(from, from[0]!),
      latest(to, to[0]!),
      plan.events,
      longestNs,
      longestMetricNs,
    );
  }
}
