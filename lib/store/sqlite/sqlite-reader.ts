/** The reading half over one connection; the writer reads through it too. */
import { statSync } from 'node:fs';
import type Database from 'better-sqlite3';
import { type UnixNanos, unixNanos } from '#lib/base/units.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { earliest } from '#lib/table/instants.ts';
import type { MetricTable } from '#lib/table/metric-table.ts';
import type { PackedTable, StepUnpacker } from '#lib/table/packed-table.ts';
import { REJECT_REASONS, type RejectCounts } from '#lib/table/reject-reasons.ts';
import type { DeploymentRollup, GroupRollup, WorkerRollup } from '#lib/table/rollups.ts';
import type { StageBands } from '#lib/table/stage-bands.ts';
import type { StageRollup } from '#lib/table/stage-rollups.ts';
import { unpackedSlices } from '../step-filter.ts';
import type {
  EventSelection,
  IngestMarkBucket,
  IngestMarkSelection,
  IngestTotals,
  MetricSelection,
  Pin,
  RawExtent,
  RollupPart,
  RollupPartsSelection,
  RollupSelection,
  StageRollupSelection,
  StageSliceRow,
  StageSlicesSelection,
  StoredDeployment,
  StoreSize,
  TelemetryReader,
  TimeWindow,
} from '../telemetry-store.ts';
import { pointsInWindow } from '../window-filter.ts';
import { unpackMetrics } from './blob.ts';
import { ChunkScan } from './chunk-scan.ts';
import type { DamagedChunk, DamageListener } from './damage.ts';
import { EventScan } from './event-scan.ts';
import { IngestMarkReader } from './ingest-marks.ts';
import { JOURNAL_LIMITS } from './journal.ts';
import { NOT_PINNED } from './pinned.ts';
import { RawExtentReader } from './raw-extent-statements.ts';
import { RollupCover } from './rollup-cover.ts';
import { RollupReader } from './rollup-statements.ts';
import { StageRollupReader } from './stage-rollup-reader.ts';

export interface ReaderOptions {
  /** Told once about each stored chunk that cannot be read. */
  readonly onDamagedChunk?: DamageListener | undefined;
  readonly unpacker?: StepUnpacker | undefined;
}

export class SqliteReader implements TelemetryReader {
  readonly #database: Database.Database;
  readonly #unpacker: StepUnpacker | undefined;
  readonly #events: EventScan;
  readonly #metrics: ChunkScan;
  readonly #rollups: RollupReader;
  readonly #stageRollups: StageRollupReader;
  readonly #marks: IngestMarkReader;
  readonly #cover: RollupCover;
  readonly #rawExtent: RawExtentReader;
  readonly #damaged = new Set<string>();
  readonly #report: DamageListener;
  readonly #statements;

