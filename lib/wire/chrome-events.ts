/**
 * The events of a trace, one object after the other. Of each, only as much is read as the sink asks
 * for: as soon as an event is known not to matter, nothing but its end is looked for.
 */
import {
  BACKSLASH,
  ChromeBytes,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  MORE,
  NUL,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  SPACE,
} from './chrome-bytes.ts';
import { ChromeEvent, Phase } from './chrome-event.ts';
import { ChromeNames } from './chrome-names.ts';
import { readInteger } from './chrome-time.ts';

/** What a sink wants of the complete events of a category. */
export const Want = {
  /** To count them. */
  nothing: 0,
  /** Those whose name it asks for. */
  named: 1,
  all: 2,
} as const;

export interface ChromeSink {
  /** Asked once for each category. */
  wants(category: string): number;
  /** Asked once for each name in categories of which only some names are wanted. */
  wantsName(name: string): boolean;
  /** A complete event that is wanted, and every event of phases B E b n e M s t f. */
  event(event: ChromeEvent): void;
  /** Keys of the top-level object whose values it is told, where they are not too long. */
  readonly wantedMembers: ReadonlySet<string>;
  member(key: string, json: string): void;
}

/** Little-endian words of the first four bytes of a key, its opening quote included. */
const KEY_PH = word('"ph"');
const KEY_CAT = word('"cat');
const KEY_NAME = word('"nam');
const KEY_PID = word('"pid');
const KEY_TID = word('"tid');
const KEY_TS = word('"ts"');
const KEY_DUR = word('"dur');
const KEY_ID = word('"id"');
const KEY_ID2 = word('"id2');
const KEY_ARGS = word('"arg');
const KEY_CORRELATION = word('"cor');
const KEY_DEVICE = word('"dev');
const KEY_STREAM = word('"str');

export class ChromeEvents extends ChromeBytes {
  readonly categories = new ChromeNames();
  readonly names = new ChromeNames();
  /** Events by first byte of their phase. */
  readonly phaseCounts = new Float64Array(256);
  /** Complete events by category id. */
  readonly completeCounts: number[] = [];
  /** Entries of the array that are no objects. */
  otherEntries = 0;
  /** The bracket behind the last event was read. */
  closed = false;
  readonly #sink: ChromeSink;
  readonly #event = new ChromeEvent();
  /** `Want` by category id. */
  readonly #wants: number[] = [];
  readonly #lastName: number[] = [];
  #lastCategory = 0;
  /** By name id: 0 not asked yet, 1 wanted, 2 not. */
  #namesWanted = new Uint8Array(1024);

  constructor(sink: ChromeSink, capacity: number) {
    super(capacity);
    this.#sink = sink;
    this.#addCategory(this.categories.intern(-1, this.bytes, this.view, 0, 0), '');
  }

  /** Entries of the array, as many as are whole. */
  entries(from: number): number {
    const bytes = this.bytes;
    let at = from;
    for (;;) {
      let byte = bytes[at]!;
      while (byte <= COMMA) {
        if (byte > SPACE && byte !== COMMA) break;
        if (byte === NUL) break;
        byte = bytes[++at]!;
      }
      if (byte === OPEN_BRACE) {
        const end = this.#object(at);
        if (end < 0) return end === MORE ? this.#resumeAt(at, from) : end;
        at = end;
      } else if (byte === CLOSE_BRACKET) {
        this.closed = true;
        return at + 1;
      } else {
        if (byte === NUL && at >= this.length) return this.length;
        const end = this.valueEnd(at);
        if (end < 0) return end === MORE ? this.#resumeAt(at, from) : end;
        // A number or a word may go on in the next piece.
        if (end >= this.length && byte !== QUOTE && byte !== OPEN_BRACKET)
          return this.#resumeAt(at, from);
        this.#otherEntry(at, end);
        at = end;
      }
    }
  }

