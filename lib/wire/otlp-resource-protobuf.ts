/** What ResourceSpans, ResourceMetrics and ResourceLogs have in common. */
import { readKeyValue } from './any-value-protobuf.ts';
import type { ProtobufCursor } from './protobuf-cursor.ts';
import type { Attributes, AttributeValue, ResourceSink } from './sinks.ts';

const NO_ATTRIBUTES: Attributes = new Map();

/**
 * Reads the resource of the ResourceX message in `[start, end)` and hands it to the sink. The
 * resource may come after what it describes, so the message's top level is walked first; its other
 * fields are skipped by their lengths.
 */
export function readResource(
  cursor: ProtobufCursor,
  start: number,
  end: number,
  sink: ResourceSink,
): void {
  const ranges: number[] = [];
  cursor.pos = start;
  while (cursor.next(end)) {
    if (cursor.field === 1) {
      cursor.expectRange(end, 'a resource');
      ranges.push(cursor.start, cursor.end);
    } else {
      cursor.skip(end);
    }
  }
  // Parts of a resource that came in pieces are merged, as protobuf says; that is never cached.
  const [from, to] = ranges;
  if (from !== undefined && to !== undefined && ranges.length === 2) {
    if (sink.knownResource(cursor.bytes, cursor.view, from, to - from)) return;
  }
  if (ranges.length === 0) {
    sink.resource(NO_ATTRIBUTES);
    return;
  }
  const attributes = new Map<string, AttributeValue>();
  for (let i = 0; i < ranges.length; i += 2) {
    const rangeEnd = ranges[i + 1]!;
    cursor.pos = ranges[i]!;
    while (cursor.next(rangeEnd)) {
      if (cursor.field !== 1) {
        cursor.skip(rangeEnd);
        continue;
      }
      cursor.expectRange(rangeEnd, 'a resource attribute');
      const behind = cursor.pos;
      readKeyValue(cursor, attributes);
      cursor.pos = behind;
    }
  }
  sink.resource(attributes);
}
