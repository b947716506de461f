/**
 * The tables. drizzle owns them: change them here, run `npm run db:generate`, raise
 * `SCHEMA_VERSION`. Instants are unix nanoseconds as 64-bit integers, which JavaScript must read as
 * bigint. Hot statements are written by hand in the files beside this one.
 */
import { sql } from 'drizzle-orm';
import {
  blob,
  customType,
  index,
  integer,
  primaryKey,
  real,
  sqliteTable,
  text,
} from 'drizzle-orm/sqlite-core';
import type { UnixNanos } from '#lib/base/units.ts';

/** Migrations in `drizzle/`; kept in the database as `user_version`. */
export const SCHEMA_VERSION = 6;

const unixNs = customType<{ data: UnixNanos; driverData: bigint }>({
  dataType: () => 'integer',
});

/** Stage events, compressed; one row holds one deployment's events of about one commit. */
export const chunks = sqliteTable(
  'chunks',
  {
    id: integer('id').primaryKey({ autoIncrement: true }),
    deployment: text('deployment').notNull(),
    /** First start. */
    fromUnixNs: unixNs('from_unix_ns').notNull(),
    /** Last end; at least one nanosecond after the start of every event. */
    toUnixNs: unixNs('to_unix_ns').notNull(),
    minStep: integer('min_step').notNull(),
    maxStep: integer('max_step').notNull(),
    events: integer('events').notNull(),
    blobBytes: integer('blob_bytes').notNull(),
    /** The merged chunk that holds these events too; this one is deleted after a while. */
    replacedBy: integer('replaced_by'),
    /** First and last id of the chunks that a merged chunk replaces. */
    replacesFrom: integer('replaces_from'),
    replacesTo: integer('replaces_to'),
    blob: blob('blob', { mode: 'buffer' }).notNull(),
    /**
     * Of the append that brought the newest of these events; 0: older than sequences. Read it from
     * an index: in the row it stands behind the blob.
     */
    seq: integer('seq').notNull().default(0),
  },
  (table) => [
    index('chunks_by_deployment').on(
      table.deployment,
      table.toUnixNs,
      table.id,
      table.fromUnixNs,
      table.replacedBy,
    ),
    index('chunks_by_end').on(table.toUnixNs),
    index('chunks_by_start').on(table.fromUnixNs),
    index('chunks_replaced').on(table.replacedBy).where(sql`replaced_by IS NOT NULL`),
    index('chunks_small')
      .on(table.id, table.deployment, table.events, table.fromUnixNs, table.toUnixNs, table.seq)
      .where(sql`replaced_by IS NULL AND events < 8192`),
    index('chunks_by_seq').on(table.seq).where(sql`seq > 0 AND replaced_by IS NULL`),
  ],
);

/**
 * Packed steps as they were committed: one row holds one deployment's steps of one commit. Rows
 * move on into `packed_chunks` within seconds.
 */
export const journal = sqliteTable(
  'journal',
  {
    id: integer('id').primaryKey({ autoIncrement: true }),
    seq: integer('seq').notNull(),
    deployment: text('deployment').notNull(),
    fromUnixNs: unixNs('from_unix_ns').notNull(),
    toUnixNs: unixNs('to_unix_ns').notNull(),
    events: integer('events').notNull(),
    blobBytes: integer('blob_bytes').notNull(),
    blob: blob('blob', { mode: 'buffer' }).notNull(),
  },
  (table) => [
    index('journal_by_deployment').on(
      table.deployment,
      table.id,
      table.seq,
      table.fromUnixNs,
      table.toUnixNs,
      table.events,
      table.blobBytes,
    ),
  ],
);

/** Workers that journal rows name by id; ids are never used again. */
export const journalWorkers = sqliteTable('journal_workers', {
  id: integer('id').primaryKey({ autoIncrement: true }),
  /** JSON of lib/table/worker-info.ts. */
  info: text('info').notNull(),
});

