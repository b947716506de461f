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
  let from = -1;
  let to = -1;
  /** The ranges of a resource that came in pieces: they are merged, as protobuf says. */
  let pieces: number[] | null = null;
  cursor.pos = start;
  while (cursor.next(end)) {
    if (cursor.field !== 1) {
      cursor.skip(end);
      continue;
    }
    cursor.expectRange(end, 'a resource');
    if (from >= 0) {
      pieces ??= [from, to];
      pieces.push(cursor.start, cursor.end);
    }
    from = cursor.start;
    to = cursor.end;
  }
  if (from < 0) {
    sink.resource(NO_ATTRIBUTES);
    return;
  }
  // What came in pieces is never cached.
  if (pieces === null && sink.knownResource(cursor.bytes, cursor.view, from, to - from)) return;
  const ranges = pieces ?? [from, to];
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