  constructor(database: Database.Database, options: ReaderOptions = {}) {
    this.#database = database;
    this.#unpacker = options.unpacker;
    this.#report = (chunk: DamagedChunk) => {
      const key = `${chunk.table} ${chunk.id}`;
      if (this.#damaged.has(key)) return;
      this.#damaged.add(key);
      options.onDamagedChunk?.(chunk);
    };
    this.#events = new EventScan(database, this.#report);
    this.#metrics = new ChunkScan(database, 'metric_chunks', this.#report);
    this.#rollups = new RollupReader(database);
    this.#stageRollups = new StageRollupReader(database, this.#report);
    this.#marks = new IngestMarkReader(database);
    this.#cover = new RollupCover(database);
    this.#rawExtent = new RawExtentReader(database);
    this.#statements = {
      deployments: database.prepare<
        [],
        { deployment: string; topology: string; first: bigint; last: bigint; events: bigint }
      >(
        `SELECT deployment, topology, first_seen_unix_ns AS first, last_seen_unix_ns AS last, events
         FROM deployments ORDER BY deployment`,
      ),
      groups: database.prepare<
        [],
        { deployment: string; group: string; role: string; workers: bigint }
      >(
        `SELECT deployment, group_name AS "group", max(role) AS role, count(*) AS workers
         FROM workers GROUP BY deployment, group_name ORDER BY deployment, group_name`,
      ),
      steps: database.prepare<[], { deployment: string; steps: bigint }>(
        'SELECT deployment, sum(steps) AS steps FROM step_domains GROUP BY deployment',
      ),
      counters: database.prepare<[], { deployment: string; name: string; count: bigint }>(
        'SELECT deployment, name, count FROM counters ORDER BY deployment',
      ),
      rawBytes: database
        .prepare<[], bigint>("SELECT value FROM meta WHERE name = 'raw_bytes'")
        .pluck(),
      journalBytes: database
        .prepare<[], bigint>('SELECT coalesce(sum(blob_bytes), 0) FROM journal')
        .pluck(),
      oldest: (['chunks', 'packed_chunks', 'journal'] as const).map((table) =>
        database
          .prepare<[], bigint | null>(
            `SELECT from_unix_ns FROM ${table} AS chunk WHERE ${NOT_PINNED}
             ORDER BY from_unix_ns LIMIT 1`,
          )
          .pluck(),
      ),
      pins: database.prepare<[], { pinId: string; deployment: string; from: bigint; to: bigint }>(
        `SELECT pin_id AS pinId, deployment, from_unix_ns AS "from", to_unix_ns AS "to" FROM pins
         ORDER BY from_unix_ns, pin_id`,
      ),
    };
  }

  /** Counts damage that somebody else met, and tells it once. */
  get reportDamage(): DamageListener {
    return this.#report;
  }

  scanEvents(selection: EventSelection): AsyncIterable<EventTable> {
    const { deployment } = selection;
    return unpackedSlices(this.scanSteps(selection), selection, this.#unpacker, (step, message) =>
      this.#report({
        table: 'packed_chunks',
        id: damagedStepId(step),
        deployment,
        rows: step.events,
        message,
      }),
    );
  }

  async *scanSteps(selection: EventSelection): AsyncGenerator<EventTable | PackedTable> {
    yield* this.#events.slices(selection);
  }

  async *scanMetrics(selection: MetricSelection): AsyncGenerator<MetricTable> {
    const { deployment, window, names } = selection;
    for (const table of this.#metrics.tables({ deployment, window }, unpackMetrics)) {
      const inside = pointsInWindow(table, window, names);
      if (inside !== null) yield inside;
    }
  }

  async workerRollups(selection: RollupSelection): Promise<readonly WorkerRollup[]> {
    return this.#rollups.workers(selection);
  }

  async deploymentRollups(selection: RollupSelection): Promise<readonly DeploymentRollup[]> {
    return this.#rollups.deployments(selection);
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
    return this.#cover.parts(selection);
  }

  async deployments(): Promise<readonly StoredDeployment[]> {
    // One snapshot, so that the parts agree.
    const { rows, groups, steps } = this.#database.transaction(() => ({
      rows: this.#statements.deployments.all(),
      groups: this.#statements.groups.all(),
      steps: this.#statements.steps.all(),
    }))();
    return rows.map((row) => ({
      deployment: row.deployment,
      topology: row.topology,
      groups: groups
        .filter(({ deployment }) => deployment === row.deployment)
        .map(({ group, role, workers }) => ({ group, role, workers: Number(workers) })),
      firstSeenUnixNs: unixNanos(row.first),
      lastSeenUnixNs: unixNanos(row.last),
      steps: Number(steps.find(({ deployment }) => deployment === row.deployment)?.steps ?? 0n),
      events: Number(row.events),
    }));
  }

  async ingestTotals(): Promise<readonly IngestTotals[]> {
    const byDeployment = new Map<string, Map<string, number>>();
    for (const { deployment, name, count } of this.#statements.counters.all()) {
      const counts = byDeployment.get(deployment) ?? new Map<string, number>();
      byDeployment.set(deployment, counts);
      counts.set(name, Number(count));
    }
    return [...byDeployment].map(([deployment, counts]) => {
      const rejected: RejectCounts = {};
      for (const reason of REJECT_REASONS) {
        const count = counts.get(`rejected:${reason}`);
        if (count !== undefined) rejected[reason] = count;
      }
      return {
        deployment,
        acceptedEvents: counts.get('accepted_events') ?? 0,
        importedEvents: counts.get('imported_events') ?? 0,
        acceptedMetricPoints: counts.get('metric_points') ?? 0,
        logRecords: counts.get('log_records') ?? 0,
        rejected,
      };
    });
  }

  async ingestMarks(selection: IngestMarkSelection): Promise<readonly IngestMarkBucket[]> {
    return this.#marks.buckets(selection);
  }

  async pins(deployment?: string): Promise<readonly Pin[]> {
    return this.#statements.pins
      .all()
      .filter((row) => deployment === undefined || row.deployment === deployment)
      .map(({ from, to, ...pin }) => ({
        ...pin,
        fromUnixNs: unixNanos(from),
        toUnixNs: unixNanos(to),
      }));
  }

  async rawExtent(deployment: string, window: TimeWindow): Promise<RawExtent> {
    return this.#rawExtent.read(deployment, window);
  }

  async size(): Promise<StoreSize> {
    const journalBytes = Number(this.#statements.journalBytes.get() ?? 0n);
    return {
      databaseBytes: fileBytes(this.#database.name),
      walBytes: fileBytes(`${this.#database.name}-wal`),
      rawBytes: Number(this.#statements.rawBytes.get() ?? 0n),
      journalBytes,
      compactionBacklogBytes: Math.max(0, journalBytes - JOURNAL_TARGET_BYTES),
      oldestRawUnixNs: this.#oldest(),
      damagedChunks: this.#damaged.size,
    };
  }

  async close(): Promise<void> {
    this.#database.close();
  }

  #oldest(): UnixNanos | null {
    const starts = this.#statements.oldest.flatMap((statement) => {
      const start = statement.get() ?? null;
      return start === null ? [] : [unixNanos(start)];
    });
    const first = starts[0];
    return first === undefined ? null : earliest(starts, first);
  }
}

/** What the journal may hold before its oldest part should be in chunks. */
const JOURNAL_TARGET_BYTES = 2 * JOURNAL_LIMITS.moveBytes;

/** Steps have no id of their own: the negative of the instant, in seconds, tells one from another. */
function damagedStepId({ baseUnixNs, startNs }: PackedTable): number {
  return -(Number(baseUnixNs) + startNs[0]!) / 1e9;
}

function fileBytes(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