/** Packed steps of one worker, by start; never unpacked on the way here. */
export const packedChunks = sqliteTable(
  'packed_chunks',
  {
    id: integer('id').primaryKey({ autoIncrement: true }),
    deployment: text('deployment').notNull(),
    group: text('group_name').notNull(),
    rank: integer('rank').notNull(),
    fromUnixNs: unixNs('from_unix_ns').notNull(),
    toUnixNs: unixNs('to_unix_ns').notNull(),
    steps: integer('steps').notNull(),
    events: integer('events').notNull(),
    /** Of the newest append in it. */
    seq: integer('seq').notNull(),
    blobBytes: integer('blob_bytes').notNull(),
    replacedBy: integer('replaced_by'),
    replacesFrom: integer('replaces_from'),
    replacesTo: integer('replaces_to'),
    blob: blob('blob', { mode: 'buffer' }).notNull(),
  },
  (table) => [
    index('packed_chunks_by_deployment').on(
      table.deployment,
      table.toUnixNs,
      table.id,
      table.fromUnixNs,
      table.replacedBy,
      table.group,
      table.rank,
    ),
    index('packed_chunks_by_worker').on(
      table.deployment,
      table.group,
      table.rank,
      table.toUnixNs,
      table.id,
      table.fromUnixNs,
      table.replacedBy,
    ),
    index('packed_chunks_by_end').on(table.toUnixNs),
    index('packed_chunks_by_start').on(table.fromUnixNs),
    index('packed_chunks_by_seq').on(table.seq).where(sql`replaced_by IS NULL`),
    index('packed_chunks_replaced').on(table.replacedBy).where(sql`replaced_by IS NOT NULL`),
    index('packed_chunks_small')
      .on(
        table.id,
        table.deployment,
        table.group,
        table.rank,
        table.events,
        table.fromUnixNs,
        table.toUnixNs,
        table.seq,
      )
      .where(sql`replaced_by IS NULL AND events < 8192`),
  ],
);

/** Metric points, likewise. */
export const metricChunks = sqliteTable(
  'metric_chunks',
  {
    id: integer('id').primaryKey({ autoIncrement: true }),
    deployment: text('deployment').notNull(),
    fromUnixNs: unixNs('from_unix_ns').notNull(),
    /** One nanosecond after the last point. */
    toUnixNs: unixNs('to_unix_ns').notNull(),
    points: integer('points').notNull(),
    blobBytes: integer('blob_bytes').notNull(),
    replacedBy: integer('replaced_by'),
    replacesFrom: integer('replaces_from'),
    replacesTo: integer('replaces_to'),
    blob: blob('blob', { mode: 'buffer' }).notNull(),
  },
  (table) => [
    index('metric_chunks_by_deployment').on(
      table.deployment,
      table.toUnixNs,
      table.id,
      table.fromUnixNs,
      table.replacedBy,
    ),
    index('metric_chunks_by_end').on(table.toUnixNs),
    index('metric_chunks_replaced').on(table.replacedBy).where(sql`replaced_by IS NOT NULL`),
    index('metric_chunks_small')
      .on(table.id, table.deployment, table.points, table.fromUnixNs, table.toUnixNs)
      .where(sql`replaced_by IS NULL AND points < 8192`),
  ],
);

/** The ledger: batches that were stored, so that a retry is known. Bounded by count and age. */
export const batches = sqliteTable('batches', {
  id: integer('id').primaryKey({ autoIncrement: true }),
  batchId: text('batch_id').notNull().unique(),
  receivedUnixNs: unixNs('received_unix_ns').notNull(),
});

export const deployments = sqliteTable('deployments', {
  deployment: text('deployment').primaryKey(),
  topology: text('topology').notNull(),
  firstSeenUnixNs: unixNs('first_seen_unix_ns').notNull(),
  lastSeenUnixNs: unixNs('last_seen_unix_ns').notNull(),
  events: integer('events').notNull(),
  /** Longest chunk so far: bounds how far before a window its chunks may start. */
  longestChunkNs: integer('longest_chunk_ns').notNull(),
  longestMetricChunkNs: integer('longest_metric_chunk_ns').notNull(),
});

export const workers = sqliteTable(
  'workers',
  {
    deployment: text('deployment').notNull(),
    group: text('group_name').notNull(),
    rank: integer('rank').notNull(),
    role: text('role').notNull(),
    host: text('host').notNull(),
    hwId: text('hw_id').notNull(),
    incarnation: text('incarnation').notNull(),
    firstSeenUnixNs: unixNs('first_seen_unix_ns').notNull(),
    lastSeenUnixNs: unixNs('last_seen_unix_ns').notNull(),
    events: integer('events').notNull(),
  },
  (table) => [primaryKey({ columns: [table.deployment, table.group, table.rank] })],
);

