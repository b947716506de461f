/** The field names of OTLP JSON that matter, as small integers; any other name is -1. */
import { ByteStringTable } from './byte-string-table.ts';
import type { JsonCursor } from './json-cursor.ts';

const NAMES = [
  'resourceSpans',
  'resource',
  'scopeSpans',
  'spans',
  'name',
  'startTimeUnixNano',
  'endTimeUnixNano',
  'attributes',
  'key',
  'value',
  'stringValue',
  'boolValue',
  'intValue',
  'doubleValue',
  'arrayValue',
  'kvlistValue',
  'bytesValue',
  'values',
  'resourceMetrics',
  'scopeMetrics',
  'metrics',
  'unit',
  'gauge',
  'sum',
  'histogram',
  'exponentialHistogram',
  'summary',
  'dataPoints',
  'aggregationTemporality',
  'isMonotonic',
  'timeUnixNano',
  'asDouble',
  'asInt',
  'count',
  'bucketCounts',
  'explicitBounds',
  'flags',
  'resourceLogs',
  'scopeLogs',
  'logRecords',
  'traceEvents',
] as const;
type FieldName = (typeof NAMES)[number];

export const Field = Object.fromEntries(NAMES.map((name, index) => [name, index])) as Readonly<
  Record<FieldName, number>
>;

const table = new ByteStringTable(NAMES.length);
for (const name of NAMES) table.internText(name);

/** The field that `cursor.nextKey` found, or -1. */
export function fieldOf(cursor: JsonCursor): number {
  return table.find(cursor.view, cursor.start, cursor.end - cursor.start);
}
