/**
 * What one append adds, worked out before anything is written: chunks per deployment, and what the
 * registries and counters learn. Pure; the memory and SQLite stores share it.
 */
import { type UnixNanos, unixNanos } from '#lib/base/units.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { selectRows, tableSpan } from '#lib/table/event-tables.ts';
import { compareInstants, latest } from '#lib/table/instants.ts';
import type { MetricTable } from '#lib/table/metric-table.ts';
import { concatMetrics, selectPoints } from '#lib/table/metric-tables.ts';
import type { PackedTable } from '#lib/table/packed-table.ts';
import { selectSteps } from '#lib/table/packed-tables.ts';
import { registryOf, type SeenWorker } from './append-registry.ts';
import type { TelemetryBatch } from './telemetry-store.ts';

/** No chunk has more rows, so that a scan's slices stay small. */
export const CHUNK_ROWS = 65_536;
/** Nor starts that lie further apart, so that a window finds few chunks that it does not need. */
export const CHUNK_SPAN_NS = 60_000_000_000n;

export interface PlannedChunk {
  /** Not joined: who stores them may do that on the way. */
  readonly tables: readonly EventTable[];
  readonly rows: number;
  readonly fromUnixNs: UnixNanos;
  readonly toUnixNs: UnixNanos;
}

export interface PlannedMetricChunk {
  readonly table: MetricTable;
  readonly fromUnixNs: UnixNanos;
  readonly toUnixNs: UnixNanos;
}

export interface PlannedDeployment {
  readonly deployment: string;
  readonly chunks: readonly PlannedChunk[];
  /** Steps that were not stored before. */
  readonly packed: readonly PackedTable[];
  readonly metricChunks: readonly PlannedMetricChunk[];
  /** Of chunks and packed steps. */
  readonly events: number;
  readonly points: number;
  /** By group and rank. */
  readonly workers: readonly SeenWorker[];
  /** Distinct step numbers per data-parallel domain. */
  readonly steps: ReadonlyMap<number, ReadonlySet<number>>;
}

/** Events or points per deployment of one batch: what a refused duplicate would have added. */
export function batchCounts(batch: TelemetryBatch): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  const add = (deployment: string, n: number) =>
    counts.set(deployment, (counts.get(deployment) ?? 0) + n);
  for (const table of batch.events) {
    for (const [deployment, part] of eventsByDeployment(table)) add(deployment, part.length);
  }
  for (const table of batch.packed) {
    for (const [deployment, part] of stepsByDeployment(table)) add(deployment, part.events);
  }
  for (const table of batch.metrics) {
    for (const [deployment, part] of pointsByDeployment(table)) add(deployment, part.length);
  }
  return counts;
}

/** Plans the append of batches that are not duplicates. */
export function planAppend(batches: readonly TelemetryBatch[]): readonly PlannedDeployment[] {
  const events = new Map<string, EventTable[]>();
  const steps = new Map<string, PackedTable[]>();
  const metrics = new Map<string, MetricTable[]>();
  for (const batch of batches) {
    for (const table of batch.events) {
      for (const [deployment, part] of eventsByDeployment(table)) push(events, deployment, part);
    }
    for (const table of batch.packed) {
      for (const [deployment, part] of stepsByDeployment(table)) push(steps, deployment, part);
    }
    for (const table of batch.metrics) {
      for (const [deployment, part] of pointsByDeployment(table)) push(metrics, deployment, part);
    }
  }
  const names = new Set([...events.keys(), ...steps.keys(), ...metrics.keys()]);
  return [...names].map((deployment) => {
    const tables = events.get(deployment) ?? [];
    const packed = steps.get(deployment) ?? [];
    const points = metrics.get(deployment) ?? [];
    return {
      deployment,
      chunks: planChunks(tables),
      packed,
      metricChunks: planMetricChunks(points),
      events:
        tables.reduce((sum, table) => sum + table.length, 0) +
        packed.reduce((sum, table) => sum + table.events, 0),
      points: points.reduce((sum, table) => sum + table.length, 0),
      ...registryOf(tables, packed),
    };
  });
}

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

function eventsByDeployment(table: EventTable): Parts<EventTable> {
  return byDeployment(table, table.workers, table.worker, selectRows);
}

function stepsByDeployment(table: PackedTable): Parts<PackedTable> {
  return byDeployment(table, table.workers, table.worker, selectSteps);
}

function pointsByDeployment(table: MetricTable): Parts<MetricTable> {
  return byDeployment(table, table.series, table.seriesIndex, selectPoints);
}

type Parts<T> = readonly (readonly [string, T])[];

