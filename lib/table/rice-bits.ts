/**
 * A stream of bits for numbers that are mostly small: what takes the place of a general compressor
 * where columns are short and written often. Bits fill 32-bit words (little-endian) from the lowest.
 *
 *     rice(code, k)   code >>> k zero bits, a one, the k low bits; ESCAPE zeros: `wide` follows
 *     wide(code)      its number of bits in 6, then those bits
 *
 * Golomb-Rice codes with a parameter that follows the codes themselves, as lossless image coders have
 * it (Weinberger et al., "The LOCO-I lossless image compression algorithm", 2000, section III).
 */
import { damaged } from './chunk-frame.ts';

/** So many zeros say that a number does not suit its parameter. */
const ESCAPE = 12;
const MAX_INT = 0x7fffffff;
const TWO_27 = 2 ** 27;
/** No code that these streams take is longer, in bits. */
const MAX_WIDTH = 54;
/** Bytes of the longest code: zeros, width, the code itself, and a word that is begun. */
export const MAX_CODE_BYTES = 16;
/** A mean that follows codes does not follow any further than this. */
const MAX_FOLLOWED = 2 ** 24;

/** `mean8` is eight times the mean of the codes before; so is what comes back. */
export function followed(mean8: number, code: number): number {
  return mean8 - (mean8 >> 3) + Math.min(code, MAX_FOLLOWED);
}

/** The parameter for codes with a mean of `mean8` / 8, at most 24. */
export function riceParameter(mean8: number): number {
  return 32 - Math.clz32((mean8 * 5) >>> 6);
}

/** Where a mean starts when all that is known is the size of what codes are about. */
export function startingMean8(size: number): number {
  return Math.floor(Math.min(size, MAX_FOLLOWED) / 4);
}

/** 0, -1, 1, -2, … become 0, 1, 2, 3, …; exact within ±2^52. */
export function zigzag(value: number): number {
  return value >= 0 ? 2 * value : -2 * value - 1;
}

export function unzigzag(code: number): number {
  const half = Math.floor(code / 2);
  return code === 2 * half ? half : -half - 1;
}

export class BitWriter {
  #bytes: Uint8Array;
  #words: Uint32Array;
  /** The next word. */
  #at: number;
  /** Its lowest `#used` (0 to 31) bits are written. */
  #word = 0;
  #used = 0;

  /**
   * Writes from byte `start` (a multiple of 4) on. `room`: memory to write to while it is large
   * enough; its place in its buffer must be a multiple of 4.
   */
  constructor(start: number, room: Uint8Array) {
    this.#bytes = room;
    this.#words = new Uint32Array(room.buffer, room.byteOffset, room.byteLength >>> 2);
    this.#at = start >>> 2;
  }

