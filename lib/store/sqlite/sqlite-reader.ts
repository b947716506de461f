/** The reading half over one connection; the writer reads through it too. */
import { statSync } from 'node:fs';
import type Database from 'better-sqlite3';
import { type UnixNanos, unixNanos } from '#lib/base/units.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { MetricTable } from '#lib/table/metric-table.ts';
import { REJECT_REASONS, type RejectCounts } from '#lib/table/reject-reasons.ts';
import type { DeploymentRollup, WorkerRollup } from '#lib/table/rollups.ts';
import type {
  EventSelection,
  IngestTotals,
  MetricSelection,
  RollupSelection,
  StoredDeployment,
  StoreSize,
  TelemetryReader,
} from '../telemetry-store.ts';
import { eventsInWindow, pointsInWindow } from '../window-filter.ts';
import { unpackEvents, unpackMetrics } from './blob.ts';
import { ChunkScan, type DamagedChunk } from './chunk-scan.ts';
import { RollupReader } from './rollup-statements.ts';

export type DamageListener = (chunk: DamagedChunk) => void;

export class SqliteReader implements TelemetryReader {
  readonly #database: Database.Database;
  readonly #events: ChunkScan;
  readonly #metrics: ChunkScan;
  readonly #rollups: RollupReader;
  readonly #damaged = new Set<string>();
  readonly #statements;

  constructor(database: Database.Database, onDamagedChunk: DamageListener = () => {}) {
    this.#database = database;
    const report = (chunk: DamagedChunk) => {
      const key = `${chunk.table} ${chunk.id}`;
      if (this.#damaged.has(key)) return;
      this.#damaged.add(key);
      onDamagedChunk(chunk);
    };
    this.#events = new ChunkScan(database, 'chunks', report);
    this.#metrics = new ChunkScan(database, 'metric_chunks', report);
    this.#rollups = new RollupReader(database);
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
      oldest: database.prepare<[], bigint | null>('SELECT min(from_unix_ns) FROM chunks').pluck(),
    };
  }

  async *scanEvents(selection: EventSelection): AsyncGenerator<EventTable> {
    const { deployment, window } = selection;
    for (const table of this.#events.tables(deployment, window, unpackEvents)) {
      const inside = eventsInWindow(table, window);
      if (inside !== null) yield inside;
    }
  }

  async *scanMetrics(selection: MetricSelection): AsyncGenerator<MetricTable> {
    const { deployment, window, names } = selection;
    for (const table of this.#metrics.tables(deployment, window, unpackMetrics)) {
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
        acceptedMetricPoints: counts.get('metric_points') ?? 0,
        logRecords: counts.get('log_records') ?? 0,
        rejected,
      };
    });
  }

  async size(): Promise<StoreSize> {
    return {
      databaseBytes: fileBytes(this.#database.name),
      walBytes: fileBytes(`${this.#database.name}-wal`),
      rawBytes: Number(this.#statements.rawBytes.get() ?? 0n),
      oldestRawUnixNs: this.#oldest(),
      damagedChunks: this.#damaged.size,
    };
  }

  async close(): Promise<void> {
    this.#database.close();
  }

  #oldest(): UnixNanos | null {
    const oldest = this.#statements.oldest.get() ?? null;
    return oldest === null ? null : unixNanos(oldest);
  }
}

function fileBytes(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
