/** What the three OTLP requests have in common in JSON. */
import { readKeyValues } from './any-value-json.ts';
import { JsonCursor } from './json-cursor.ts';
import { Field, fieldOf } from './json-fields.ts';
import type { AttributeValue, ResourceSink } from './sinks.ts';

/** One request in `body`: calls `readItem` at each member of the array `listField`. */
export function readRequest(
  body: Uint8Array,
  listField: number,
  prepare: (cursor: JsonCursor) => () => void,
): void {
  const cursor = JsonCursor.over(body);
  const readItem = prepare(cursor);
  cursor.enterObject('the request');
  while (cursor.nextKey()) {
    if (fieldOf(cursor) === listField) readArray(cursor, 'the list of resources', readItem);
    else cursor.skip();
  }
  if (cursor.more()) cursor.fail('text behind the end of the request');
}

/** Calls `readItem` at each member of the array that comes next; null is an empty one. */
export function readArray(cursor: JsonCursor, what: string, readItem: () => void): void {
  if (cursor.takeNull()) return;
  cursor.enterArray(what);
  while (cursor.nextItem()) readItem();
}

/**
 * One ResourceSpans, ResourceMetrics or ResourceLogs: the resource goes to the sink before
 * `readScopes` is called at the value of `scopesField`, in whichever order they come.
 */
export function readResourceItem(
  cursor: JsonCursor,
  sink: ResourceSink,
  scopesField: number,
  readScopes: () => void,
): void {
  let resourceRead = false;
  const deferred: number[] = [];
  cursor.enterObject('a resource item');
  while (cursor.nextKey()) {
    const field = fieldOf(cursor);
    if (field === Field.resource) {
      readResource(cursor, sink);
      resourceRead = true;
    } else if (field === scopesField && resourceRead) {
      readScopes();
    } else {
      cursor.skip();
      if (field === scopesField) deferred.push(cursor.start);
    }
  }
  if (deferred.length === 0) return;
  if (!resourceRead) sink.resource(new Map());
  const behind = cursor.pos;
  for (const at of deferred) {
    cursor.pos = at;
    readScopes();
  }
  cursor.pos = behind;
}

function readResource(cursor: JsonCursor, sink: ResourceSink): void {
  const attributes = new Map<string, AttributeValue>();
  if (cursor.takeNull()) {
    sink.resource(attributes);
    return;
  }
  cursor.skip();
  const { start, end } = cursor;
  if (sink.knownResource(cursor.bytes, cursor.view, start, end - start)) return;
  cursor.pos = start;
  cursor.enterObject('a resource');
  while (cursor.nextKey()) {
    if (fieldOf(cursor) === Field.attributes) readKeyValues(cursor, attributes);
    else cursor.skip();
  }
  sink.resource(attributes);
}