/** Distinct steps per data-parallel domain. */
export const stepDomains = sqliteTable(
  'step_domains',
  {
    deployment: text('deployment').notNull(),
    domain: integer('domain').notNull(),
    steps: integer('steps').notNull(),
    /** Runs of step numbers that were seen, `[[first, last], …]`, as JSON. */
    runs: text('runs').notNull(),
  },
  (table) => [primaryKey({ columns: [table.deployment, table.domain] })],
);

/** `accepted_events`, `imported_events` (of these), `metric_points`, `log_records`, and `rejected:` with a reason. */
export const counters = sqliteTable(
  'counters',
  {
    deployment: text('deployment').notNull(),
    name: text('name').notNull(),
    count: integer('count').notNull(),
  },
  (table) => [primaryKey({ columns: [table.deployment, table.name] })],
);

/**
 * When events came late, twice, or were refused or changed: counts by second, later by minute and hour
 * (lib/store/mark-levels.ts).
 */
export const ingestMarks = sqliteTable(
  'ingest_marks',
  {
    deployment: text('deployment').notNull(),
    lengthS: integer('length_s').notNull(),
    startUnixS: integer('start_unix_s').notNull(),
    reason: text('reason').notNull(),
    events: integer('events').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.deployment, table.lengthS, table.startUnixS, table.reason] }),
    index('ingest_marks_by_start').on(table.lengthS, table.startUnixS),
  ],
);

export const workerRollups = sqliteTable(
  'worker_rollups',
  {
    deployment: text('deployment').notNull(),
    resolutionNs: integer('resolution_ns').notNull(),
    bucketStartUnixNs: unixNs('bucket_start_unix_ns').notNull(),
    workerId: text('worker_id').notNull(),
    group: text('group_name').notNull(),
    role: text('role').notNull(),
    rank: integer('rank').notNull(),
    events: integer('events').notNull(),
    windowNs: real('window_ns').notNull(),
    observedNs: real('observed_ns').notNull(),
    activeNs: real('active_ns').notNull(),
    computeNs: real('compute_ns').notNull(),
    transferNs: real('transfer_ns').notNull(),
    waitNs: real('wait_ns').notNull(),
    copyNs: real('copy_ns').notNull(),
    hostNs: real('host_ns').notNull(),
    overlapNs: real('overlap_ns').notNull(),
    bubbleNs: real('bubble_ns').notNull(),
    activeBubbleNs: real('active_bubble_ns').notNull(),
    htaCommNs: real('hta_comm_ns').notNull(),
    htaOverlapNs: real('hta_overlap_ns').notNull(),
    exposedTransferNs: real('exposed_transfer_ns').notNull(),
    waitPeerNs: real('wait_peer_ns').notNull(),
    bubbleCopyNs: real('bubble_copy_ns').notNull(),
    bubbleHostNs: real('bubble_host_ns').notNull(),
    unattributedNs: real('unattributed_ns').notNull(),
    // Rows older than these columns: the wait part of their bubbles is unknown.
    a2fNetworkNs: real('a2f_network_ns').notNull().default(0),
    fanInNs: real('fan_in_ns').notNull().default(0),
    peerQueueNs: real('peer_queue_ns').notNull().default(0),
    peerComputeNs: real('peer_compute_ns').notNull().default(0),
    loadExcessNs: real('load_excess_ns').notNull().default(0),
    deviceExcessNs: real('device_excess_ns').notNull().default(0),
    f2aNetworkNs: real('f2a_network_ns').notNull().default(0),
    peerHostNs: real('peer_host_ns').notNull().default(0),
    fillDrainNs: real('fill_drain_ns').notNull().default(0),
    unknownCauseNs: real('unknown_cause_ns').notNull().default(0),
  },
  (table) => [
    primaryKey({
      columns: [table.deployment, table.resolutionNs, table.bucketStartUnixNs, table.workerId],
    }),
  ],
);

export const deploymentRollups = sqliteTable(
  'deployment_rollups',
  {
    deployment: text('deployment').notNull(),
    resolutionNs: integer('resolution_ns').notNull(),
    bucketStartUnixNs: unixNs('bucket_start_unix_ns').notNull(),
    steps: integer('steps').notNull(),
    stepLatencySumNs: real('step_latency_sum_ns').notNull(),
    stepLatencyMaxNs: real('step_latency_max_ns').notNull(),
    tokens: real('tokens').notNull(),
    periodSumNs: real('period_sum_ns').notNull(),
    periodCount: integer('period_count').notNull(),
    idealPeriodSumNs: real('ideal_period_sum_ns').notNull(),
    idealPeriodCount: integer('ideal_period_count').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.deployment, table.resolutionNs, table.bucketStartUnixNs] }),
  ],
);

