/** OTLP JSON attributes as values: for resources and metric points, not for spans. */
import { type JsonCursor, JsonType } from './json-cursor.ts';
import { Field, fieldOf } from './json-fields.ts';
import type { AttributeValue } from './sinks.ts';

/** Reads an array of KeyValue into `into`; the last of equal keys stays. */
export function readKeyValues(cursor: JsonCursor, into: Map<string, AttributeValue>): void {
  if (cursor.takeNull()) return;
  cursor.enterArray('attributes');
  while (cursor.nextItem()) {
    const [key, value] = keyValue(cursor);
    into.set(key, value);
  }
}

function keyValue(cursor: JsonCursor): [key: string, value: AttributeValue] {
  let key = '';
  let value: AttributeValue = null;
  cursor.enterObject('an attribute');
  while (cursor.nextKey()) {
    const field = fieldOf(cursor);
    if (field === Field.key && cursor.peek() === JsonType.string) {
      cursor.string();
      key = cursor.text();
    } else if (field === Field.value && cursor.peek() === JsonType.object) {
      value = anyValue(cursor);
    } else {
      cursor.skip();
    }
  }
  return [key, value];
}

function anyValue(cursor: JsonCursor): AttributeValue {
  let value: AttributeValue = null;
  cursor.enterObject('an attribute value');
  while (cursor.nextKey()) {
    const field = fieldOf(cursor);
    const type = cursor.peek();
    if ((field === Field.stringValue || field === Field.bytesValue) && type === JsonType.string) {
      cursor.string();
      value = cursor.text();
    } else if (field === Field.boolValue && (type === JsonType.true || type === JsonType.false)) {
      value = cursor.boolean();
    } else if (field === Field.intValue || field === Field.doubleValue) {
      value = numberOrText(cursor);
    } else if (field === Field.arrayValue && type === JsonType.object) {
      value = arrayValue(cursor);
    } else if (field === Field.kvlistValue && type === JsonType.object) {
      value = kvlistValue(cursor);
    } else {
      cursor.skip();
    }
  }
  return value;
}

/** A number, written as such or as a string; NaN where it is neither. */
export function numberOrText(cursor: JsonCursor): number {
  const type = cursor.peek();
  if (type === JsonType.number) cursor.number();
  else if (type === JsonType.string) cursor.string();
  else {
    cursor.skip();
    return Number.NaN;
  }
  return cursor.toDouble();
}

function arrayValue(cursor: JsonCursor): AttributeValue[] {
  const values: AttributeValue[] = [];
  cursor.enterObject('an array value');
  while (cursor.nextKey()) {
    if (fieldOf(cursor) !== Field.values || cursor.peek() !== JsonType.array) {
      cursor.skip();
      continue;
    }
    cursor.enterArray('values');
    while (cursor.nextItem()) values.push(anyValue(cursor));
  }
  return values;
}

function kvlistValue(cursor: JsonCursor): AttributeValue {
  const entries: [string, AttributeValue][] = [];
  cursor.enterObject('a key-value list');
  while (cursor.nextKey()) {
    if (fieldOf(cursor) !== Field.values || cursor.peek() !== JsonType.array) {
      cursor.skip();
      continue;
    }
    cursor.enterArray('values');
    while (cursor.nextItem()) entries.push(keyValue(cursor));
  }
  return Object.fromEntries(entries);
}
