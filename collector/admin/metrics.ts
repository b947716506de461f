/**
 * `/metrics`: what the collector counts about itself. Values that others keep are read when a
 * scrape comes; only commits are observed as they happen. Label sets are fixed and small.
 */
import { type Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client';
import type { PullBoard } from '#collector/incident/pull-board.ts';
import type { IngestStats } from '#collector/ingest/ingest-client.ts';
import type { CommitReport } from '#collector/ingest/thread-messages.ts';
import type { ConditionBoard } from '#collector/observe/condition-board.ts';
import type { FrontDoor } from '#collector/receive/front-door.ts';
import {
  REFUSALS,
  type ReceiverStats,
  SIGNALS,
  type SignalCounts,
  TRANSPORTS,
} from '#collector/receive/receiver-stats.ts';
import { CONDITION_NAMES } from '#lib/api/condition.ts';
import type { Signal } from '#lib/ingest/decoded.ts';
import { REJECT_REASONS, type RejectCounts } from '#lib/table/reject-reasons.ts';
import { type AlertSource, addAlertMetrics } from './alert-metrics.ts';
import { addGroupMetrics } from './group-metrics.ts';
import type { LiveClients } from './live-clients.ts';
import type { LiveSource } from './live-source.ts';
import { addPullMetrics } from './pull-metrics.ts';
import { counter, gauge } from './scraped-metrics.ts';

export interface MetricSources {
  readonly version: string;
  readonly receiver: ReceiverStats;
  readonly ingest: () => IngestStats;
  /** Events per reason since the process started. */
  readonly rejected: () => RejectCounts;
  readonly live: LiveSource;
  readonly clients: LiveClients;
  readonly board: Pick<ConditionBoard, 'holds' | 'entered'>;
  readonly door: Pick<FrontDoor, 'waiting'>;
  readonly alerts?: AlertSource;
  readonly pulls?: Pick<PullBoard, 'counts' | 'open'>;
  /** Wall clock, unix milliseconds. */
  readonly nowUnixMs: () => number;
}

export interface Metrics {
  readonly contentType: string;
  observeCommit(commit: CommitReport): void;
  /** The Prometheus text format. */
  render(): Promise<string>;
}

/** Items in the words of each signal, as the OpenTelemetry Collector names its own. */
const ITEM_BY_SIGNAL: Readonly<Record<Signal, string>> = {
  traces: 'spans',
  metrics: 'metric_points',
  logs: 'log_records',
};

/** Names that break the naming rules which the other metrics keep: gauges called "_total". */
const MISNAMED_DEFAULTS = [
  'nodejs_active_resources_total',
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
];

export function createMetrics(sources: MetricSources): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of MISNAMED_DEFAULTS) registry.removeSingleMetric(name);

  gauge(registry, 'afdscope_build_info', 'Version of this collector; always 1.', ['version'], (g) =>
    g.set({ version: sources.version }, 1),
  );
  addReceiverMetrics(registry, sources.receiver);
  const commitSeconds = addIngestMetrics(registry, sources);
  addConditionMetrics(registry, sources);
  addLiveMetrics(registry, sources);
  addGroupMetrics(registry, sources.live, sources.nowUnixMs);
  if (sources.alerts !== undefined) addAlertMetrics(registry, sources.alerts);
  if (sources.pulls !== undefined) addPullMetrics(registry, sources.pulls);
  return {
    contentType: registry.contentType,
    observeCommit: (commit) => commitSeconds.observe(commit.commitMs / 1000),
    render: () => registry.metrics(),
  };
}

function addReceiverMetrics(registry: Registry, receiver: ReceiverStats): void {
  for (const signal of SIGNALS) {
    const items = ITEM_BY_SIGNAL[signal];
    const words = items.replace('_', ' ');
    const fields: [string, string, (counts: SignalCounts) => number][] = [
      ['accepted', `Received ${words} that were stored.`, (c) => c.acceptedItems],
      ['rejected', `Received ${words} refused by partial success.`, (c) => c.rejectedItems],
      ['duplicate', `Received ${words} that a retry had brought before.`, (c) => c.duplicateItems],
    ];
    for (const [field, help, value] of fields) {
      counter(registry, `afdscope_receiver_${field}_${items}_total`, help, ['transport'], (c) => {
        for (const transport of TRANSPORTS) {
          c.inc({ transport }, value(receiver.counts(signal, transport)));
        }
      });
    }
  }
  const byRequest = (read: (counts: SignalCounts) => number) => (c: Counter) => {
    for (const signal of SIGNALS) {
      for (const transport of TRANSPORTS) {
        c.inc({ signal, transport }, read(receiver.counts(signal, transport)));
      }
    }
  };
  const labels = ['signal', 'transport'];
  counter(
    registry,
    'afdscope_receiver_accepted_requests_total',
    'Requests answered with success, partial success included.',
    labels,
    byRequest((c) => c.acceptedRequests),
  );
  counter(
    registry,
    'afdscope_receiver_failed_requests_total',
    'Requests lost to an error of the collector.',
    labels,
    byRequest((c) => c.refusedRequests.failed),
  );
  counter(
    registry,
    'afdscope_receiver_body_bytes_total',
    'Bytes of request bodies after decompression.',
    labels,
    byRequest((c) => c.bodyBytes),
  );
  counter(
    registry,
    'afdscope_receiver_refused_requests_total',
    'Requests refused, by reason; senders repeat over_budget, overloaded and unavailable.',
    [...labels, 'reason'],
    (c) => {
      for (const signal of SIGNALS) {
        for (const transport of TRANSPORTS) {
          const { refusedRequests } = receiver.counts(signal, transport);
          for (const reason of REFUSALS) {
            if (reason !== 'failed') c.inc({ signal, transport, reason }, refusedRequests[reason]);
          }
        }
      }
    },
  );
  gauge(
    registry,
    'afdscope_receiver_in_flight_bytes',
    'Bytes that requests hold now, from before their body is read until they are answered.',
    [],
    (g) => g.set(receiver.inFlightBytes),
  );
  gauge(
    registry,
    'afdscope_receiver_in_flight_limit_bytes',
    'Bytes in flight at which requests are refused.',
    [],
    (g) => g.set(receiver.budget.totalBytes),
  );
}

