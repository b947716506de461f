/** Metric points as rows. Metrics need no afd.* attribute: DCGM and the engines send theirs as is. */
import { unixNanos } from '#lib/base/units.ts';
import type { MetricSeries, MetricTable } from '#lib/table/metric-table.ts';
import { workerId } from '#lib/table/worker-info.ts';
import type {
  Attributes,
  AttributeValue,
  MetricDescription,
  MetricPoint,
  MetricSink,
} from '#lib/wire/sinks.ts';
import type { DecodeLimits } from './decode-limits.ts';
import { MAX_SPREAD_NS } from './open-tables.ts';
import { RejectTally } from './reject-tally.ts';
import type { Resources, Source } from './resources.ts';

/** Names under which a point may tell its GPU, as OpenTelemetry and dcgm-exporter do. */
const HW_ID_KEYS = ['hw.id', 'UUID', 'gpu_uuid'];
/** A point with longer attributes, or more buckets, is no metric that we know how to show. */
const MAX_ATTRIBUTES_LENGTH = 4096;
const MAX_BUCKETS = 1024;
const MAX_TABLES = 64;

interface Row {
  readonly series: MetricSeries;
  readonly timeUnixNs: bigint;
  readonly value: number;
  readonly count: number;
  readonly buckets: readonly number[];
}

export class MetricColumns implements MetricSink {
  readonly tally = new RejectTally();
  received = 0;
  readonly #resources: Resources;
  readonly #limits: DecodeLimits;
  /** Series of all requests so far: what bounds them. */
  readonly #known: Set<string>;
  readonly #series = new Map<string, MetricSeries>();
  readonly #rows: Row[] = [];

  constructor(resources: Resources, known: Set<string>, limits: DecodeLimits) {
    this.#resources = resources;
    this.#known = known;
    this.#limits = limits;
  }

  knownResource(bytes: Uint8Array, view: DataView, start: number, byteCount: number): boolean {
    return this.#resources.knownResource(bytes, view, start, byteCount);
  }

  resource(attributes: Attributes): void {
    this.#resources.resource(attributes);
  }

  unsupported(points: number): void {
    this.received += points;
    if (points === 0) return;
    this.tally.count(this.#resources.current.countedUnder, 'unsupported_metric', points);
  }

  point(metric: MetricDescription, point: MetricPoint): void {
    this.received++;
    const source = this.#resources.current;
    const deployment = source.countedUnder;
    if (source.refusal === 'own_telemetry') {
      this.tally.count(deployment, 'own_telemetry');
      return;
    }
    const timeUnixNs = (BigInt(point.timeHigh) << 32n) + BigInt(point.timeLow);
    if (timeUnixNs === 0n || timeUnixNs < this.#limits.minUnixNs || timeUnixNs >= 1n << 63n) {
      this.tally.count(deployment, 'bad_time');
      return;
    }
    const attributes = point.attributes.size === 0 ? '' : canonicalJson(point.attributes);
    const problem = badPoint(metric, point, attributes);
    if (problem !== '') {
      this.tally.count(deployment, 'bad_attribute');
      this.tally.firstBadAttribute ||= problem;
      return;
    }
    const series = this.#seriesOf(source, metric, point, attributes);
    if (series === null) {
      this.tally.count(deployment, 'cardinality');
      return;
    }
    const { count, buckets } = point;
    this.#rows.push({ series, timeUnixNs, value: point.value ?? 0, count, buckets });
  }

  finish(): MetricTable[] {
    const rows = this.#rows.sort((a, b) =>
      a.timeUnixNs < b.timeUnixNs ? -1 : a.timeUnixNs > b.timeUnixNs ? 1 : 0,
    );
    const tables: MetricTable[] = [];
    let from = 0;
    for (let i = 1; i <= rows.length; i++) {
      const open = rows[from]!;
      if (i < rows.length && Number(rows[i]!.timeUnixNs - open.timeUnixNs) <= MAX_SPREAD_NS)
        continue;
      if (tables.length < MAX_TABLES) tables.push(tableOf(rows.slice(from, i)));
      else this.tally.count('', 'bad_time', i - from);
      from = i;
    }
    return tables;
  }