/** Durations by worker, stage and layer: one blob a bucket (lib/table/stage-rollups.ts). */
export const stageRollups = sqliteTable(
  'stage_rollups',
  {
    deployment: text('deployment').notNull(),
    resolutionNs: integer('resolution_ns').notNull(),
    bucketStartUnixNs: unixNs('bucket_start_unix_ns').notNull(),
    workerId: text('worker_id').notNull(),
    group: text('group_name').notNull(),
    role: text('role').notNull(),
    rank: integer('rank').notNull(),
    blob: blob('blob', { mode: 'buffer' }).notNull(),
  },
  (table) => [
    primaryKey({
      columns: [table.deployment, table.resolutionNs, table.bucketStartUnixNs, table.workerId],
    }),
  ],
);

/** Buckets that must be summed up again from the next finer ones. */
export const staleRollups = sqliteTable(
  'stale_rollups',
  {
    deployment: text('deployment').notNull(),
    /** `stage`, `worker` or `deployment`. */
    kind: text('kind').notNull(),
    resolutionNs: integer('resolution_ns').notNull(),
    bucketStartUnixNs: unixNs('bucket_start_unix_ns').notNull(),
  },
  (table) => [
    primaryKey({
      columns: [table.deployment, table.kind, table.resolutionNs, table.bucketStartUnixNs],
    }),
    index('stale_rollups_by_start').on(table.bucketStartUnixNs),
  ],
);

/** Windows whose raw events retention must keep. */
export const pins = sqliteTable('pins', {
  pinId: text('pin_id').primaryKey(),
  deployment: text('deployment').notNull(),
  fromUnixNs: unixNs('from_unix_ns').notNull(),
  toUnixNs: unixNs('to_unix_ns').notNull(),
});

export const annotations = sqliteTable(
  'annotations',
  {
    id: text('id').primaryKey(),
    deployment: text('deployment').notNull(),
    fromUnixNs: unixNs('from_unix_ns').notNull(),
    toUnixNs: unixNs('to_unix_ns').notNull(),
    author: text('author').notNull(),
    text: text('text').notNull(),
    createdUnixNs: unixNs('created_unix_ns').notNull(),
  },
  (table) => [index('annotations_by_window').on(table.deployment, table.fromUnixNs)],
);

/** What people brought in; their pins are called `import/`, the id, `/` and a number. */
export const imports = sqliteTable('imports', {
  id: text('id').primaryKey(),
  createdUnixNs: unixNs('created_unix_ns').notNull(),
  state: text('state', { enum: ['running', 'done', 'failed'] }).notNull(),
  contentKey: text('content_key').notNull(),
  detail: text('detail').notNull(),
});

/** Rules, alerts, silences, incidents, deliveries (../state-store.ts): few, small, many shapes. */
export const documents = sqliteTable(
  'documents',
  {
    kind: text('kind').notNull(),
    id: text('id').notNull(),
    deployment: text('deployment').notNull(),
    status: text('status').notNull(),
    createdUnixNs: unixNs('created_unix_ns').notNull(),
    updatedUnixNs: unixNs('updated_unix_ns').notNull(),
    detail: text('detail').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.kind, table.id] }),
    index('documents_by_update').on(table.kind, table.updatedUnixNs),
  ],
);

/** What happened to alerts and deliveries, and the samples that rules are tried on. */
export const logEntries = sqliteTable(
  'log_entries',
  {
    topic: text('topic').notNull(),
    atUnixNs: unixNs('at_unix_ns').notNull(),
    subject: text('subject').notNull(),
    part: text('part').notNull(),
    deployment: text('deployment').notNull(),
    detail: text('detail').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.topic, table.atUnixNs, table.subject, table.part] }),
    index('log_by_subject').on(table.topic, table.subject, table.atUnixNs),
  ],
);

/**
 * Running totals `raw_bytes` (chunks, packed chunks and journal) and `metric_bytes`; `sequence` of the
 * newest append; `stage_rollups_through`: appends up to this one are in the stage rollups (missing:
 * none is).
 */
export const meta = sqliteTable('meta', {
  name: text('name').primaryKey(),
  value: integer('value').notNull(),
});
