/** Tells what the bytes of an OTLP protobuf file are: nothing in the format itself does. */
import { MalformedInput } from './malformed-input.ts';
import { ProtobufCursor, WireType } from './protobuf-cursor.ts';
import type { OtlpSignal } from './wire-writer.ts';

export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The requests of a file: one, or several with a 4-byte big-endian length before each, as the
 * OpenTelemetry Collector's file exporter writes them. null: it is neither.
 */
export function protobufRequests(bytes: Uint8Array): readonly ByteRange[] | null {
  if (isRequest(bytes, 0, bytes.length)) return [{ start: 0, end: bytes.length }];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const ranges: ByteRange[] = [];
  let pos = 0;
  while (pos + 4 <= bytes.length) {
    const start = pos + 4;
    const end = start + view.getUint32(pos);
    if (end > bytes.length || !isRequest(bytes, start, end)) return null;
    ranges.push({ start, end });
    pos = end;
  }
  return pos === bytes.length ? ranges : null;
}

/** Is all of the range a repeated field 1, as in each of the three export requests? */
function isRequest(bytes: Uint8Array, start: number, end: number): boolean {
  const cursor = new ProtobufCursor(bytes);
  cursor.pos = start;
  try {
    while (cursor.next(end)) {
      if (cursor.field !== 1 || cursor.wireType !== WireType.bytes) return false;
      cursor.range(end);
    }
  } catch (error) {
    if (error instanceof MalformedInput) return false;
    throw error;
  }
  return true;
}

/**
 * Which signal a request carries, by fields that only one of span (7 and 8 are fixed64), log record
 * (1 and 11 are fixed64) and metric has. null: it carries nothing that tells, so nothing is in it.
 */
export function guessSignal(request: Uint8Array): OtlpSignal | null {
  const cursor = new ProtobufCursor(request);
  try {
    return guessItem(cursor, 0, request.length, 0);
  } catch (error) {
    if (error instanceof MalformedInput) return null;
    throw error;
  }
}

/** The fields that lead from a request to its spans, metrics or log records. */
const PATH = [1, 2, 2];

function guessItem(
  cursor: ProtobufCursor,
  start: number,
  end: number,
  depth: number,
): OtlpSignal | null {
  if (depth === PATH.length) return signalOfItem(cursor, start, end);
  cursor.pos = start;
  while (cursor.next(end)) {
    const { field, wireType } = cursor;
    cursor.skip(end);
    if (field !== PATH[depth] || wireType !== WireType.bytes) continue;
    const behind = cursor.pos;
    const signal = guessItem(cursor, cursor.start, cursor.end, depth + 1);
    if (signal !== null) return signal;
    cursor.pos = behind;
  }
  return null;
}

function signalOfItem(cursor: ProtobufCursor, start: number, end: number): OtlpSignal | null {
  cursor.pos = start;
  let metric = false;
  while (cursor.next(end)) {
    const { field, wireType } = cursor;
    if (wireType === WireType.fixed64) {
      if (field === 7 || field === 8) return 'traces';
      if (field === 1 || field === 11) return 'logs';
    }
    if (wireType === WireType.bytes && (field === 7 || (field >= 9 && field <= 11))) metric = true;
    if (wireType === WireType.bytes && field === 5) metric = true;
    cursor.skip(end);
  }
  return metric ? 'metrics' : null;
}
