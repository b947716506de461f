/** OTLP attributes as values: for resources and metric points, not for spans. */
import { type ProtobufCursor, WireType } from './protobuf-cursor.ts';
import type { AttributeValue } from './sinks.ts';

const MAX_DEPTH = 32;
const utf8 = new TextDecoder();

/** Reads the KeyValue in `[cursor.start, cursor.end)` into `into`; the last of equal keys stays. */
export function readKeyValue(cursor: ProtobufCursor, into: Map<string, AttributeValue>): void {
  const [key, value] = keyValue(cursor, cursor.start, cursor.end, 0);
  into.set(key, value);
}

function keyValue(
  cursor: ProtobufCursor,
  start: number,
  end: number,
  depth: number,
): [key: string, value: AttributeValue] {
  let key = '';
  let value: AttributeValue = null;
  cursor.pos = start;
  while (cursor.next(end)) {
    if (cursor.field === 1) {
      cursor.expectRange(end, 'an attribute key');
      key = text(cursor);
    } else if (cursor.field === 2) {
      cursor.expectRange(end, 'an attribute value');
      const behind = cursor.pos;
      value = anyValue(cursor, cursor.start, cursor.end, depth);
      cursor.pos = behind;
    } else {
      cursor.skip(end);
    }
  }
  return [key, value];
}

function anyValue(
  cursor: ProtobufCursor,
  start: number,
  end: number,
  depth: number,
): AttributeValue {
  if (depth > MAX_DEPTH) cursor.fail(`an attribute nested deeper than ${MAX_DEPTH} levels`, start);
  let value: AttributeValue = null;
  cursor.pos = start;
  while (cursor.next(end)) {
    const { field, wireType } = cursor;
    if (field === 1 && wireType === WireType.bytes) {
      cursor.range(end);
      value = text(cursor);
    } else if (field === 2 && wireType === WireType.varint) {
      cursor.varint(end);
      value = cursor.unsigned() !== 0;
    } else if (field === 3 && wireType === WireType.varint) {
      cursor.varint(end);
      value = cursor.signed();
    } else if (field === 4 && wireType === WireType.fixed64) {
      value = cursor.double(end);
    } else if (field === 5 && wireType === WireType.bytes) {
      cursor.range(end);
      value = arrayValue(cursor, depth);
    } else if (field === 6 && wireType === WireType.bytes) {
      cursor.range(end);
      value = kvlistValue(cursor, depth);
    } else if (field === 7 && wireType === WireType.bytes) {
      cursor.range(end);
      value = base64(cursor.bytes.subarray(cursor.start, cursor.end));
    } else {
      cursor.skip(end);
    }
  }
  return value;
}

/** An ArrayValue in the cursor's range. */
function arrayValue(cursor: ProtobufCursor, depth: number): AttributeValue[] {
  const behind = cursor.pos;
  const { end } = cursor;
  const values: AttributeValue[] = [];
  cursor.pos = cursor.start;
  while (cursor.next(end)) {
    if (cursor.field !== 1) {
      cursor.skip(end);
      continue;
    }
    cursor.expectRange(end, 'an array member');
    const next = cursor.pos;
    values.push(anyValue(cursor, cursor.start, cursor.end, depth + 1));
    cursor.pos = next;
  }
  cursor.pos = behind;
  return values;
}

/** A KeyValueList in the cursor's range. */
function kvlistValue(cursor: ProtobufCursor, depth: number): AttributeValue {
  const behind = cursor.pos;
  const { end } = cursor;
  const entries: [string, AttributeValue][] = [];
  cursor.pos = cursor.start;
  while (cursor.next(end)) {
    if (cursor.field !== 1) {
      cursor.skip(end);
      continue;
    }
    cursor.expectRange(end, 'a list entry');
    const next = cursor.pos;
    entries.push(keyValue(cursor, cursor.start, cursor.end, depth + 1));
    cursor.pos = next;
  }
  cursor.pos = behind;
  return Object.fromEntries(entries);
}

/** The cursor's range as text; bytes that are not UTF-8 become U+FFFD. */
export function text(cursor: ProtobufCursor): string {
  return utf8.decode(cursor.bytes.subarray(cursor.start, cursor.end));
}

function base64(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}
