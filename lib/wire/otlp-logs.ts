/** Log records are counted, not stored: the number in an ExportLogsServiceRequest. */
import { Field, fieldOf } from './json-fields.ts';
import { readArray, readRequest } from './otlp-request-json.ts';
import { ProtobufCursor } from './protobuf-cursor.ts';

/** Field path: 1 resource_logs, 2 scope_logs, 2 log_records. Throws MalformedInput. */
export function countLogsProtobuf(body: Uint8Array): number {
  return countPath(new ProtobufCursor(body), 0, body.length, [1, 2, 2], 0);
}

function countPath(
  cursor: ProtobufCursor,
  start: number,
  end: number,
  path: readonly number[],
  depth: number,
): number {
  let count = 0;
  cursor.pos = start;
  while (cursor.next(end)) {
    if (cursor.field !== path[depth]) {
      cursor.skip(end);
      continue;
    }
    cursor.expectRange(end, 'a nested message');
    const behind = cursor.pos;
    count +=
      depth === path.length - 1 ? 1 : countPath(cursor, cursor.start, cursor.end, path, depth + 1);
    cursor.pos = behind;
  }
  return count;
}

/** Throws MalformedInput. */
export function countLogsJson(body: Uint8Array): number {
  let count = 0;
  readRequest(body, Field.resourceLogs, (cursor) => {
    const record = () => {
      if (!cursor.takeNull()) cursor.skip();
      count++;
    };
    const within = (field: number, readItem: () => void) => () => {
      cursor.enterObject('a part of the logs');
      while (cursor.nextKey()) {
        if (fieldOf(cursor) === field) readArray(cursor, 'a list of logs', readItem);
        else cursor.skip();
      }
    };
    return within(Field.scopeLogs, within(Field.logRecords, record));
  });
  return count;
}
