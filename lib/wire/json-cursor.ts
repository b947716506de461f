/**
 * A scanner over JSON bytes: integers of 64 bits keep every digit (a double would round unix
 * nanoseconds to 256 ns steps), and no object is built. It checks what it passes over, too.
 *
 * Strings with escapes are unescaped in place, so a string must be read (not skipped) at most once
 * and the bytes must be the scanner's own: `JsonCursor.over` copies a body that has a backslash.
 */
import { MalformedInput } from './malformed-input.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const MAX_DEPTH = 256;
const MILLION = 1e6;
const TWO_32 = 4294967296;

export const JsonType = {
  string: 0,
  number: 1,
  object: 2,
  array: 3,
  true: 4,
  false: 5,
  null: 6,
} as const;

export class JsonCursor {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  pos = 0;
  /** The range of the string, number or value read last. */
  start = 0;
  end = 0;
  /** The integer that `unsigned64` read. */
  low = 0;
  high = 0;
  #depth = 0;
  /** Right behind an opening bracket, where no comma may be. */
  #first = false;

  constructor(ownBytes: Uint8Array) {
    this.bytes = ownBytes;
    this.view = new DataView(ownBytes.buffer, ownBytes.byteOffset, ownBytes.byteLength);
  }

  /** A cursor at the first value of `body`, which stays as it is. */
  static over(body: Uint8Array): JsonCursor {
    // Not slice(): a Buffer's shares its memory.
    const cursor = new JsonCursor(body.includes(BACKSLASH) ? new Uint8Array(body) : body);
    // A byte order mark is no JSON, but some tools write one.
    if (body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf) cursor.pos = 3;
    return cursor;
  }

  fail(what: string, at: number = this.pos): never {
    throw new MalformedInput(`malformed JSON: ${what}`, at);
  }

  /** The type of the value that comes next; stands at its first byte afterwards. */
  peek(): number {
    this.#space();
    switch (this.bytes[this.pos]) {
      case QUOTE:
        return JsonType.string;
      case OPEN_BRACE:
        return JsonType.object;
      case OPEN_BRACKET:
        return JsonType.array;
      case 0x74:
        return JsonType.true;
      case 0x66:
        return JsonType.false;
      case 0x6e:
        return JsonType.null;
      case undefined:
        return this.fail('the text ends where a value should be');
      default:
        return JsonType.number;
    }
  }

  /** Enters an object: call `nextKey` until it is false. */
  enterObject(what: string): void {
    if (this.peek() !== JsonType.object) this.fail(`${what} is not an object`);
    this.#enter();
  }

  /** Enters an array: call `nextItem` until it is false. */
  enterArray(what: string): void {
    if (this.peek() !== JsonType.array) this.fail(`${what} is not an array`);
    this.#enter();
  }