  /** Makes room for so many codes; nothing else does. */
  reserve(codes: number): void {
    const needed = (this.#at + 3) * 4 + codes * MAX_CODE_BYTES;
    if (needed <= this.#bytes.byteLength) return;
    const grown = new Uint8Array(Math.ceil(Math.max(needed, this.#bytes.byteLength * 2) / 4) * 4);
    grown.set(this.#bytes);
    this.#bytes = grown;
    this.#words = new Uint32Array(grown.buffer);
  }

  /** The low `count` (0 to 31) bits of a number without others. */
  put(value: number, count: number): void {
    const used = this.#used;
    const word = this.#word | (value << used);
    const end = used + count;
    if (end < 32) {
      this.#word = word;
      this.#used = end;
      return;
    }
    this.#words[this.#at++] = word;
    this.#word = used === 0 ? 0 : value >>> (32 - used);
    this.#used = end - 32;
  }

  /** A code below 2^31: faster than `rice`, and the same bits. */
  narrow(code: number, parameter: number): void {
    const quotient = code >>> parameter;
    if (quotient >= ESCAPE || quotient + parameter >= 31) {
      this.rice(code, parameter);
      return;
    }
    const low = code & ((1 << parameter) - 1);
    this.put(((low << 1) | 1) << quotient, quotient + 1 + parameter);
  }

  /** An integer from 0 to 2^53. */
  rice(code: number, parameter: number): void {
    const quotient = code <= MAX_INT ? code >>> parameter : ESCAPE;
    if (quotient >= ESCAPE) {
      this.put(0, ESCAPE);
      this.wide(code);
      return;
    }
    const low = code & ((1 << parameter) - 1);
    const length = quotient + 1;
    if (length + parameter < 32) {
      this.put((low << length) | (1 << quotient), length + parameter);
    } else {
      this.put(1 << quotient, length);
      this.put(low, parameter);
    }
  }

  /**
   * Numbers from 0 on with a place each, for the places from `first` to before `end` and 0 where there
   * is none: `values[from]` to before `to` at the ascending `places`. One parameter for all of them.
   * false: places are not within, or values no integers from 1 to 2^31 - 1; some may be written.
   */
  sparse(
    places: Uint16Array,
    values: Float64Array,
    from: number,
    to: number,
    first: number,
    end: number,
    parameter: number,
  ): boolean {
    const words = this.#words;
    const mask = (1 << parameter) - 1;
    const zeroLength = parameter + 1;
    let at = this.#at;
    let word = this.#word;
    let used = this.#used;
    let place = first;
    for (let i = from; i <= to; i++) {
      const own = i < to ? places[i]! : end;
      if (own < place || own > end) return false;
      for (; place < own; place++) {
        word |= 1 << used;
        used += zeroLength;
        if (used >= 32) {
          words[at++] = word;
          used -= 32;
          // A zero ends in zero bits, unless its one is the last bit of the word.
          word = 0;
        }
      }
      if (i === to) break;
      const value = values[i]!;
      const code = value | 0;
      if (code !== value || code < 1) return false;
      const quotient = code >>> parameter;
      const length = quotient + zeroLength;
      if (quotient >= ESCAPE || length >= 32) {
        this.#at = at;
        this.#word = word;
        this.#used = used;
        this.rice(code, parameter);
        at = this.#at;
        word = this.#word;
        used = this.#used;
      } else {
        const bits = (((code & mask) << 1) | 1) << quotient;
        word |= bits << used;
        const sum = used + length;
        if (sum >= 32) {
          words[at++] = word;
          word = used === 0 ? 0 : bits >>> (32 - used);
          used = sum - 32;
        } else {
          used = sum;
        }
      }
      place++;
    }
    this.#at = at;
    this.#word = word;
    this.#used = used;
    return true;
  }

  /** An integer from 0 to 2^53, whatever its size. */
  wide(code: number): void {
    const high = Math.floor(code / TWO_27);
    const low = code - high * TWO_27;
    const width = high > 0 ? 59 - Math.clz32(high) : 32 - Math.clz32(low);
    this.put(width, 6);
    this.put(low, Math.min(width, 27));
    if (width > 27) this.put(high, width - 27);
  }

  /** All bytes up to here, those before `start` included, and a word that readers may look ahead to. */
  finish(): Uint8Array {
    this.#words[this.#at++] = this.#word;
    this.#words[this.#at++] = 0;
    return this.#bytes.subarray(0, this.#at * 4);
  }
}

export class BitReader {
  readonly #words: Int32Array;
  #bit: number;

  /** Reads from byte `start` (a multiple of 4) on. */
  constructor(bytes: Uint8Array, start: number) {
    const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
    this.#words = new Int32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength >>> 2);
    this.#bit = start * 8;
  }

  /** `count`: 0 to 31. Behind the end, all bits are zero: `end` tells. */
  take(count: number): number {
    const value = this.#next() & ((1 << count) - 1);
    this.#bit += count;
    return value;
  }

  rice(parameter: number): number {
    const bits = this.#next();
    const quotient = 31 - Math.clz32(bits & -bits);
    if (bits === 0 || quotient >= ESCAPE) {
      this.#bit += ESCAPE;
      return this.wide();
    }
    const length = quotient + 1;
    if (length + parameter <= 32) {
      this.#bit += length + parameter;
      return (quotient << parameter) | ((bits >>> length) & ((1 << parameter) - 1));
    }
    this.#bit += length;
    return (quotient << parameter) | this.take(parameter);
  }

  /**
   * What `sparse` wrote: numbers of the places from `first` to before `end`, without zeros, from
   * `at` on. Returns where they end, which is at most `most`.
   */
  sparse(
    places: Uint16Array,
    values: Float64Array,
    at: number,
    most: number,
    first: number,
    end: number,
    parameter: number,
  ): number {
    const words = this.#words;
    const lastWord = words.length - 1;
    const mask = (1 << parameter) - 1;
    let bit = this.#bit;
    let to = at;
    for (let place = first; place < end; place++) {
      const w = bit >>> 5;
      const shift = bit & 31;
      if (w >= lastWord) throw damaged('bits are missing');
      const bits = (words[w]! >>> shift) | ((words[w + 1]! << 1) << (31 - shift));
      const quotient = 31 - Math.clz32(bits & -bits);
      const length = quotient + 1 + parameter;
      let value = (quotient << parameter) | ((bits >>> (quotient + 1)) & mask);
      if (bits === 0 || quotient >= ESCAPE || length > 32) {
        this.#bit = bit;
        value = this.rice(parameter);
        bit = this.#bit;
      } else {
        bit += length;
      }
      if (value === 0) continue;
      if (to >= most) throw damaged('there are more numbers than the header says');
      places[to] = place;
      values[to++] = value;
    }
    this.#bit = bit;
    return to;
  }

  wide(): number {
    const width = this.take(6);
    if (width > MAX_WIDTH) throw damaged('a number has too many bits');
    const low = this.take(Math.min(width, 27));
    return width > 27 ? this.take(width - 27) * TWO_27 + low : low;
  }

  /** Must be called last. @throws ChunkFormatError where words are left, or were missing */
  end(): void {
    const at = (this.#bit >>> 5) + 2;
    if (at !== this.#words.length) throw damaged('the bits are not as many as the header says');
  }

  /** The next 32 bits. */
  #next(): number {
    const words = this.#words;
    const at = this.#bit >>> 5;
    const shift = this.#bit & 31;
    if (at + 1 < words.length) {
      return shift === 0 ? words[at]! : (words[at]! >>> shift) | (words[at + 1]! << (32 - shift));
    }
    return at < words.length ? words[at]! >>> shift : 0;
  }
}
