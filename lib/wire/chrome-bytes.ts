/**
 * The bytes that a scanner holds, and where JSON values in them end. Behind the bytes that are there lie
 * zeros: a loop that looks for something ends at them and asks for more.
 */

export const NUL = 0;
export const SPACE = 0x20;
export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const COLON = 0x3a;
const MINUS = 0x2d;
const NINE = 0x39;
export const OPEN_BRACKET = 0x5b;
export const BACKSLASH = 0x5c;
export const CLOSE_BRACKET = 0x5d;
export const OPEN_BRACE = 0x7b;
export const CLOSE_BRACE = 0x7d;

/** Zeros behind the bytes that are there. */
export const SLACK_BYTES = 64;

/** Positions that a reading function may return instead of where it ended. */
export const MORE = -1;
export const BAD = -2;

export class ChromeBytes {
  bytes: Uint8Array<ArrayBuffer>;
  view: DataView;
  /** Bytes that are there. */
  length = 0;
  /** Where and why a function returned BAD. */
  badAt = -1;
  badWhat = '';

  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity + SLACK_BYTES);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Twice the room. */
  grow(): void {
    const bytes = new Uint8Array((this.bytes.length - SLACK_BYTES) * 2 + SLACK_BYTES);
    bytes.set(this.bytes.subarray(0, this.length));
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer);
  }

  bad(at: number, what: string): number {
    this.badAt = at;
    this.badWhat = what;
    return BAD;
  }

  /** A byte that fits nowhere, or the end of what is there. */
  stop(at: number, what: string): number {
    return at >= this.length ? MORE : this.bad(at, what);
  }

  /** Behind the value that starts at `from`; a number or a word that ends with the bytes ends there. */
  valueEnd(from: number): number {
    const bytes = this.bytes;
    const byte = bytes[from]!;
    if (byte === QUOTE) return this.stringEnd(from);
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) return this.nestedEnd(from + 1, 1);
    let at = from;
    for (;;) {
      const next = bytes[at]!;
      // Digits, points and signs first: most of what is passed over here.
      if (next >= MINUS && next <= NINE) {
        at++;
        continue;
      }
      if (next <= SPACE || next === COMMA || next === CLOSE_BRACE || next === CLOSE_BRACKET) {
        if (next === NUL) return at >= this.length ? MORE : this.bad(at, 'a NUL byte');
        break;
      }
      if (next === QUOTE || next === COLON || next === OPEN_BRACE || next === OPEN_BRACKET) {
        return this.bad(at, 'a value is missing');
      }
      at++;
    }
    return at > from ? at : this.bad(at, 'a value is missing');
  }

  /** Behind the bracket that closes `depth` levels. */
  nestedEnd(from: number, depth: number): number {
    const bytes = this.bytes;
    let open = depth;
    let at = from;
    for (;;) {
      const byte = bytes[at++]!;
      // Numbers, commas, colons and spaces.
      if ((byte > QUOTE && byte < OPEN_BRACKET) || byte === SPACE) continue;
      if (byte === QUOTE) {
        for (;;) {
          const inside = bytes[at++]!;
          if (inside > QUOTE && inside !== BACKSLASH) continue;
          if (inside === QUOTE) break;
          if (inside === BACKSLASH) at++;
          else if (inside === NUL) return this.stop(at - 1, 'a NUL byte');
        }
      } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
        if (--open === 0) return at > this.length ? MORE : at;
      } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) open++;
      else if (byte === NUL) return this.stop(at - 1, 'a NUL byte');
    }
  }

  /** Behind the closing quote of the string that opens at `quote`. */
  stringEnd(quote: number): number {
    const bytes = this.bytes;
    let at = quote + 1;
    for (;;) {
      const byte = bytes[at++]!;
      if (byte > QUOTE && byte !== BACKSLASH) continue;
      if (byte === QUOTE) return at > this.length ? MORE : at;
      if (byte === BACKSLASH) at++;
      else if (byte === NUL) return this.stop(at - 1, 'a NUL byte');
    }
  }
}