  /** Goes to the next member's value; its key is `[start, end)`. false: the object is over. */
  nextKey(): boolean {
    if (!this.#nextMember(CLOSE_BRACE)) return false;
    if (this.bytes[this.pos] !== QUOTE) this.fail('a key is missing');
    this.string();
    this.#space();
    if (this.bytes[this.pos] !== COLON) this.fail('a colon is missing');
    this.pos++;
    return true;
  }

  nextItem(): boolean {
    return this.#nextMember(CLOSE_BRACKET);
  }

  /** true where the value is null, which counts as absent and is passed over. */
  takeNull(): boolean {
    if (this.peek() !== JsonType.null) return false;
    this.#literal();
    return true;
  }

  /** Reads a string; `[start, end)` are its bytes, unescaped. */
  string(): void {
    this.#space();
    const { bytes } = this;
    if (bytes[this.pos] !== QUOTE) this.fail('a string is missing');
    const start = this.pos + 1;
    let at = start;
    while (at < bytes.length) {
      const byte = bytes[at]!;
      if (byte === QUOTE) {
        this.start = start;
        this.end = at;
        this.pos = at + 1;
        return;
      }
      if (byte === BACKSLASH) {
        this.#unescape(start, at);
        return;
      }
      if (byte < 0x20) this.fail('a control character in a string', at);
      at++;
    }
    this.fail('a string does not end', start - 1);
  }

  /** Reads a number; `[start, end)` are its bytes. */
  number(): void {
    this.#space();
    const { bytes } = this;
    const start = this.pos;
    let at = start;
    if (bytes[at] === 0x2d) at++;
    const digits = at;
    at = digitsEnd(bytes, at);
    if (at === digits) this.fail('a value is missing', start);
    if (bytes[digits] === 0x30 && at > digits + 1) this.fail('a number starts with 0', start);
    if (bytes[at] === 0x2e) {
      const fraction = at + 1;
      at = digitsEnd(bytes, fraction);
      if (at === fraction) this.fail('a number ends with its point', start);
    }
    if (bytes[at] === 0x65 || bytes[at] === 0x45) {
      at++;
      if (bytes[at] === 0x2b || bytes[at] === 0x2d) at++;
      const exponent = at;
      at = digitsEnd(bytes, exponent);
      if (at === exponent) this.fail('a number ends with its exponent', start);
    }
    this.start = start;
    this.end = at;
    this.pos = at;
  }

  boolean(): boolean {
    const value = this.peek() === JsonType.true;
    this.#literal();
    return value;
  }

  /** Passes over one value, checking it; `[start, end)` are its bytes. */
  skip(): void {
    const depth = this.#depth;
    const type = this.peek();
    const start = this.pos;
    if (type === JsonType.string) this.#skipString();
    else if (type === JsonType.number) this.number();
    else if (type === JsonType.object) {
      this.#enter();
      while (this.#nextMember(CLOSE_BRACE)) {
        if (this.bytes[this.pos] !== QUOTE) this.fail('a key is missing');
        this.#skipString();
        this.#space();
        if (this.bytes[this.pos] !== COLON) this.fail('a colon is missing');
        this.pos++;
        this.skip();
      }
    } else if (type === JsonType.array) {
      this.#enter();
      while (this.#nextMember(CLOSE_BRACKET)) this.skip();
    } else this.#literal();
    this.#depth = depth;
    this.start = start;
    this.end = this.pos;
  }

  /** Goes to the first byte behind a value and white space; false at the end of the text. */
  more(): boolean {
    this.#space();
    return this.pos < this.bytes.length;
  }

  /**
   * Reads the value as an unsigned 64-bit integer, from a number or a string, into `high` and
   * `low`. false: it is something else (which was passed over).
   */
  unsigned64(): boolean {
    const type = this.peek();
    if (type === JsonType.string) this.string();
    else if (type === JsonType.number) this.number();
    else {
      this.skip();
      return false;
    }
    return this.#digits64(this.start, this.end);
  }

  /** The number in `[start, end)` as the nearest double; NaN where it is none. */
  toDouble(): number {
    const { bytes, start, end } = this;
    if (end - start <= 15) {
      let value = 0;
      let at = bytes[start] === 0x2d ? start + 1 : start;
      const first = at;
      for (; at < end; at++) {
        const digit = bytes[at]! - 0x30;
        if (digit < 0 || digit > 9) break;
        value = value * 10 + digit;
      }
      if (at === end && at > first) return first === start ? value : -value;
    }
    if (end - start > 400) return Number.NaN;
    const text = this.text();
    return DOUBLE.test(text) ? Number(text) : Number.NaN;
  }

  text(): string {
    return utf8.decode(this.bytes.subarray(this.start, this.end));
  }

  #digits64(start: number, end: number): boolean {
    const { bytes } = this;
    if (end === start || end - start > 20) return this.#double64();
    let high = 0;
    let low = 0;
    let at = start;
    while (at < end) {
      // Six digits at a time: low · 10^6 + 999999 stays below 2^53.
      let part = 0;
      let scale = 1;
      for (; at < end && scale < MILLION; at++, scale *= 10) {
        const digit = bytes[at]! - 0x30;
        if (digit < 0 || digit > 9) return this.#double64();
        part = part * 10 + digit;
      }
      const sum = low * scale + part;
      const carry = Math.floor(sum / TWO_32);
      low = sum - carry * TWO_32;
      high = high * scale + carry;
    }
    if (high >= TWO_32) return false;
    this.low = low;
    this.high = high;
    return true;
  }

  /** A number with a fraction or an exponent that is an integer all the same, such as 1.5e18. */
  #double64(): boolean {
    const value = this.toDouble();
    if (!Number.isInteger(value) || value < 0 || value >= TWO_32 * TWO_32) return false;
    this.high = Math.floor(value / TWO_32);
    this.low = value % TWO_32;
    return true;
  }

