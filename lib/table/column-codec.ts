/**
 * One column of numbers as bytes. A column is what is left after prediction (mostly small
 * integers), cut into byte planes: first the lowest byte of every value, then the next, … The low
 * planes are noise and stay as they are; the high ones are almost all zero and vanish in zstd.
 *
 *     u8 coding   0 the column is null; 1 integers; 2 doubles
 *     u8 width    planes that follow (integers 0..7, doubles 8)
 *     planes      `width` times as many bytes as there are values
 *
 * Integers are zigzag-coded (0, -1, 1, -2, … become 0, 1, 2, 3, …) and lie within ±2^52.
 */
import { type ColumnRoom, FRESH_ROOM } from '#lib/base/column-room.ts';
import { damaged } from './chunk-frame.ts';

const CODING_NULL = 0;
const CODING_INTEGERS = 1;
const CODING_DOUBLES = 2;
const TWO_32 = 0x1_0000_0000;

/** Values up to this take the integer coding: the difference of two of them is still exact. */
export const MAX_INTEGER = 2 ** 51;

/** Is every value an integer that `ColumnWriter.integers` can take, also after a subtraction? */
export function areSmallIntegers(values: ArrayLike<number>): boolean {
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!(value <= MAX_INTEGER && value >= -MAX_INTEGER) || Math.trunc(value) !== value) {
      return false;
    }
    if (value === 0 && Object.is(value, -0)) return false;
  }
  return true;
}

export class ColumnWriter {
  #bytes: Uint8Array;
  #length: number;

  /**
   * Columns are written from byte `start` on; the space before it is the caller's. `room`: memory to
   * write to while it is large enough.
   */
  constructor(start: number, capacity: number, room?: Uint8Array) {
    const needed = start + capacity;
    this.#bytes = room !== undefined && room.byteLength >= needed ? room : new Uint8Array(needed);
    this.#length = start;
  }

  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  nothing(): void {
    this.#reserve(2);
    this.#bytes[this.#length++] = CODING_NULL;
    this.#bytes[this.#length++] = 0;
  }

  /** The first `count` values; signed integers within ±2^52. */
  integers(values: ArrayLike<number>, count: number): void {
    let low = 0;
    let high = 0;
    for (let i = 0; i < count; i++) {
      const value = values[i]!;
      if (value < low) low = value;
      else if (value > high) high = value;
    }
    const largest = Math.max(2 * high, -2 * low - 1);
    let width = 0;
    for (let rest = largest; rest > 0; rest = Math.floor(rest / 256)) width++;
    this.#reserve(2 + width * count);
    this.#bytes[this.#length++] = CODING_INTEGERS;
    this.#bytes[this.#length++] = width;
    if (width <= 4) this.#narrowPlanes(values, count, width);
    else this.#widePlanes(values, count, width);
    this.#length += width * count;
  }

