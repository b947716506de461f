/**
 * ExportTraceServiceRequest, protobuf. Field numbers are those of opentelemetry-proto 1.x:
 *
 *     request        1 resource_spans
 *     ResourceSpans  1 resource, 2 scope_spans
 *     ScopeSpans     2 spans
 *     Span           5 name, 7 start (fixed64), 8 end (fixed64), 9 attributes
 *     KeyValue       1 key, 2 value
 *     AnyValue       1 string, 2 bool, 3 int, 4 double, 5 array, 6 kvlist, 7 bytes
 *
 * The shapes that exporters write (one-byte tags, key before value, small integers) take short
 * paths; everything else that protobuf allows takes the cursor. Ids are skipped by their length.
 */
import { readResource } from './otlp-resource-protobuf.ts';
import { ProtobufCursor, WireType } from './protobuf-cursor.ts';
import type { TraceSink } from './sinks.ts';
import type { SpanRecord } from './span-record.ts';
import type { SpanShapes } from './span-shapes.ts';

/** One-byte tags of the fields that matter. */
const TAG_NAME = 0x2a;
const TAG_START = 0x39;
const TAG_END = 0x41;
const TAG_ATTRIBUTE = 0x4a;
const TAG_KEY = 0x0a;
const TAG_SPAN = 0x12;
/** Field 16, fixed32: two bytes. */
const TAG_FLAGS = 0x85;
const TAG_FLAGS_REST = 0x01;
const TAG_VALUE = 0x12;
const TAG_STRING_VALUE = 0x0a;
const TAG_INT_VALUE = 0x18;

/**
 * Reads every span of `body` into `sink`; throws MalformedInput. `shapes` are those of
 * the spans before and must always come with the same record; null: every span is read plainly.
 */
export function readTracesProtobuf(
  body: Uint8Array,
  record: SpanRecord,
  shapes: SpanShapes | null,
  sink: TraceSink,
): void {
  new TraceReader(body, record, shapes, sink).request();
}

class TraceReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #cursor: ProtobufCursor;
  readonly #record: SpanRecord;
  readonly #shapes: SpanShapes | null;
  readonly #sink: TraceSink;

  constructor(body: Uint8Array, record: SpanRecord, shapes: SpanShapes | null, sink: TraceSink) {
    this.#cursor = new ProtobufCursor(body);
    this.#bytes = body;
    this.#view = this.#cursor.view;
    this.#record = record;
    this.#shapes = shapes;
    this.#sink = sink;
    record.use(body, this.#view);
  }

  request(): void {
    const cursor = this.#cursor;
    const end = this.#bytes.length;
    while (cursor.next(end)) {
      if (cursor.field !== 1) {
        cursor.skip(end);
        continue;
      }
      cursor.expectRange(end, 'resource_spans');
      const behind = cursor.pos;
      this.#resourceSpans(cursor.start, cursor.end);
      cursor.pos = behind;
    }
  }

  #resourceSpans(start: number, end: number): void {
    const cursor = this.#cursor;
    readResource(cursor, start, end, this.#sink);
    cursor.pos = start;
    while (cursor.next(end)) {
      if (cursor.field !== 2) {
        cursor.skip(end);
        continue;
      }
      cursor.expectRange(end, 'scope_spans');
      const behind = cursor.pos;
      this.#scopeSpans(cursor.start, cursor.end);
      cursor.pos = behind;
    }
  }

  #scopeSpans(start: number, end: number): void {
    const cursor = this.#cursor;
    const bytes = this.#bytes;
    const view = this.#view;
    const record = this.#record;
    const shapes = this.#shapes;
    const sink = this.#sink;
    let pos = start;
    while (pos < end) {
      if (bytes[pos] === TAG_SPAN && end - pos >= 3 && bytes[pos + 2]! < 128) {
        // A span whose length takes one byte or two.
        let byteCount = bytes[pos + 1]!;
        let at = pos + 2;
        if (byteCount > 127) byteCount = (byteCount & 127) | (bytes[at++]! << 7);
        if (byteCount > end - at) cursor.fail('a span runs past the end of its message', pos);
        pos = at + byteCount;
        if (shapes === null || !shapes.read(view, at, pos, record)) {
          record.reset();
          this.#span(at, pos);
          shapes?.learn(record, at, pos);
        }
        sink.span(record);
        continue;
      }
      cursor.pos = pos;
      cursor.next(end);
      if (cursor.field === 2) {
        cursor.expectRange(end, 'a span');
        pos = cursor.pos;
        record.reset();
        this.#span(cursor.start, cursor.end);
        sink.span(record);
      } else {
        cursor.skip(end);
        pos = cursor.pos;
      }
    }
  }

  #span(start: number, end: number): void {
    const bytes = this.#bytes;
    const view = this.#view;
    const record = this.#record;
    const cursor = this.#cursor;
    let pos = start;
    while (pos < end) {
      const tag = bytes[pos]!;
      if ((tag & 0x87) === 0x02 && tag > 7) {
        // A length-delimited field below 16.
        if (pos + 1 >= end) cursor.fail('a length is missing', pos);
        let byteCount = bytes[pos + 1]!;
        pos += 2;
        if (byteCount > 127) {
          cursor.pos = pos - 1;
          cursor.range(end);
          pos = cursor.start;
          byteCount = cursor.end - pos;
        } else if (byteCount > end - pos) {
          cursor.fail('a length runs past the end of its message', pos - 1);
        }
        if (tag === TAG_ATTRIBUTE) {
          this.#attribute(pos, pos + byteCount);
        } else if (tag === TAG_NAME) {
          record.nameStart = pos;
          record.nameBytes = byteCount;
        }
        pos += byteCount;
      } else if (tag === TAG_START) {
        if (end - pos < 9) cursor.fail('a start time runs past the end of its span', pos);
        record.startLow = view.getUint32(pos + 1, true);
        record.startHigh = view.getUint32(pos + 5, true);
        pos += 9;
      } else if (tag === TAG_END) {
        if (end - pos < 9) cursor.fail('an end time runs past the end of its span', pos);
        record.endLow = view.getUint32(pos + 1, true);
        record.endHigh = view.getUint32(pos + 5, true);
        pos += 9;
      } else if ((tag & 0x87) === 0 && tag > 7 && pos + 1 < end && bytes[pos + 1]! < 128) {
        // A small integer that does not matter, such as the span's kind.
        pos += 2;
      } else if (tag === TAG_FLAGS && end - pos >= 6 && bytes[pos + 1] === TAG_FLAGS_REST) {
        pos += 6;
      } else {
        cursor.pos = pos;
        this.#rareSpanField(end);
        pos = cursor.pos;
      }
    }
  }

  /** A field of the span that does not matter, or one whose tag is written the long way. */
  #rareSpanField(end: number): void {
    const cursor = this.#cursor;
    const record = this.#record;
    cursor.next(end);
    const { field, wireType } = cursor;
    if (field === 7 && wireType === WireType.fixed64) {
      cursor.fixed64(end);
      record.startLow = cursor.low;
      record.startHigh = cursor.high;
    } else if (field === 8 && wireType === WireType.fixed64) {
      cursor.fixed64(end);
      record.endLow = cursor.low;
      record.endHigh = cursor.high;
    } else if (field === 5 && wireType === WireType.bytes) {
      cursor.range(end);
      record.nameStart = cursor.start;
      record.nameBytes = cursor.end - cursor.start;
    } else if (field === 9 && wireType === WireType.bytes) {
      cursor.range(end);
      const behind = cursor.pos;
      this.#attribute(cursor.start, cursor.end);
      cursor.pos = behind;
    } else {
      cursor.skip(end);
    }
  }

  #attribute(start: number, end: number): void {
    const bytes = this.#bytes;
    if (end - start >= 4 && bytes[start] === TAG_KEY) {
      const keyBytes = bytes[start + 1]!;
      const valueAt = start + 2 + keyBytes;
      if (
        keyBytes < 128 &&
        valueAt + 2 <= end &&
        bytes[valueAt] === TAG_VALUE &&
        valueAt + 2 + bytes[valueAt + 1]! === end &&
        bytes[valueAt + 1]! < 128
      ) {
        const slot = this.#record.slotOf(start + 2, keyBytes);
        if (slot >= 0) this.#value(slot, valueAt + 2, end);
        return;
      }
    }
    this.#rareAttribute(start, end);
  }

  #rareAttribute(start: number, end: number): void {
    const cursor = this.#cursor;
    let keyStart = start;
    let keyEnd = start;
    let valueStart = -1;
    let valueEnd = -1;
    cursor.pos = start;
    while (cursor.next(end)) {
      if (cursor.field === 1) {
        cursor.expectRange(end, 'an attribute key');
        keyStart = cursor.start;
        keyEnd = cursor.end;
      } else if (cursor.field === 2) {
        cursor.expectRange(end, 'an attribute value');
        valueStart = cursor.start;
        valueEnd = cursor.end;
      } else {
        cursor.skip(end);
      }
    }
    const slot = this.#record.slotOf(keyStart, keyEnd - keyStart);
    if (slot < 0) return;
    if (valueStart < 0) this.#record.setEmpty(slot);
    else this.#value(slot, valueStart, valueEnd);
  }

  #value(slot: number, start: number, end: number): void {
    const bytes = this.#bytes;
    const tag = bytes[start]!;
    const byteCount = end - start;
    if (byteCount >= 2) {
      const first = bytes[start + 1]!;
      if (tag === TAG_INT_VALUE) {
        if (byteCount === 2 && first < 128) {
          this.#record.setInteger(slot, first);
          return;
        }
        if (byteCount === 3 && first > 127 && bytes[start + 2]! < 128) {
          this.#record.setInteger(slot, (first & 127) | (bytes[start + 2]! << 7));
          return;
        }
      } else if (tag === TAG_STRING_VALUE && first === byteCount - 2 && first < 128) {
        this.#record.setString(slot, start + 2, first);
        return;
      }
    }
    this.#rareValue(slot, start, end);
  }

  #rareValue(slot: number, start: number, end: number): void {
    const cursor = this.#cursor;
    const record = this.#record;
    record.setEmpty(slot);
    let isList = false;
    cursor.pos = start;
    while (cursor.next(end)) {
      const { field, wireType } = cursor;
      const wasList = isList;
      isList = field === 5 && wireType === WireType.bytes;
      if (field === 3 && wireType === WireType.varint) {
        cursor.varint(end);
        record.setInteger(slot, cursor.signed());
      } else if (field === 1 && wireType === WireType.bytes) {
        cursor.range(end);
        record.setString(slot, cursor.start, cursor.end - cursor.start);
      } else if (field === 4 && wireType === WireType.fixed64) {
        record.setDouble(slot, cursor.double(end));
      } else if (isList) {
        cursor.range(end);
        const behind = cursor.pos;
        // A list in two pieces is one list.
        if (!wasList) record.beginList(slot);
        this.#list(slot, cursor.start, cursor.end);
        cursor.pos = behind;
      } else if (field === 7 && wireType === WireType.bytes) {
        cursor.range(end);
        record.setBytes(slot, cursor.start, cursor.end - cursor.start, false);
      } else {
        cursor.skip(end);
        if (field === 2 || field === 6 || field === 7) record.setOther(slot);
      }
    }
  }

  #list(slot: number, start: number, end: number): void {
    const cursor = this.#cursor;
    const record = this.#record;
    cursor.pos = start;
    while (cursor.next(end)) {
      if (cursor.field !== 1) {
        cursor.skip(end);
        continue;
      }
      cursor.expectRange(end, 'an array member');
      const behind = cursor.pos;
      record.pushMember(slot, this.#member(cursor.start, cursor.end));
      cursor.pos = behind;
    }
  }

  /** A list's member as a number, NaN where it is none. */
  #member(start: number, end: number): number {
    const cursor = this.#cursor;
    let value = Number.NaN;
    cursor.pos = start;
    while (cursor.next(end)) {
      const { field, wireType } = cursor;
      if (field === 3 && wireType === WireType.varint) {
        cursor.varint(end);
        value = cursor.signed();
      } else if (field === 4 && wireType === WireType.fixed64) {
        value = cursor.double(end);
      } else {
        cursor.skip(end);
      }
    }
    return value;
  }
}