  #otherEntry(at: number, end: number): void {
    if (end > at) this.otherEntries++;
  }

  /** What was read before the entry at `at` counts; with nothing read, more bytes are needed. */
  #resumeAt(at: number, from: number): number {
    return at > from ? at : MORE;
  }

  /** The event whose opening brace is at `open`: the position behind it. */
  #object(open: number): number {
    const bytes = this.bytes;
    const view = this.view;
    const event = this.#event;
    event.reset(bytes);
    let at = open + 1;
    let wanted: number = Want.nothing;
    for (;;) {
      let byte = bytes[at]!;
      while (byte <= SPACE || byte === COMMA) {
        if (byte === NUL) return this.stop(at, 'a NUL byte');
        byte = bytes[++at]!;
      }
      if (byte === CLOSE_BRACE) {
        at++;
        break;
      }
      if (byte !== QUOTE) return this.bad(at, 'a key is missing');
      const key = view.getInt32(at, true);
      const keyStart = at;
      at++;
      while (bytes[at] !== QUOTE) {
        if (bytes[at] === NUL) return this.stop(at, 'a NUL byte');
        if (bytes[at] === BACKSLASH) at++;
        at++;
      }
      const keyBytes = at - keyStart - 1;
      at++;
      byte = bytes[at]!;
      while (byte <= SPACE) {
        if (byte === NUL) return this.stop(at, 'a NUL byte');
        byte = bytes[++at]!;
      }
      if (byte !== COLON) return this.stop(at, 'a colon is missing');
      byte = bytes[++at]!;
      while (byte <= SPACE) {
        if (byte === NUL) return this.stop(at, 'a NUL byte');
        byte = bytes[++at]!;
      }
      const value = at;
      switch (key) {
        case KEY_PH:
          event.phase = byte === QUOTE ? bytes[at + 1]! : 0;
          at = this.valueEnd(at);
          if (at < 0) return at;
          break;
        case KEY_CAT:
          if (keyBytes !== 3 || byte !== QUOTE) break;
          at = this.#category(at + 1);
          if (at < 0) return at;
          break;
        case KEY_NAME:
          if (keyBytes !== 4 || byte !== QUOTE) break;
          at = this.#name(at + 1);
          if (at < 0) return at;
          break;
        case KEY_ARGS:
          if (keyBytes !== 4 || byte !== OPEN_BRACE) break;
          at = this.#args(at + 1);
          if (at < 0) return at;
          continue;
        default:
          break;
      }
      if (at === value) {
        at = this.valueEnd(value);
        if (at < 0) return at;
        this.#note(key, keyBytes, value, at);
        continue;
      }
      // As soon as the event is known not to matter, only its end is looked for.
      wanted = this.#wanted();
      if (wanted === Want.nothing) {
        at = this.nestedEnd(at, 1);
        if (at < 0) return at;
        break;
      }
    }
    const { phase } = event;
    this.phaseCounts[phase]!++;
    if (phase === Phase.complete) this.completeCounts[event.category]!++;
    this.#lastCategory = event.category;
    if (event.name >= 0) this.#lastName[event.category] = event.name;
    if (wanted === Want.nothing) return at;
    if (phase === Phase.complete) {
      // What is not decided by now has no name, or its category came last.
      if (this.#wants[event.category] === Want.nothing) return at;
      if (this.#wants[event.category] === Want.named && !this.#nameWanted(event.name)) return at;
    } else if (PHASES_WANTED[phase] === 0) return at;
    this.#sink.event(event);
    return at;
  }

  /** Want.nothing where that is sure from what has been read of the event. */
  #wanted(): number {
    const { phase, category, name } = this.#event;
    if (phase === 0) return Want.all;
    if (phase !== Phase.complete) return PHASES_WANTED[phase] === 0 ? Want.nothing : Want.all;
    // Category "" may still be told.
    if (category === 0) return Want.all;
    const want = this.#wants[category]!;
    if (want !== Want.named || name < 0) return want;
    return this.#nameWanted(name) ? Want.all : Want.nothing;
  }

  #nameWanted(name: number): boolean {
    if (name < 0) return false;
    if (name >= this.#namesWanted.length) {
      const grown = new Uint8Array(Math.max(name + 1, this.#namesWanted.length * 2));
      grown.set(this.#namesWanted);
      this.#namesWanted = grown;
    }
    let known = this.#namesWanted[name]!;
    if (known === 0) {
      known = this.#sink.wantsName(this.names.text(name)) ? 1 : 2;
      this.#namesWanted[name] = known;
    }
    return known === 1;
  }

  #category(start: number): number {
    const known = this.categories.guess(this.#lastCategory, this.bytes, this.view, start);
    if (known >= 0) {
      const end = start + this.categories.lengthOf(known) + 1;
      if (end > this.length) return MORE;
      this.#event.category = known;
      return end;
    }
    const end = this.stringEnd(start - 1);
    if (end < 0) return end;
    const id = this.categories.intern(this.#lastCategory, this.bytes, this.view, start, end - 1);
    if (id >= this.#wants.length) this.#addCategory(id, this.categories.text(id));
    this.#event.category = Math.max(0, id);
    return end;
  }

  #addCategory(id: number, text: string): void {
    this.#wants[id] = this.#sink.wants(text);
    this.#lastName[id] = -1;
    this.completeCounts[id] = 0;
  }

  #name(start: number): number {
    const after = this.#lastName[this.#event.category]!;
    const known = this.names.guess(after, this.bytes, this.view, start);
    if (known >= 0) {
      const end = start + this.names.lengthOf(known) + 1;
      if (end > this.length) return MORE;
      this.#event.name = known;
      return end;
    }
    const end = this.stringEnd(start - 1);
    if (end < 0) return end;
    this.#event.name = this.names.intern(after, this.bytes, this.view, start, end - 1);
    return end;
  }

  #note(key: number, keyBytes: number, start: number, end: number): void {
    const event = this.#event;
    if (key === KEY_TS) {
      event.timeStart = start;
      event.timeEnd = end;
    } else if (key === KEY_DUR && keyBytes === 3) {
      event.durationStart = start;
      event.durationEnd = end;
    } else if (key === KEY_PID && keyBytes === 3) {
      event.pidStart = start;
      event.pidEnd = end;
    } else if (key === KEY_TID && keyBytes === 3) {
      event.tidStart = start;
      event.tidEnd = end;
    } else if (key === KEY_ID || (key === KEY_ID2 && keyBytes === 3)) {
      event.idStart = start;
      event.idEnd = end;
    }
  }

  /** The rest of an object whose brace is before `from`; notes what is asked for of arguments. */
  #args(from: number): number {
    const bytes = this.bytes;
    const event = this.#event;
    let at = from;
    let missing = 3;
    while (missing > 0) {
      let byte = bytes[at]!;
      while (byte <= SPACE || byte === COMMA) {
        if (byte === NUL) return this.stop(at, 'a NUL byte');
        byte = bytes[++at]!;
      }
      if (byte === CLOSE_BRACE) return at + 1;
      if (byte !== QUOTE) return this.bad(at, 'a key is missing');
      const key = this.view.getInt32(at, true);
      const keyStart = at;
      at = this.stringEnd(at);
      if (at < 0) return at;
      const keyBytes = at - keyStart - 2;
      byte = bytes[at]!;
      while (byte <= SPACE || byte === COLON) {
        if (byte === NUL) return this.stop(at, 'a NUL byte');
        byte = bytes[++at]!;
      }
      const value = at;
      at = this.valueEnd(at);
      if (at < 0) return at;
      if (key === KEY_CORRELATION && keyBytes === 11) {
        event.correlation = readInteger(bytes, value, at);
        missing--;
      } else if (key === KEY_DEVICE && keyBytes === 6) {
        event.device = readInteger(bytes, value, at);
        missing--;
      } else if (key === KEY_STREAM && keyBytes === 6) {
        event.stream = readInteger(bytes, value, at);
        missing--;
      } else if (key === KEY_NAME && keyBytes === 4) {
        event.argNameStart = value;
        event.argNameEnd = at;
      }
    }
    return this.nestedEnd(at, 1);
  }
}

/** Phases of which every event goes to the sink. */
const PHASES_WANTED = new Uint8Array(256);
for (const letter of 'XBEbneMstf') PHASES_WANTED[letter.charCodeAt(0)] = 1;

function word(text: string): number {
  return (
    text.charCodeAt(0) |
    (text.charCodeAt(1) << 8) |
    (text.charCodeAt(2) << 16) |
    (text.charCodeAt(3) << 24)
  );
}