  /** null: one series or deployment too many. */
  #seriesOf(
    source: Source,
    metric: MetricDescription,
    point: MetricPoint,
    attributes: string,
  ): MetricSeries | null {
    const { facts, worker } = source;
    const series: MetricSeries = {
      deployment: facts.deployment,
      workerId: worker === null ? '' : workerId(worker),
      host: facts.host,
      hwId: facts.hwId || hwIdOf(point.attributes),
      name: metric.name,
      unit: metric.unit,
      type: metric.type,
      cumulative: metric.cumulative,
      monotonic: metric.monotonic,
      attributes,
      bounds: point.bounds,
    };
    const key = JSON.stringify(series);
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    if (!this.#known.has(key)) {
      if (this.#known.size >= this.#limits.maxSeries) return null;
      if (!this.#resources.admitMetrics(source)) return null;
      this.#known.add(key);
    }
    this.#series.set(key, series);
    return series;
  }
}

/** Why a point cannot be stored, in words; '' where it can. */
function badPoint(metric: MetricDescription, point: MetricPoint, attributes: string): string {
  const { value, count, bounds, buckets } = point;
  if (metric.name === '' || metric.name.length > 256 || metric.unit.length > 256) {
    return 'a metric needs a name, and name and unit have at most 256 characters';
  }
  if (attributes.length > MAX_ATTRIBUTES_LENGTH) {
    return `the attributes of a point have at most ${MAX_ATTRIBUTES_LENGTH} characters`;
  }
  if (point.noValue || (value === null && metric.type !== 'histogram')) {
    return 'a metric point needs a value';
  }
  if (value !== null && !Number.isFinite(value)) return 'a value must be finite';
  if (metric.type !== 'histogram') return '';
  if (!(Number.isInteger(count) && count >= 0)) return 'a histogram needs a count';
  if (buckets.length > MAX_BUCKETS || !buckets.every((n) => Number.isInteger(n) && n >= 0)) {
    return `a histogram has at most ${MAX_BUCKETS} buckets with counts from 0`;
  }
  const boundsRight =
    buckets.length === 0 ? bounds.length === 0 : bounds.length === buckets.length - 1;
  if (!boundsRight || !bounds.every(Number.isFinite)) {
    return 'a histogram has one more bucket than bounds';
  }
  return '';
}

function tableOf(rows: readonly Row[]): MetricTable {
  const base = rows[0]!.timeUnixNs;
  const series: MetricSeries[] = [];
  const indexOf = new Map<MetricSeries, number>();
  const seriesIndex = new Int32Array(rows.length);
  const offsets = new Uint32Array(rows.length + 1);
  const buckets: number[] = [];
  rows.forEach((row, i) => {
    let index = indexOf.get(row.series);
    if (index === undefined) {
      index = series.length;
      series.push(row.series);
      indexOf.set(row.series, index);
    }
    seriesIndex[i] = index;
    for (const count of row.buckets) buckets.push(count);
    offsets[i + 1] = buckets.length;
  });
  return {
    length: rows.length,
    baseUnixNs: unixNanos(base),
    series,
    seriesIndex,
    timeNs: Float64Array.from(rows, (row) => Number(row.timeUnixNs - base)),
    value: Float64Array.from(rows, (row) => row.value),
    count: Float64Array.from(rows, (row) => row.count),
    buckets: buckets.length === 0 ? null : { offsets, values: Float64Array.from(buckets) },
  };
}

function hwIdOf(attributes: Attributes): string {
  for (const key of HW_ID_KEYS) {
    const value = attributes.get(key);
    if (typeof value === 'string' && value !== '' && value.length <= 256) return value;
  }
  return '';
}

/** JSON with sorted keys at every depth, so that equal attributes are equal texts. */
function canonicalJson(attributes: Attributes): string {
  return JSON.stringify(sorted(Object.fromEntries(attributes)));
}

function sorted(value: AttributeValue): AttributeValue {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value) as [string, AttributeValue][];
  entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return Object.fromEntries(entries.map(([key, member]) => [key, sorted(member)]));
}
