/**
 * Chrome trace JSON (docs/kineto.md, "The format"), read in one pass over pieces of any size. Bytes
 * are written into the scanner's own buffer, which holds a piece and at most one event; nothing of
 * what the sink does not ask for is looked at more than it takes to find its end.
 *
 *     scanner.room() -> write there -> scanner.wrote(bytes) -> … -> scanner.end()
 *
 * Lenient where Chrome and Perfetto are: a bare array or an object with `traceEvents` anywhere, the
 * closing brackets may be missing, commas may trail, strings may hold raw control characters, NaN
 * and Infinity may stand for numbers. Behind a byte that fits nowhere nothing is read: `end()` says
 * where that was, and what was read until then counts.
 */
import {
  BACKSLASH,
  BAD,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  MORE,
  NUL,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  SLACK_BYTES,
  SPACE,
} from './chrome-bytes.ts';
import { ChromeEvents, type ChromeSink } from './chrome-events.ts';

export interface ChromeEnd {
  /** Of the file, as far as it was given. */
  readonly sizeBytes: number;
  /** An array of events was found. */
  readonly found: boolean;
  /** Where reading stopped before the end, and why; null where all was read. */
  readonly damage: { readonly byteOffset: number; readonly what: string } | null;
  /** The file ends inside of an event or of an array. */
  readonly cutOff:
    | 'in an event'
    | 'in the array of events'
    | 'behind the events'
    | 'before the events'
    | null;
  /** Keys of the top-level object, the first ones. */
  readonly keys: readonly string[];
}

const BUFFER_BYTES = 1 << 19;
const MAX_EVENT_BYTES = 1 << 24;
const MAX_MEMBER_BYTES = 1 << 20;
const MAX_KEY_BYTES = 1 << 10;
const MAX_KEYS = 16;

const State = {
  start: 0,
  /** In the top-level object, before a key or its end. */
  member: 1,
  /** Behind a key, before its value. */
  value: 2,
  /** In a value that is passed over. */
  skipping: 3,
  events: 4,
  done: 5,
  damaged: 6,
} as const;

export class ChromeScanner {
  readonly events: ChromeEvents;
  readonly #sink: ChromeSink;
  readonly #keys: string[] = [];
  /** Bytes of the file before the buffer. */
  #before = 0;
  #state: number = State.start;
  #bareArray = false;
  #found = false;
  #damage: ChromeEnd['damage'] = null;
  /** Of the value that is passed over. */
  #depth = 0;
  #inString = false;
  #escaped = false;
  #key = '';
  #member: number[] | null = null;

  /** `bufferBytes`: the largest piece that is read at once; an event may be larger. */
  constructor(sink: ChromeSink, bufferBytes: number = BUFFER_BYTES) {
    this.#sink = sink;
    this.events = new ChromeEvents(sink, bufferBytes);
  }

  /** Where the next bytes go; at least one. */
  room(): Uint8Array {
    const { bytes, length } = this.events;
    return bytes.subarray(length, bytes.length - SLACK_BYTES);
  }

  /** So many bytes were written to `room()`. */
  wrote(byteCount: number): void {
    const { events } = this;
    events.length += byteCount;
    events.bytes.fill(0, events.length, events.length + SLACK_BYTES);
    const rest = this.#scan();
    if (rest > 0) events.bytes.copyWithin(0, rest, events.length);
    this.#before += rest;
    events.length -= rest;
    if (events.length + SLACK_BYTES >= events.bytes.length) events.grow();
  }

