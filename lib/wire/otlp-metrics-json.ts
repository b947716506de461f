/** ExportMetricsServiceRequest as OTLP JSON. A metric's name may come after its points. */
import { numberOrText, readKeyValues } from './any-value-json.ts';
import { type JsonCursor, JsonType } from './json-cursor.ts';
import { Field, fieldOf } from './json-fields.ts';
import { readArray, readRequest, readResourceItem } from './otlp-request-json.ts';
import type { AttributeValue, MetricDescription, MetricPoint, MetricSink } from './sinks.ts';

const CUMULATIVE = 2;
const NO_RECORDED_VALUE = 1;

type DataType = MetricDescription['type'] | 'unsupported';

const DATA_TYPES: ReadonlyMap<number, DataType> = new Map([
  [Field.gauge, 'gauge'],
  [Field.sum, 'sum'],
  [Field.histogram, 'histogram'],
  [Field.exponentialHistogram, 'unsupported'],
  [Field.summary, 'unsupported'],
]);

/** Reads every point of `body` into `sink`; throws MalformedInput. */
export function readMetricsJson(body: Uint8Array, sink: MetricSink): void {
  readRequest(body, Field.resourceMetrics, (cursor) => {
    const metric = () => readMetric(cursor, sink);
    const scopeMetrics = () => {
      cursor.enterObject('a scopeMetrics');
      while (cursor.nextKey()) {
        if (fieldOf(cursor) === Field.metrics) readArray(cursor, 'metrics', metric);
        else cursor.skip();
      }
    };
    const scopes = () => readArray(cursor, 'scopeMetrics', scopeMetrics);
    return () => readResourceItem(cursor, sink, Field.scopeMetrics, scopes);
  });
}

function readMetric(cursor: JsonCursor, sink: MetricSink): void {
  let name = '';
  let unit = '';
  let data: { readonly type: DataType; readonly at: number } | null = null;
  cursor.enterObject('a metric');
  while (cursor.nextKey()) {
    const field = fieldOf(cursor);
    const type = DATA_TYPES.get(field);
    if (field === Field.name) name = readText(cursor);
    else if (field === Field.unit) unit = readText(cursor);
    else if (type !== undefined && !cursor.takeNull()) {
      cursor.skip();
      data = { type, at: cursor.start };
    } else if (type === undefined) cursor.skip();
  }
  if (data === null) return;
  const behind = cursor.pos;
  cursor.pos = data.at;
  readData(cursor, name, unit, data.type, sink);
  cursor.pos = behind;
}

function readData(
  cursor: JsonCursor,
  name: string,
  unit: string,
  type: DataType,
  sink: MetricSink,
): void {
  let cumulative = false;
  let monotonic = false;
  let pointsAt = -1;
  cursor.enterObject('metric data');
  while (cursor.nextKey()) {
    const field = fieldOf(cursor);
    if (field === Field.aggregationTemporality) cumulative = readCumulative(cursor);
    else if (field === Field.isMonotonic && cursor.peek() === JsonType.true) {
      monotonic = cursor.boolean();
    } else {
      cursor.skip();
      if (field === Field.dataPoints) pointsAt = cursor.start;
    }
  }
  if (pointsAt < 0) return;
  cursor.pos = pointsAt;
  if (type === 'unsupported') {
    let points = 0;
    readArray(cursor, 'dataPoints', () => {
      cursor.skip();
      points++;
    });
    sink.unsupported(points);
    return;
  }
  const metric: MetricDescription = {
    name,
    unit,
    type,
    cumulative: type !== 'gauge' && cumulative,
    monotonic: type === 'sum' && monotonic,
  };
  readArray(cursor, 'dataPoints', () => {
    const point = readPoint(cursor);
    sink.point(
      metric,
      type === 'histogram' ? { ...point, value: point.sum } : { ...point, count: 1 },
    );
  });
}

/** A data point of any kind; the fields that its kind lacks keep their defaults. */
function readPoint(cursor: JsonCursor): MetricPoint & { readonly sum: number | null } {
  const attributes = new Map<string, AttributeValue>();
  let timeHigh = 0;
  let timeLow = 0;
  let value: number | null = null;
  let sum: number | null = null;
  let count = 0;
  let flags = 0;
  const bounds: number[] = [];
  const buckets: number[] = [];
  cursor.enterObject('a data point');
  while (cursor.nextKey()) {
    const field = fieldOf(cursor);
    if (cursor.takeNull()) continue;
    if (field === Field.attributes) readKeyValues(cursor, attributes);
    else if (field === Field.timeUnixNano) {
      const valid = cursor.unsigned64();
      timeHigh = valid ? cursor.high : 0;
      timeLow = valid ? cursor.low : 0;
    } else if (field === Field.asDouble || field === Field.asInt) value = numberOrText(cursor);
    else if (field === Field.sum) sum = numberOrText(cursor);
    else if (field === Field.count) count = numberOrText(cursor);
    else if (field === Field.flags) flags = numberOrText(cursor);
    else if (field === Field.bucketCounts || field === Field.explicitBounds) {
      const list = field === Field.bucketCounts ? buckets : bounds;
      readArray(cursor, 'a list of numbers', () => list.push(numberOrText(cursor)));
    } else cursor.skip();
  }
  const noValue = (flags & NO_RECORDED_VALUE) !== 0;
  return { timeHigh, timeLow, attributes, value, sum, count, bounds, buckets, noValue };
}

function readText(cursor: JsonCursor): string {
  if (cursor.peek() !== JsonType.string) {
    cursor.skip();
    return '';
  }
  cursor.string();
  return cursor.text();
}

/** The enum as an integer, as OTLP asks, or by its name, as some exporters write it. */
function readCumulative(cursor: JsonCursor): boolean {
  if (cursor.peek() === JsonType.string) {
    return readText(cursor) === 'AGGREGATION_TEMPORALITY_CUMULATIVE';
  }
  return numberOrText(cursor) === CUMULATIVE;
}
