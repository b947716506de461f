/**
 * About how many spans an ExportTraceServiceRequest holds, by walking from length to length: so that
 * columns are made about as long as they get. Only a count of what is there, no check: it stops at the
 * first thing that is not well-formed, which the reader then reports.
 */
import { MalformedInput } from './malformed-input.ts';
import { ProtobufCursor, WireType } from './protobuf-cursor.ts';

const TAG_SPAN = 0x12;

/** Each length is waited for, and spans of one request are much alike: so many tell. */
const SAMPLE_SPANS = 64;
/** Of what the sample says. */
const SPARE = 1 / 16;

/** Exact for few spans; of more, what the first of them say, and a little to spare. */
export function countSpans(body: Uint8Array): number {
  const counter = new SpanCounter(body);
  try {
    counter.request();
  } catch (error) {
    if (!(error instanceof MalformedInput)) throw error;
  }
  const { spans, readBytes } = counter;
  if (spans < SAMPLE_SPANS) return spans;
  const rest = ((body.length - readBytes) / readBytes) * spans;
  return spans + Math.ceil(rest * (1 + SPARE));
}

class SpanCounter {
  spans = 0;
  /** From the start of the body to behind the last span that was counted. */
  readBytes = 0;
  readonly #bytes: Uint8Array;
  readonly #cursor: ProtobufCursor;

  constructor(body: Uint8Array) {
    this.#bytes = body;
    this.#cursor = new ProtobufCursor(body);
  }

  request(): void {
    const cursor = this.#cursor;
    const end = this.#bytes.length;
    while (this.spans < SAMPLE_SPANS && cursor.next(end)) {
      if (cursor.field !== 1 || cursor.wireType !== WireType.bytes) {
        cursor.skip(end);
        continue;
      }
      cursor.range(end);
      const behind = cursor.pos;
      this.#resourceSpans(cursor.start, cursor.end);
      cursor.pos = behind;
    }
  }

  #resourceSpans(start: number, end: number): void {
    const cursor = this.#cursor;
    cursor.pos = start;
    while (this.spans < SAMPLE_SPANS && cursor.next(end)) {
      if (cursor.field !== 2 || cursor.wireType !== WireType.bytes) {
        cursor.skip(end);
        continue;
      }
      cursor.range(end);
      const behind = cursor.pos;
      this.#scopeSpans(cursor.start, cursor.end);
      cursor.pos = behind;
    }
  }

  #scopeSpans(start: number, end: number): void {
    const bytes = this.#bytes;
    const cursor = this.#cursor;
    let pos = start;
    while (pos < end && this.spans < SAMPLE_SPANS) {
      if (bytes[pos] === TAG_SPAN && end - pos >= 3) {
        const low = bytes[pos + 1]!;
        const high = bytes[pos + 2]!;
        if (low < 128 || high < 128) {
          this.spans++;
          pos += low < 128 ? 2 + low : 3 + ((low & 127) | (high << 7));
          continue;
        }
      }
      cursor.pos = pos;
      cursor.next(end);
      if (cursor.field === 2) this.spans++;
      cursor.skip(end);
      pos = cursor.pos;
    }
    this.readBytes = pos;
  }
}