  /** The same for bytes that lie elsewhere. */
  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && !this.stopped; ) {
      const room = this.room();
      const part = bytes.subarray(at, at + room.length);
      room.set(part);
      at += part.length;
      this.wrote(part.length);
    }
  }

  /** Nothing more is read: the rest of the file need not be given. */
  get stopped(): boolean {
    return this.#state === State.damaged;
  }

  /** The first keys of the top-level object so far. */
  get keys(): readonly string[] {
    return this.#keys;
  }

  end(): ChromeEnd {
    return {
      sizeBytes: this.#before + this.events.length,
      found: this.#found,
      damage: this.#damage,
      cutOff: this.#cutOff(),
      keys: this.#keys,
    };
  }

  #cutOff(): ChromeEnd['cutOff'] {
    const { bytes, length } = this.events;
    switch (this.#state) {
      case State.events: {
        const rest = bytes.subarray(0, length);
        if (!rest.every((byte) => byte <= SPACE || byte === COMMA)) return 'in an event';
        // The bracket behind a bare array may be missing: programs that crash leave it out.
        return this.#bareArray ? null : 'in the array of events';
      }
      case State.member:
      case State.value:
      case State.skipping:
        return this.#found ? 'behind the events' : 'before the events';
      default:
        return null;
    }
  }

  /** Reads as far as whole things go; the position behind them. */
  #scan(): number {
    const { events } = this;
    let at = 0;
    for (;;) {
      if (this.#state === State.damaged) return events.length;
      const next = this.#next(at);
      if (next === BAD) {
        this.#stop(events.badAt, events.badWhat);
        return events.length;
      }
      if (next === MORE) return this.#unfinished(at);
      at = next;
      if (at >= events.length) return events.length;
    }
  }

  #next(at: number): number {
    if (this.#state === State.skipping) return this.#skip(at);
    if (this.#state !== State.events) return this.#topLevel(at);
    const next = this.events.entries(at);
    if (this.events.closed) {
      this.events.closed = false;
      this.#state = this.#bareArray ? State.done : State.member;
    }
    return next;
  }

  /** Where more bytes are needed, unless too many are there already. */
  #unfinished(at: number): number {
    const limit = this.#state === State.events ? MAX_EVENT_BYTES : MAX_KEY_BYTES;
    if (this.events.length - at <= limit) return at;
    this.#stop(at, `something that does not end within ${limit} bytes`);
    return this.events.length;
  }

  #stop(at: number, what: string): void {
    this.#state = State.damaged;
    this.#damage = { byteOffset: this.#before + at, what };
  }

  /** One token outside of the array of events. */
  #topLevel(from: number): number {
    const { bytes, length } = this.events;
    let at = from;
    while (at < length && bytes[at]! <= SPACE && bytes[at] !== NUL) at++;
    if (at >= length) return at;
    const byte = bytes[at]!;
    switch (this.#state) {
      case State.start:
        return this.#opening(at, byte);
      case State.member:
        if (byte === COMMA) return at + 1;
        if (byte === CLOSE_BRACE) {
          this.#state = State.done;
          return at + 1;
        }
        return this.#memberKey(at);
      case State.value:
        return this.#memberValue(at, byte);
      default:
        return this.events.bad(at, 'more behind the end of the trace');
    }
  }

  #opening(at: number, byte: number): number {
    const { bytes, length } = this.events;
    // A byte order mark.
    if (byte === 0xef && this.#before + at === 0) {
      if (length < 3) return MORE;
      return bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : this.events.bad(at, 'no JSON');
    }
    if (byte === OPEN_BRACKET) {
      this.#bareArray = true;
      this.#found = true;
      this.#state = State.events;
      return at + 1;
    }
    if (byte !== OPEN_BRACE) return this.events.bad(at, 'no JSON');
    this.#state = State.member;
    return at + 1;
  }

  #memberKey(at: number): number {
    const { events } = this;
    if (events.bytes[at] !== QUOTE) return events.bad(at, 'a key is missing');
    const end = events.stringEnd(at);
    if (end < 0) return end;
    let colon = end;
    while (colon < events.length && events.bytes[colon]! <= SPACE) colon++;
    if (events.bytes[colon] !== COLON) return events.stop(colon, 'a colon is missing');
    this.#key = utf8.decode(events.bytes.subarray(at + 1, end - 1));
    if (this.#keys.length < MAX_KEYS) this.#keys.push(this.#key.slice(0, 60));
    this.#state = State.value;
    return colon + 1;
  }

  #memberValue(at: number, byte: number): number {
    if (this.#key === 'traceEvents' && byte === OPEN_BRACKET) {
      this.#found = true;
      this.#state = State.events;
      return at + 1;
    }
    this.#state = State.skipping;
    this.#depth = 0;
    this.#inString = false;
    this.#escaped = false;
    this.#member = this.#sink.wantedMembers.has(this.#key) ? [] : null;
    return at;
  }

  /** Passes over a top-level value, in pieces. */
  #skip(from: number): number {
    const { bytes, length } = this.events;
    let at = from;
    for (; at < length; at++) {
      const byte = bytes[at]!;
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === BACKSLASH) this.#escaped = true;
        else if (byte === QUOTE) this.#inString = false;
        continue;
      }
      if (byte === QUOTE) this.#inString = true;
      else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#depth++;
      else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
        if (this.#depth === 0) break;
        this.#depth--;
      } else if (byte === COMMA && this.#depth === 0) break;
    }
    this.#keep(bytes.subarray(from, at));
    if (at < length) {
      if (this.#member !== null) {
        this.#sink.member(this.#key, utf8.decode(Uint8Array.from(this.#member)).trim());
      }
      this.#member = null;
      this.#state = State.member;
    }
    return at;
  }

  #keep(bytes: Uint8Array): void {
    if (this.#member === null) return;
    if (this.#member.length + bytes.length > MAX_MEMBER_BYTES) this.#member = null;
    else for (const byte of bytes) this.#member.push(byte);
  }
}

const utf8 = new TextDecoder();