function addIngestMetrics(registry: Registry, sources: MetricSources): Histogram {
  const stats = sources.ingest;
  const counters: [string, string, (s: IngestStats) => number][] = [
    ['committed_events', 'Stage events committed to the store.', (s) => s.committedEvents],
    ['committed_metric_points', 'Metric points committed.', (s) => s.committedMetricPoints],
    ['commits', 'Group commits that succeeded.', (s) => s.commits],
    ['failed_commits', 'Group commits that the store refused.', (s) => s.failedCommits],
    [
      'live_dropped_events',
      'Committed events that the live view did not get because it was behind.',
      (s) => s.liveDroppedEvents,
    ],
    ['deleted_chunks', 'Chunks of raw events deleted by retention.', (s) => s.deletedChunks],
  ];
  for (const [name, help, value] of counters) {
    counter(registry, `afdscope_ingest_${name}_total`, help, [], (c) => c.inc(value(stats())));
  }
  counter(
    registry,
    'afdscope_ingest_rejected_total',
    'Events not stored, or not stored unchanged, by reason.',
    ['reason'],
    (c) => {
      const rejected = sources.rejected();
      for (const reason of REJECT_REASONS) c.inc({ reason }, rejected[reason] ?? 0);
    },
  );
  const gauges: [string, string, (s: IngestStats) => number | null][] = [
    ['ingest_pending_requests', 'Requests waiting for their commit.', (s) => s.pendingRequests],
    [
      'ingest_queue_wait_seconds',
      'Age of the oldest request that waits for its commit.',
      (s) => s.queueWaitMs / 1000,
    ],
    [
      'store_damaged_chunks',
      'Stored chunks that the collector could not read.',
      (s) => s.size?.damagedChunks ?? null,
    ],
    ['store_database_bytes', 'Size of the database file.', (s) => s.size?.databaseBytes ?? null],
    ['store_wal_bytes', 'Size of the write-ahead log.', (s) => s.size?.walBytes ?? null],
    ['store_raw_bytes', 'Size of raw events in the store.', (s) => s.size?.rawBytes ?? null],
    [
      'store_oldest_raw_timestamp_seconds',
      'Start of the oldest raw event that is kept: the effective retention.',
      (s) => {
        const oldest = s.size?.oldestRawUnixNs ?? null;
        return oldest === null ? null : Number(oldest / 1_000_000n) / 1000;
      },
    ],
  ];
  for (const [name, help, value] of gauges) {
    gauge(registry, `afdscope_${name}`, help, [], (g) => {
      const read = value(stats());
      if (read !== null) g.set(read);
    });
  }
  gauge(
    registry,
    'afdscope_store_state',
    '1 for the state that the store is in, 0 for the others.',
    ['state'],
    (g) => {
      const { status } = stats().state;
      for (const state of ['ok', 'degraded', 'fatal']) g.set({ state }, state === status ? 1 : 0);
    },
  );
  return new Histogram({
    name: 'afdscope_ingest_commit_duration_seconds',
    help: 'Time of a group commit in the store, sync to disk included.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers: [registry],
  });
}

function addConditionMetrics(registry: Registry, { board, door }: MetricSources): void {
  gauge(registry, 'afdscope_condition', '1 while the condition holds.', ['condition'], (g) => {
    for (const condition of CONDITION_NAMES) g.set({ condition }, board.holds(condition) ? 1 : 0);
  });
  counter(
    registry,
    'afdscope_condition_entered_total',
    'How often the condition began.',
    ['condition'],
    (c) => {
      for (const condition of CONDITION_NAMES) c.inc({ condition }, board.entered(condition));
    },
  );
  gauge(
    registry,
    'afdscope_receiver_waiting_requests',
    'Requests that wait at the door, their bodies unread.',
    [],
    (g) => g.set(door.waiting),
  );
}

function addLiveMetrics(registry: Registry, sources: MetricSources): void {
  gauge(registry, 'afdscope_live_clients', 'Open live streams.', [], (g) =>
    g.set(sources.clients.count),
  );
  counter(
    registry,
    'afdscope_live_slow_disconnects_total',
    'Live streams closed because their client read too slowly.',
    [],
    (c) => c.inc(sources.clients.slowDisconnects),
  );
  gauge(
    registry,
    'afdscope_live_lag_seconds',
    'Wall clock minus the end of the newest live window; the largest over the deployments.',
    [],
    (g) => {
      let largest: number | null = null;
      for (const { report } of sources.live.latestOverviews().values()) {
        if (report === null) continue;
        const endUnixMs = Number(BigInt(report.window.endUnixNs) / 1_000_000n);
        const lagSeconds = Math.max(0, (sources.nowUnixMs() - endUnixMs) / 1000);
        largest = Math.max(largest ?? 0, lagSeconds);
      }
      if (largest !== null) g.set(largest);
    },
  );
}
