/**
 * ExportTraceServiceRequest as OTLP JSON: lowerCamelCase names, unknown names ignored at any depth,
 * 64-bit integers as strings or numbers. Ids are not kept, so their spelling is not looked at.
 */
import { numberOrText } from './any-value-json.ts';
import { type JsonCursor, JsonType } from './json-cursor.ts';
import { Field, fieldOf } from './json-fields.ts';
import { readArray, readRequest, readResourceItem } from './otlp-request-json.ts';
import type { TraceSink } from './sinks.ts';
import type { SpanRecord } from './span-record.ts';

/** Reads every span of `body` into `sink`; throws MalformedInput. */
export function readTracesJson(body: Uint8Array, record: SpanRecord, sink: TraceSink): void {
  readRequest(body, Field.resourceSpans, (cursor) => {
    record.use(cursor.bytes, cursor.view);
    const reader = new SpanReader(cursor, record, sink);
    const scopeSpans = () => reader.scopeSpans();
    const scopes = () => readArray(cursor, 'scopeSpans', scopeSpans);
    return () => readResourceItem(cursor, sink, Field.scopeSpans, scopes);
  });
}

class SpanReader {
  readonly #cursor: JsonCursor;
  readonly #record: SpanRecord;
  readonly #sink: TraceSink;

  constructor(cursor: JsonCursor, record: SpanRecord, sink: TraceSink) {
    this.#cursor = cursor;
    this.#record = record;
    this.#sink = sink;
  }

  scopeSpans(): void {
    const cursor = this.#cursor;
    cursor.enterObject('a scopeSpans');
    while (cursor.nextKey()) {
      if (fieldOf(cursor) !== Field.spans) {
        cursor.skip();
      } else if (!cursor.takeNull()) {
        cursor.enterArray('spans');
        while (cursor.nextItem()) this.#span();
      }
    }
  }

  #span(): void {
    const cursor = this.#cursor;
    const record = this.#record;
    record.reset();
    cursor.enterObject('a span');
    while (cursor.nextKey()) {
      const field = fieldOf(cursor);
      if (field === Field.attributes) {
        if (cursor.takeNull()) continue;
        cursor.enterArray('attributes');
        while (cursor.nextItem()) this.#attribute();
      } else if (field === Field.startTimeUnixNano) {
        const valid = cursor.unsigned64();
        record.startHigh = valid ? cursor.high : 0;
        record.startLow = valid ? cursor.low : 0;
      } else if (field === Field.endTimeUnixNano) {
        const valid = cursor.unsigned64();
        record.endHigh = valid ? cursor.high : 0;
        record.endLow = valid ? cursor.low : 0;
      } else if (field === Field.name && cursor.peek() === JsonType.string) {
        cursor.string();
        record.nameStart = cursor.start;
        record.nameBytes = cursor.end - cursor.start;
      } else {
        cursor.skip();
      }
    }
    this.#sink.span(record);
  }

  #attribute(): void {
    const cursor = this.#cursor;
    let slot = -1;
    let keyRead = false;
    let valueAt = -1;
    cursor.enterObject('an attribute');
    while (cursor.nextKey()) {
      const field = fieldOf(cursor);
      if (field === Field.key && cursor.peek() === JsonType.string) {
        cursor.string();
        slot = this.#record.slotOf(cursor.start, cursor.end - cursor.start);
        keyRead = true;
        if (slot >= 0) this.#record.setEmpty(slot);
      } else if (field === Field.value && keyRead && slot >= 0) {
        this.#value(slot);
      } else {
        cursor.skip();
        if (field === Field.value) valueAt = cursor.start;
      }
    }
    if (slot < 0 || valueAt < 0) return;
    const behind = cursor.pos;
    cursor.pos = valueAt;
    this.#value(slot);
    cursor.pos = behind;
  }

  #value(slot: number): void {
    const cursor = this.#cursor;
    const record = this.#record;
    if (cursor.takeNull()) return;
    if (cursor.peek() !== JsonType.object) {
      cursor.skip();
      record.setOther(slot);
      return;
    }
    cursor.enterObject('an attribute value');
    while (cursor.nextKey()) {
      const field = fieldOf(cursor);
      if (cursor.takeNull()) continue;
      if (field === Field.intValue || field === Field.doubleValue) {
        record.setDouble(slot, numberOrText(cursor));
      } else if (field === Field.stringValue && cursor.peek() === JsonType.string) {
        cursor.string();
        record.setString(slot, cursor.start, cursor.end - cursor.start);
      } else if (field === Field.bytesValue && cursor.peek() === JsonType.string) {
        cursor.string();
        record.setBytes(slot, cursor.start, cursor.end - cursor.start, true);
      } else if (field === Field.arrayValue && cursor.peek() === JsonType.object) {
        this.#list(slot);
      } else {
        cursor.skip();
        if (field >= Field.stringValue && field <= Field.bytesValue) record.setOther(slot);
      }
    }
  }

  #list(slot: number): void {
    const cursor = this.#cursor;
    const record = this.#record;
    record.beginList(slot);
    cursor.enterObject('an array value');
    while (cursor.nextKey()) {
      if (fieldOf(cursor) !== Field.values) {
        cursor.skip();
        continue;
      }
      if (cursor.takeNull()) continue;
      cursor.enterArray('values');
      while (cursor.nextItem()) record.pushMember(slot, this.#member());
    }
  }

  /** A list's member as a number, NaN where it is none. */
  #member(): number {
    const cursor = this.#cursor;
    let value = Number.NaN;
    if (cursor.peek() !== JsonType.object) {
      cursor.skip();
      return value;
    }
    cursor.enterObject('an array member');
    while (cursor.nextKey()) {
      const field = fieldOf(cursor);
      if (field === Field.intValue || field === Field.doubleValue) value = numberOrText(cursor);
      else cursor.skip();
    }
    return value;
  }
}