  #space(): void {
    const { bytes } = this;
    let at = this.pos;
    while (at < bytes.length) {
      const byte = bytes[at]!;
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break;
      at++;
    }
    this.pos = at;
  }

  #enter(): void {
    if (++this.#depth > MAX_DEPTH) this.fail(`nested deeper than ${MAX_DEPTH} levels`);
    this.pos++;
    this.#first = true;
  }

  #nextMember(close: number): boolean {
    const first = this.#first;
    this.#first = false;
    this.#space();
    const byte = this.bytes[this.pos];
    if (byte === close) {
      this.pos++;
      this.#depth--;
      return false;
    }
    if (first) return true;
    if (byte !== COMMA) this.fail('a comma or a closing bracket is missing');
    this.pos++;
    this.#space();
    if (this.bytes[this.pos] === close) this.fail('a value is missing after a comma');
    return true;
  }

  #literal(): void {
    const word = WORDS[this.bytes[this.pos] ?? 0];
    if (word === undefined) this.fail('a value is missing');
    for (let i = 0; i < word.length; i++) {
      if (this.bytes[this.pos + i] !== word.charCodeAt(i)) this.fail('an unknown word');
    }
    this.pos += word.length;
  }

  #skipString(): void {
    const { bytes } = this;
    for (let at = this.pos + 1; at < bytes.length; at++) {
      const byte = bytes[at]!;
      if (byte === QUOTE) {
        this.pos = at + 1;
        return;
      }
      if (byte === BACKSLASH) at++;
      else if (byte < 0x20) this.fail('a control character in a string', at);
    }
    this.fail('a string does not end');
  }

  /** The rest of a string from its first backslash on; escapes never grow. */
  #unescape(start: number, firstBackslash: number): void {
    const { bytes } = this;
    let to = firstBackslash;
    let at = firstBackslash;
    while (at < bytes.length) {
      const byte = bytes[at]!;
      if (byte === QUOTE) {
        this.start = start;
        this.end = to;
        this.pos = at + 1;
        return;
      }
      if (byte < 0x20) this.fail('a control character in a string', at);
      if (byte !== BACKSLASH) {
        bytes[to++] = byte;
        at++;
        continue;
      }
      const letter = bytes[at + 1] ?? 0;
      if (letter === 0x75) {
        let code = this.#hex4(at + 2);
        at += 6;
        if (code >= 0xd800 && code < 0xdc00 && bytes[at] === BACKSLASH && bytes[at + 1] === 0x75) {
          const second = this.#hex4(at + 2);
          if (second >= 0xdc00 && second < 0xe000) {
            code = 0x10000 + ((code - 0xd800) << 10) + (second - 0xdc00);
            at += 6;
          }
        }
        to = this.#putUtf8(to, code >= 0xd800 && code < 0xe000 ? 0xfffd : code);
      } else {
        const plain = ESCAPES[letter];
        if (plain === undefined) this.fail('an unknown escape', at);
        bytes[to++] = plain;
        at += 2;
      }
    }
    this.fail('a string does not end', start - 1);
  }

  #hex4(at: number): number {
    let code = 0;
    for (let i = 0; i < 4; i++) {
      const byte = this.bytes[at + i] ?? 0;
      const digit =
        byte >= 0x30 && byte <= 0x39
          ? byte - 0x30
          : (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66
            ? (byte | 0x20) - 0x57
            : -1;
      if (digit < 0) this.fail('four hex digits are missing', at);
      code = code * 16 + digit;
    }
    return code;
  }

  #putUtf8(at: number, code: number): number {
    const { bytes } = this;
    if (code < 0x80) bytes[at++] = code;
    else if (code < 0x800) {
      bytes[at++] = 0xc0 | (code >> 6);
      bytes[at++] = 0x80 | (code & 63);
    } else {
      if (code < 0x10000) bytes[at++] = 0xe0 | (code >> 12);
      else {
        bytes[at++] = 0xf0 | (code >> 18);
        bytes[at++] = 0x80 | ((code >> 12) & 63);
      }
      bytes[at++] = 0x80 | ((code >> 6) & 63);
      bytes[at++] = 0x80 | (code & 63);
    }
    return at;
  }
}

const utf8 = new TextDecoder();

/** A JSON number, or one of protobuf's words for what JSON has no number for. */
const DOUBLE = /^-?(\d+(\.\d+)?([eE][+-]?\d+)?|Infinity)$/;

/** By first byte. */
const WORDS: Readonly<Record<number, string>> = { 116: 'true', 102: 'false', 110: 'null' };

/** The byte that a backslash and this byte mean. */
const ESCAPES: Readonly<Record<number, number>> = {
  34: 34,
  92: 92,
  47: 47,
  98: 8,
  102: 12,
  110: 10,
  114: 13,
  116: 9,
};

function digitsEnd(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && bytes[at]! >= 0x30 && bytes[at]! <= 0x39) at++;
  return at;
}