  /** The first `count` zigzag codes; `bits`: all of them or-ed together. */
  zigzags(codes: Int32Array, count: number, bits: number): void {
    const width = bits === 0 ? 0 : 4 - (Math.clz32(bits) >>> 3);
    this.#reserve(2 + width * count);
    const bytes = this.#bytes;
    bytes[this.#length++] = CODING_INTEGERS;
    bytes[this.#length++] = width;
    for (let from = 0; from < count && width > 0; from += PIECE_ROWS) {
      const to = Math.min(count, from + PIECE_ROWS);
      cutPlanes(codes, from, to, width, bytes, this.#length, count);
    }
    this.#length += width * count;
  }

  /** The first `count` values, any double, bit by bit. */
  doubles(values: Float64Array, count: number): void {
    this.#reserve(2 + 8 * count);
    this.#bytes[this.#length++] = CODING_DOUBLES;
    this.#bytes[this.#length++] = 8;
    const source = new Uint8Array(values.buffer, values.byteOffset, count * 8);
    for (let plane = 0; plane < 8; plane++) {
      const out = this.#length + plane * count;
      for (let i = 0; i < count; i++) this.#bytes[out + i] = source[i * 8 + plane]!;
    }
    this.#length += 8 * count;
  }

  #narrowPlanes(values: ArrayLike<number>, count: number, width: number): void {
    const bytes = this.#bytes;
    const p0 = this.#length;
    const p1 = p0 + count;
    const p2 = p1 + count;
    const p3 = p2 + count;
    for (let i = 0; i < count && width > 0; i++) {
      const value = values[i]! | 0;
      const zigzag = (value << 1) ^ (value >> 31);
      bytes[p0 + i] = zigzag;
      if (width > 1) bytes[p1 + i] = zigzag >>> 8;
      if (width > 2) bytes[p2 + i] = zigzag >>> 16;
      if (width > 3) bytes[p3 + i] = zigzag >>> 24;
    }
  }

  #widePlanes(values: ArrayLike<number>, count: number, width: number): void {
    const bytes = this.#bytes;
    for (let i = 0; i < count; i++) {
      const value = values[i]!;
      const zigzag = value >= 0 ? 2 * value : -2 * value - 1;
      const high = Math.floor(zigzag / TWO_32);
      const low = zigzag - high * TWO_32;
      let at = this.#length + i;
      for (let plane = 0; plane < width; plane++, at += count) {
        bytes[at] = plane < 4 ? low >>> (8 * plane) : high >>> (8 * (plane - 4));
      }
    }
  }

  #reserve(byteCount: number): void {
    const needed = this.#length + byteCount;
    if (needed <= this.#bytes.byteLength) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.byteLength * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

/** V8 compiles a function for good that is called often, and not one that runs long. */
const PIECE_ROWS = 4096;

/** Codes `from` until `to` in one pass, into planes of `count` bytes each, the first at `low`. */
function cutPlanes(
  codes: Int32Array,
  from: number,
  to: number,
  width: number,
  bytes: Uint8Array,
  low: number,
  count: number,
): void {
  const middle = low + count;
  const high = middle + count;
  const top = high + count;
  if (width === 1) {
    for (let i = from; i < to; i++) bytes[low + i] = codes[i]!;
  } else if (width === 2) {
    for (let i = from; i < to; i++) {
      const code = codes[i]!;
      bytes[low + i] = code;
      bytes[middle + i] = code >>> 8;
    }
  } else {
    for (let i = from; i < to; i++) {
      const code = codes[i]!;
      bytes[low + i] = code;
      bytes[middle + i] = code >>> 8;
      bytes[high + i] = code >>> 16;
      if (width === 4) bytes[top + i] = code >>> 24;
    }
  }
}

/** What one column held: predicted residuals to undo, plain doubles, or nothing. */
export type ColumnRead =
  | { readonly coding: 'integers'; readonly values: Float64Array }
  | { readonly coding: 'doubles'; readonly values: Float64Array }
  | null;

/** Residuals that are undone at once need no memory of their own: it costs more than the reading. */
let residualRoom = new Float64Array(0);

export class ColumnReader {
  readonly #bytes: Uint8Array;
  readonly #room: ColumnRoom;
  #at: number;

  /** `room`: where the values' memory comes from. */
  constructor(bytes: Uint8Array, start: number, room: ColumnRoom = FRESH_ROOM) {
    this.#bytes = bytes;
    this.#room = room;
    this.#at = start;
  }

  /** The next column, which must have `count` values unless it is null. @throws ChunkFormatError */
  column(count: number): ColumnRead {
    const { coding, width, start } = this.#next(count);
    if (coding === CODING_NULL) return null;
    const values = this.#room.float64(count);
    if (width === 0) values.fill(0);
    if (coding === CODING_INTEGERS) {
      readIntegers(this.#bytes, start, count, width, values);
      return { coding: 'integers', values };
    }
    readDoubles(this.#bytes, start, count, values);
    return { coding: 'doubles', values };
  }

  /**
   * The same, but integers come in memory that the next call uses again; they may be more than
   * `count`. 'zeros': `count` integers, all of them 0.
   */
  residuals(count: number): ColumnRead | 'zeros' {
    const { coding, width, start } = this.#next(count);
    if (coding === CODING_NULL) return null;
    if (coding === CODING_DOUBLES) {
      const values = new Float64Array(count);
      readDoubles(this.#bytes, start, count, values);
      return { coding: 'doubles', values };
    }
    if (width === 0) return 'zeros';
    if (residualRoom.length < count) residualRoom = new Float64Array(count);
    readIntegers(this.#bytes, start, count, width, residualRoom);
    return { coding: 'integers', values: residualRoom };
  }

  /** Passes over a column, as `column` does. false: it is null. @throws ChunkFormatError */
  skip(count: number): boolean {
    return this.#next(count).coding !== CODING_NULL;
  }

  #next(count: number): {
    readonly coding: number;
    readonly width: number;
    readonly start: number;
  } {
    const bytes = this.#bytes;
    const coding = bytes[this.#at];
    const width = bytes[this.#at + 1];
    if (coding === undefined || width === undefined) throw damaged('a column is missing');
    const start = this.#at + 2;
    this.#at = start;
    if (coding === CODING_NULL && width === 0) return { coding, width, start };
    this.#at += width * count;
    if (this.#at > bytes.byteLength) throw damaged('a column is cut off');
    const known =
      (coding === CODING_INTEGERS && width <= 7) || (coding === CODING_DOUBLES && width === 8);
    if (!known) throw damaged(`a column has coding ${coding} and width ${width}`);
    return { coding, width, start };
  }

  /** Must be called last. @throws ChunkFormatError where bytes are left. */
  end(): void {
    if (this.#at !== this.#bytes.byteLength) throw damaged('bytes are left after the last column');
  }
}

function readDoubles(bytes: Uint8Array, start: number, count: number, values: Float64Array): void {
  const out = new Uint8Array(values.buffer, values.byteOffset, count * 8);
  for (let plane = 0; plane < 8; plane++) {
    const from = start + plane * count;
    for (let i = 0; i < count; i++) out[i * 8 + plane] = bytes[from + i]!;
  }
}

function readIntegers(
  bytes: Uint8Array,
  start: number,
  count: number,
  width: number,
  values: Float64Array,
): void {
  const p1 = start + count;
  const p2 = p1 + count;
  const p3 = p2 + count;
  if (width === 1) {
    for (let i = 0; i < count; i++) {
      const zigzag = bytes[start + i]!;
      values[i] = (zigzag >>> 1) ^ -(zigzag & 1);
    }
  } else if (width === 2) {
    for (let i = 0; i < count; i++) {
      const zigzag = bytes[start + i]! | (bytes[p1 + i]! << 8);
      values[i] = (zigzag >>> 1) ^ -(zigzag & 1);
    }
  } else if (width === 3) {
    for (let i = 0; i < count; i++) {
      const zigzag = bytes[start + i]! | (bytes[p1 + i]! << 8) | (bytes[p2 + i]! << 16);
      values[i] = (zigzag >>> 1) ^ -(zigzag & 1);
    }
  } else if (width === 4) {
    for (let i = 0; i < count; i++) {
      const zigzag =
        bytes[start + i]! | (bytes[p1 + i]! << 8) | (bytes[p2 + i]! << 16) | (bytes[p3 + i]! << 24);
      values[i] = (zigzag >>> 1) ^ -(zigzag & 1);
    }
  } else if (width > 4) {
    for (let i = 0; i < count; i++) {
      let zigzag = 0;
      for (let plane = width - 1; plane >= 0; plane--) {
        zigzag = zigzag * 256 + bytes[start + plane * count + i]!;
      }
      const half = Math.floor(zigzag / 2);
      values[i] = zigzag % 2 === 0 ? half : -half - 1;
    }
  }
}