/** `owner[i]`, an index into `owners`, says whose row `i` is. A table of one deployment stays as it is. */
function byDeployment<T extends { readonly length: number }>(
  table: T,
  owners: readonly { readonly deployment: string }[],
  owner: ArrayLike<number>,
  select: (table: T, rows: Uint32Array) => T,
): Parts<T> {
  if (table.length === 0) return [];
  const only = owners[0]!.deployment;
  if (owners.every(({ deployment }) => deployment === only)) return [[only, table]];
  const rows = new Map<string, number[]>();
  for (let i = 0; i < table.length; i++) push(rows, owners[owner[i]!]!.deployment, i);
  return [...rows].map(([name, list]) => [name, select(table, Uint32Array.from(list))]);
}

/** Puts small tables together and cuts large ones, by time. */
export function planChunks(tables: readonly EventTable[]): readonly PlannedChunk[] {
  const pieces = tables
    .flatMap(cutTable)
    .sort((a, b) => compareInstants(a.fromUnixNs, b.fromUnixNs));
  return packed(pieces, CHUNK_SPAN_NS).map((group) => ({
    tables: group.map((piece) => piece.table),
    rows: group.reduce((sum, piece) => sum + piece.table.length, 0),
    fromUnixNs: group[0]!.fromUnixNs,
    toUnixNs: latest(
      group.map((piece) => piece.toUnixNs),
      group[0]!.toUnixNs,
    ),
  }));
}

export function planMetricChunks(tables: readonly MetricTable[]): readonly PlannedMetricChunk[] {
  const pieces = tables
    .flatMap(cutPoints)
    .sort((a, b) => compareInstants(a.fromUnixNs, b.fromUnixNs));
  return packed(pieces, CHUNK_SPAN_NS * 60n).map((group) => ({
    table: concatMetrics(
      group.map((piece) => piece.table),
      group[0]!.fromUnixNs,
    ),
    fromUnixNs: group[0]!.fromUnixNs,
    toUnixNs: latest(
      group.map((piece) => piece.toUnixNs),
      group[0]!.toUnixNs,
    ),
  }));
}

/** Neighbours (sorted by start) in groups that keep to the bounds of a chunk. */
function packed<T extends { table: { length: number }; fromUnixNs: UnixNanos }>(
  pieces: readonly T[],
  spanNs: bigint,
): readonly (readonly T[])[] {
  const groups: T[][] = [];
  let group: T[] = [];
  let rows = 0;
  for (const piece of pieces) {
    const first = group[0];
    if (
      first === undefined ||
      rows + piece.table.length > CHUNK_ROWS ||
      piece.fromUnixNs - first.fromUnixNs > spanNs
    ) {
      group = [];
      groups.push(group);
      rows = 0;
    }
    group.push(piece);
    rows += piece.table.length;
  }
  return groups;
}

interface EventPiece {
  readonly table: EventTable;
  readonly fromUnixNs: UnixNanos;
  readonly toUnixNs: UnixNanos;
}

function cutTable(table: EventTable): readonly EventPiece[] {
  const span = tableSpan(table);
  if (span === null) return [];
  // Where first start and last end are that near, so are all starts.
  const isNear =
    span.toUnixNs - span.fromUnixNs <= CHUNK_SPAN_NS ||
    startSpread(table.startNs) <= Number(CHUNK_SPAN_NS);
  if (table.length <= CHUNK_ROWS && isNear) return [{ table, ...span }];
  return cutRows(table.startNs).map((rows) => {
    const piece = selectRows(table, rows);
    return { table: piece, ...tableSpan(piece)! };
  });
}

function cutPoints(table: MetricTable): readonly PlannedMetricChunk[] {
  if (table.length === 0) return [];
  const pieces =
    table.length <= CHUNK_ROWS && startSpread(table.timeNs) <= Number(CHUNK_SPAN_NS)
      ? [table]
      : cutRows(table.timeNs).map((rows) => selectPoints(table, rows));
  return pieces.map((piece) => {
    let first = Number.POSITIVE_INFINITY;
    let last = Number.NEGATIVE_INFINITY;
    for (const time of piece.timeNs) {
      if (time < first) first = time;
      if (time > last) last = time;
    }
    return {
      table: piece,
      fromUnixNs: unixNanos(piece.baseUnixNs + BigInt(Math.floor(first))),
      toUnixNs: unixNanos(piece.baseUnixNs + BigInt(Math.floor(last)) + 1n),
    };
  });
}

function startSpread(times: Float64Array): number {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const time of times) {
    if (time < low) low = time;
    if (time > high) high = time;
  }
  return high - low;
}

/** Rows in order of time, in pieces within the bounds of a chunk. */
function cutRows(times: Float64Array): readonly Uint32Array[] {
  const order = Uint32Array.from(times.keys()).sort((a, b) => times[a]! - times[b]! || a - b);
  const pieces: Uint32Array[] = [];
  const spanNs = Number(CHUNK_SPAN_NS);
  let from = 0;
  for (let i = 1; i <= order.length; i++) {
    const full =
      i === order.length ||
      i - from >= CHUNK_ROWS ||
      times[order[i]!]! - times[order[from]!]! > spanNs;
    if (!full) continue;
    pieces.push(order.slice(from, i));
    from = i;
  }
  return pieces;
}
