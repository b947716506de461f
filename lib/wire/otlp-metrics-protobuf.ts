/**
 * ExportMetricsServiceRequest, protobuf. Field numbers are those of opentelemetry-proto 1.x:
 *
 *     request 1 resource_metrics; ResourceMetrics 1 resource, 2 scope_metrics; ScopeMetrics 2 metrics
 *     Metric              1 name, 3 unit, 5 gauge, 7 sum, 9 histogram, 10 exponential, 11 summary
 *     Gauge, Sum, …       1 data_points; Sum, Histogram also 2 temporality; Sum 3 is_monotonic
 *     NumberDataPoint     3 time, 4 as_double, 6 as_int, 7 attributes, 8 flags
 *     HistogramDataPoint  3 time, 4 count, 5 sum, 6 bucket_counts, 7 bounds, 9 attributes, 10 flags
 *
 * Metrics are few beside spans, so points are objects here.
 */
import { readKeyValue, text } from './any-value-protobuf.ts';
import { readResource } from './otlp-resource-protobuf.ts';
import { ProtobufCursor, WireType } from './protobuf-cursor.ts';
import type { AttributeValue, MetricDescription, MetricSink } from './sinks.ts';

const CUMULATIVE = 2;
const NO_RECORDED_VALUE = 1;

/** Reads every point of `body` into `sink`; throws MalformedInput. */
export function readMetricsProtobuf(body: Uint8Array, sink: MetricSink): void {
  const cursor = new ProtobufCursor(body);
  eachMessage(cursor, 0, body.length, 1, (start, end) => {
    readResource(cursor, start, end, sink);
    eachMessage(cursor, start, end, 2, (scopeStart, scopeEnd) => {
      eachMessage(cursor, scopeStart, scopeEnd, 2, (metricStart, metricEnd) => {
        readMetric(cursor, metricStart, metricEnd, sink);
      });
    });
  });
}

/** Calls `read` with the range of each field `field` of a message; the others are skipped. */
function eachMessage(
  cursor: ProtobufCursor,
  start: number,
  end: number,
  field: number,
  read: (start: number, end: number) => void,
): void {
  cursor.pos = start;
  while (cursor.next(end)) {
    if (cursor.field !== field) {
      cursor.skip(end);
      continue;
    }
    cursor.expectRange(end, 'a nested message');
    const behind = cursor.pos;
    read(cursor.start, cursor.end);
    cursor.pos = behind;
  }
}

const DATA_TYPES: Readonly<Record<number, MetricDescription['type'] | 'unsupported'>> = {
  5: 'gauge',
  7: 'sum',
  9: 'histogram',
  10: 'unsupported',
  11: 'unsupported',
};

function readMetric(cursor: ProtobufCursor, start: number, end: number, sink: MetricSink): void {
  let name = '';
  let unit = '';
  let data: { type: MetricDescription['type'] | 'unsupported'; start: number; end: number } | null =
    null;
  cursor.pos = start;
  while (cursor.next(end)) {
    const { field } = cursor;
    const type = DATA_TYPES[field];
    if (field === 1 || field === 3) {
      cursor.expectRange(end, 'a metric name or unit');
      if (field === 1) name = text(cursor);
      else unit = text(cursor);
    } else if (type !== undefined) {
      cursor.expectRange(end, 'metric data');
      data = { type, start: cursor.start, end: cursor.end };
    } else {
      cursor.skip(end);
    }
  }
  if (data === null) return;
  const { type } = data;
  let temporality = 0;
  let monotonic = false;
  let points = 0;
  cursor.pos = data.start;
  while (cursor.next(data.end)) {
    const { field, wireType } = cursor;
    if (field === 1) points++;
    if ((field === 2 || field === 3) && wireType === WireType.varint) {
      cursor.varint(data.end);
      if (field === 2) temporality = cursor.low;
      else monotonic = cursor.low !== 0;
    } else {
      cursor.skip(data.end);
    }
  }
  if (type === 'unsupported') {
    sink.unsupported(points);
    return;
  }
  const metric: MetricDescription = {
    name,
    unit,
    type,
    cumulative: type !== 'gauge' && temporality === CUMULATIVE,
    monotonic: type === 'sum' && monotonic,
  };
  const readPoint = type === 'histogram' ? readHistogramPoint : readNumberPoint;
  eachMessage(cursor, data.start, data.end, 1, (pointStart, pointEnd) => {
    readPoint(cursor, pointStart, pointEnd, metric, sink);
  });
}

