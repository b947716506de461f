/** Cuts what was read into batches of bounded size, and notes what they bring. */
import type { ImportedDeployment } from '#lib/api/imports.ts';
import { type UnixNanos, unixNanos } from '#lib/base/units.ts';
import type { TelemetryBatch, TimeWindow } from '#lib/store/telemetry-store.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { selectRows, sortByStart, tableSpan } from '#lib/table/event-tables.ts';
import { earlierOf, laterOf } from '#lib/table/instants.ts';
import type { MetricTable } from '#lib/table/metric-table.ts';
import type { PackedTable } from '#lib/table/packed-table.ts';
import { isPackedTable, packedSpan } from '#lib/table/packed-tables.ts';
import type { RejectCounts } from '#lib/table/reject-reasons.ts';
import { type WorkerInfo, workerId } from '#lib/table/worker-info.ts';

/** Of one batch: some 100 ms of the ingest thread's time, after which requests get their turn. */
export const BATCH_EVENTS = 131_072;

/** Tables of at most `BATCH_EVENTS` rows, in order of time inside a table. */
export function* cutTables(table: EventTable): Generator<EventTable> {
  if (table.length <= BATCH_EVENTS) {
    if (table.length > 0) yield table;
    return;
  }
  const rows = Uint32Array.from({ length: table.length }, (_, i) => i);
  sortByStart(rows, table.startNs);
  for (let at = 0; at < rows.length; at += BATCH_EVENTS) {
    yield selectRows(table, rows.subarray(at, at + BATCH_EVENTS));
  }
}

/** Groups tables into batches; `rejected` goes with the first. */
export class BatchMaker {
  readonly #prefix: string;
  readonly #receivedUnixNs: UnixNanos;
  #rejected: ReadonlyMap<string, RejectCounts>;
  #number = 0;
  #events: EventTable[] = [];
  #packed: PackedTable[] = [];
  #metrics: MetricTable[] = [];
  #size = 0;

  /** `prefix`: of the batches' ids. */
  constructor(
    prefix: string,
    receivedUnixNs: UnixNanos,
    rejected: ReadonlyMap<string, RejectCounts>,
  ) {
    this.#prefix = prefix;
    this.#receivedUnixNs = receivedUnixNs;
    this.#rejected = rejected;
  }

  /** A batch when one is full, else null. */
  add(table: EventTable | PackedTable): TelemetryBatch | null {
    if (isPackedTable(table)) this.#packed.push(table);
    else this.#events.push(table);
    this.#size += isPackedTable(table) ? table.events : table.length;
    return this.#size >= BATCH_EVENTS ? this.take() : null;
  }

  addMetrics(table: MetricTable): TelemetryBatch | null {
    this.#metrics.push(table);
    this.#size += table.length;
    return this.#size >= BATCH_EVENTS ? this.take() : null;
  }

  /** What is left; null: nothing. */
  take(): TelemetryBatch | null {
    if (this.#size === 0) return null;
    const batch: TelemetryBatch = {
      batchId: `${this.#prefix}${this.#number++}`,
      receivedUnixNs: this.#receivedUnixNs,
      events: this.#events,
      packed: this.#packed,
      metrics: this.#metrics,
      rejected: this.#rejected,
      logRecords: 0,
    };
    this.#rejected = new Map();
    this.#events = [];
    this.#packed = [];
    this.#metrics = [];
    this.#size = 0;
    return batch;
  }
}

interface Contents {
  span: TimeWindow | null;
  events: number;
  points: number;
  readonly steps: Set<string>;
  readonly workers: Set<string>;
}

/** What tables hold, by deployment. */
export class ContentsTally {
  readonly #deployments = new Map<string, Contents>();

  add(table: EventTable | PackedTable): void {
    const packed = isPackedTable(table);
    const span = packed ? packedSpan(table) : tableSpan(table);
    if (span === null) return;
    let last = '';
    for (let i = 0; i < table.length; i++) {
      const info = table.workers[table.worker[i]!]!;
      const contents = this.#of(info.deployment);
      contents.events += packed ? table.stepEvents[i]! : 1;
      const step = table.step[i]!;
      const key = `${info.deployment}\0${table.domain[i]} ${step}`;
      if (step < 0 || key === last) continue;
      last = key;
      contents.steps.add(key);
    }
    for (const info of usedWorkers(table)) {
      const contents = this.#of(info.deployment);
      contents.workers.add(workerId(info));
      contents.span = joined(contents.span, span);
    }
  }

  addMetrics(table: MetricTable): void {
    for (let i = 0; i < table.length; i++) {
      this.#of(table.series[table.seriesIndex[i]!]!.deployment).points++;
    }
    for (const { deployment } of table.series) {
      const contents = this.#of(deployment);
      contents.span = joined(contents.span, metricSpan(table));
    }
  }

  get events(): number {
    return this.#sum(({ events }) => events);
  }

  get points(): number {
    return this.#sum(({ points }) => points);
  }

  /** What retention must keep, by deployment. */
  spans(): ReadonlyMap<string, TimeWindow> {
    const found = new Map<string, TimeWindow>();
    for (const [name, { span }] of this.#deployments) if (span !== null) found.set(name, span);
    return found;
  }

  deployments(): ImportedDeployment[] {
    return [...this.#deployments].map(([deployment, contents]) => ({
      deployment,
      window:
        contents.span === null || contents.events === 0
          ? null
          : {
              fromUnixNs: String(contents.span.fromUnixNs),
              toUnixNs: String(contents.span.toUnixNs),
            },
      events: contents.events,
      points: contents.points,
      steps: contents.steps.size,
      workers: contents.workers.size,
    }));
  }

  #sum(value: (contents: Contents) => number): number {
    return [...this.#deployments.values()].reduce((sum, one) => sum + value(one), 0);
  }

  #of(deployment: string): Contents {
    const known = this.#deployments.get(deployment);
    if (known !== undefined) return known;
    const made = {
      span: null,
      events: 0,
      points: 0,
      steps: new Set<string>(),
      workers: new Set<string>(),
    };
    this.#deployments.set(deployment, made);
    return made;
  }
}

function usedWorkers(table: EventTable | PackedTable): readonly WorkerInfo[] {
  const used = new Set(table.worker);
  return table.workers.filter((_, index) => used.has(index));
}

function metricSpan(table: MetricTable): TimeWindow | null {
  if (table.length === 0) return null;
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  for (const time of table.timeNs) {
    if (time < first) first = time;
    if (time > last) last = time;
  }
  return {
    fromUnixNs: unixNanos(table.baseUnixNs + BigInt(Math.floor(first))),
    toUnixNs: unixNanos(table.baseUnixNs + BigInt(Math.floor(last)) + 1n),
  };
}

function joined(a: TimeWindow | null, b: TimeWindow | null): TimeWindow | null {
  if (a === null || b === null) return a ?? b;
  return {
    fromUnixNs: earlierOf(a.fromUnixNs, b.fromUnixNs),
    toUnixNs: laterOf(a.toUnixNs, b.toUnixNs),
  };
}
