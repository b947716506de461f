/** The JSON texts of a file, one behind the other, and which OTLP request each one is. */
import { JsonCursor, JsonType } from './json-cursor.ts';
import { Field, fieldOf } from './json-fields.ts';
import type { OtlpSignal } from './wire-writer.ts';

export interface JsonDocument {
  /** Byte range in the file. */
  readonly start: number;
  readonly end: number;
  /** What its top-level keys say; several where several are there. */
  readonly signals: readonly OtlpSignal[];
  /** A Chrome or Kineto trace. */
  readonly chromeTrace: boolean;
  /** The first keys, for messages. */
  readonly keys: readonly string[];
}

const SIGNALS: ReadonlyMap<number, OtlpSignal> = new Map([
  [Field.resourceSpans, 'traces'],
  [Field.resourceMetrics, 'metrics'],
  [Field.resourceLogs, 'logs'],
]);
const MAX_KEYS = 8;

/** Walks the texts in order; throws MalformedInput at the first that is no JSON. */
export function* jsonDocuments(bytes: Uint8Array): Generator<JsonDocument> {
  const cursor = JsonCursor.over(bytes);
  while (cursor.more()) {
    if (cursor.peek() === JsonType.array) {
      const start = cursor.pos;
      cursor.skip();
      // Chrome traces may be a bare array of events; OTLP never is.
      yield { start, end: cursor.pos, signals: [], chromeTrace: true, keys: [] };
    } else {
      yield oneDocument(cursor);
    }
  }
}

function oneDocument(cursor: JsonCursor): JsonDocument {
  const start = cursor.pos;
  const signals: OtlpSignal[] = [];
  const keys: string[] = [];
  let chromeTrace = false;
  cursor.enterObject('the text');
  while (cursor.nextKey()) {
    const field = fieldOf(cursor);
    const signal = SIGNALS.get(field);
    if (signal !== undefined && !signals.includes(signal)) signals.push(signal);
    if (field === Field.traceEvents) chromeTrace = true;
    if (keys.length < MAX_KEYS) keys.push(cursor.text().slice(0, 40));
    cursor.skip();
  }
  return { start, end: cursor.pos, signals, chromeTrace, keys };
}