function readNumberPoint(
  cursor: ProtobufCursor,
  start: number,
  end: number,
  metric: MetricDescription,
  sink: MetricSink,
): void {
  const attributes = new Map<string, AttributeValue>();
  let timeHigh = 0;
  let timeLow = 0;
  let value: number | null = null;
  let flags = 0;
  cursor.pos = start;
  while (cursor.next(end)) {
    const { field, wireType } = cursor;
    if (field === 3 && wireType === WireType.fixed64) {
      cursor.fixed64(end);
      timeHigh = cursor.high;
      timeLow = cursor.low;
    } else if (field === 4 && wireType === WireType.fixed64) {
      value = cursor.double(end);
    } else if (field === 6 && wireType === WireType.fixed64) {
      cursor.fixed64(end);
      value = cursor.signed();
    } else if (field === 7) {
      readAttribute(cursor, end, attributes);
    } else if (field === 8 && wireType === WireType.varint) {
      cursor.varint(end);
      flags = cursor.low;
    } else {
      cursor.skip(end);
    }
  }
  sink.point(metric, {
    timeHigh,
    timeLow,
    attributes,
    value,
    count: 1,
    bounds: [],
    buckets: [],
    noValue: (flags & NO_RECORDED_VALUE) !== 0,
  });
}

function readHistogramPoint(
  cursor: ProtobufCursor,
  start: number,
  end: number,
  metric: MetricDescription,
  sink: MetricSink,
): void {
  const attributes = new Map<string, AttributeValue>();
  const bounds: number[] = [];
  const buckets: number[] = [];
  let timeHigh = 0;
  let timeLow = 0;
  let value: number | null = null;
  let count = 0;
  let flags = 0;
  cursor.pos = start;
  while (cursor.next(end)) {
    const { field, wireType } = cursor;
    if (field === 3 && wireType === WireType.fixed64) {
      cursor.fixed64(end);
      timeHigh = cursor.high;
      timeLow = cursor.low;
    } else if (field === 4 && wireType === WireType.fixed64) {
      cursor.fixed64(end);
      count = cursor.unsigned();
    } else if (field === 5 && wireType === WireType.fixed64) {
      value = cursor.double(end);
    } else if (field === 6 || field === 7) {
      readFixedList(cursor, end, field === 6 ? buckets : bounds, field === 7);
    } else if (field === 9) {
      readAttribute(cursor, end, attributes);
    } else if (field === 10 && wireType === WireType.varint) {
      cursor.varint(end);
      flags = cursor.low;
    } else {
      cursor.skip(end);
    }
  }
  const noValue = (flags & NO_RECORDED_VALUE) !== 0;
  sink.point(metric, { timeHigh, timeLow, attributes, value, count, bounds, buckets, noValue });
}

function readAttribute(
  cursor: ProtobufCursor,
  end: number,
  into: Map<string, AttributeValue>,
): void {
  cursor.expectRange(end, 'a point attribute');
  const behind = cursor.pos;
  readKeyValue(cursor, into);
  cursor.pos = behind;
}

/** A repeated 64-bit field, packed or one by one. */
function readFixedList(cursor: ProtobufCursor, end: number, into: number[], asDouble: boolean) {
  if (cursor.wireType === WireType.fixed64) {
    into.push(fixed(cursor, end, asDouble));
    return;
  }
  cursor.expectRange(end, 'a list of 64-bit numbers');
  const listEnd = cursor.end;
  cursor.pos = cursor.start;
  while (cursor.pos < listEnd) into.push(fixed(cursor, listEnd, asDouble));
}

function fixed(cursor: ProtobufCursor, end: number, asDouble: boolean): number {
  if (asDouble) return cursor.double(end);
  cursor.fixed64(end);
  return cursor.unsigned();
}
