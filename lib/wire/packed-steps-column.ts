/**
 * One integer column of a packed step: `base + residual`, residuals of one width in bits, LSB first;
 * outliers are patched, and a delta column counts each value from the one before.
 *
 *     u8      form: width (bits 0..5), patched (bit 6), delta (bit 7)
 *     zigzag  base
 *     zigzag  first, in delta columns: what the first value counts from
 *     bytes   ceil(count * width / 8)
 *     patches varint how many, then for each: varint rows since the last patch, zigzag high
 *
 * A patched residual is `residual + high * 2^width`. `read` checks every length before `values`
 * touches a byte; nothing is allocated here.
 */
import { MalformedInput } from './malformed-input.ts';
import {
  DELTA,
  MAX_WIDTH_BITS,
  PATCHED,
  POWERS_OF_TWO,
  WIDTH_MASK,
} from './packed-steps-format.ts';

/** A position in a payload; every read is checked against `end`. */
export class PackedCursor {
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(this.bytes.buffer);
  pos = 0;
  end = 0;

  fail(what: string): never {
    throw new MalformedInput(`damaged packed step: ${what}`, this.pos);
  }

  byte(): number {
    if (this.pos >= this.end) this.fail('it is cut off');
    return this.bytes[this.pos++]!;
  }

  /** An unsigned integer; exact up to 2^53, rounded up to 2^56. */
  varint(): number {
    // Most are small.
    if (this.pos < this.end && this.bytes[this.pos]! < 128) return this.bytes[this.pos++]!;
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      const byte = this.byte();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
    return this.fail('an integer is longer than 8 bytes');
  }

  zigzag(): number {
    const value = this.varint();
    const half = Math.floor(value / 2);
    return value % 2 === 0 ? half : -half - 1;
  }

  /** Passes over `byteCount` bytes and says where they start. */
  skip(byteCount: number): number {
    if (byteCount > this.end - this.pos) this.fail('it is cut off');
    const start = this.pos;
    this.pos += byteCount;
    return start;
  }
}

export class PackedColumn {
  readonly #cursor: PackedCursor;
  #count = 0;
  #width = 0;
  #delta = false;
  #base = 0;
  #first = 0;
  #residualsAt = 0;
  #patchesAt = 0;
  #patches = 0;
  #lowestHigh = 0;
  #highestHigh = 0;

  constructor(cursor: PackedCursor) {
    this.#cursor = cursor;
  }

  /** Passes over the column at the cursor; `values` then reads it. */
  read(count: number, minWidth = 0): void {
    const cursor = this.#cursor;
    const form = cursor.byte();
    const width = form & WIDTH_MASK;
    if (width > MAX_WIDTH_BITS) cursor.fail('a column is too wide');
    if (width < minWidth) cursor.fail('a column is too narrow');
    this.#count = count;
    this.#width = width;
    this.#delta = (form & DELTA) !== 0;
    this.#base = cursor.zigzag();
    this.#first = this.#delta ? cursor.zigzag() : 0;
    this.#residualsAt = cursor.skip(Math.ceil((count * width) / 8));
    this.#patches = (form & PATCHED) === 0 ? 0 : cursor.varint();
    this.#patchesAt = cursor.pos;
    this.#lowestHigh = 0;
    this.#highestHigh = 0;
    if (this.#patches > 0) this.#checkPatches();
  }

  /** No value is below this. */
  get lowerBound(): number {
    const least = this.#base + this.#lowestHigh * POWERS_OF_TWO[this.#width]!;
    return this.#delta ? this.#first + Math.min(0, least) * this.#count : least;
  }

  /** No value is above this. */
  get upperBound(): number {
    const most = this.#base + (this.#highestHigh + 1) * POWERS_OF_TWO[this.#width]! - 1;
    return this.#delta ? this.#first + Math.max(0, most) * this.#count : most;
  }

  /** Do all values surely lie in [min, max]? false: they must be looked at one by one. */
  surelyWithin(min: number, max: number): boolean {
    return this.lowerBound >= min && this.upperBound <= max;
  }

  /** The one value that all rows have, NaN where they may differ. */
  get constant(): number {
    return this.#width === 0 && !this.#delta && this.#patches === 0 ? this.#base : Number.NaN;
  }

  /** From each value to the next, where that is the same all along; NaN where it may differ. */
  get progressionStep(): number {
    if (this.#width !== 0 || this.#patches !== 0) return Number.NaN;
    return this.#delta ? this.#base : 0;
  }

  /** The first value of a progression. */
  get progressionStart(): number {
    return this.#base + this.#first;
  }

  /** Writes the values to `out`, which has room for them, from index `to` on. */
  values(out: Float64Array, to = 0): void {
    const count = this.#count;
    const width = this.#width;
    if (width <= 25)
      unpackNarrow(this.#cursor, this.#residualsAt, width, count, this.#base, out, to);
    else unpackWide(this.#cursor, this.#residualsAt, width, 0, count, this.#base, out, to);
    if (this.#patches > 0) this.#patch(out, to);
    if (!this.#delta) return;
    let value = this.#first;
    for (let i = 0; i < count; i++) {
      value += out[to + i]!;
      out[to + i] = value;
    }
  }

  #checkPatches(): void {
    const cursor = this.#cursor;
    if (this.#patches > this.#count) cursor.fail('a column has too many patches');
    let row = -1;
    for (let k = 0; k < this.#patches; k++) {
      row += cursor.varint() + 1;
      if (row >= this.#count) cursor.fail('a patch lies outside its column');
      const high = cursor.zigzag();
      if (high < this.#lowestHigh) this.#lowestHigh = high;
      if (high > this.#highestHigh) this.#highestHigh = high;
    }
  }

  #patch(out: Float64Array, to: number): void {
    const cursor = this.#cursor;
    const behind = cursor.pos;
    const scale = POWERS_OF_TWO[this.#width]!;
    cursor.pos = this.#patchesAt;
    let row = -1;
    for (let k = 0; k < this.#patches; k++) {
      row += cursor.varint() + 1;
      out[to + row] = out[to + row]! + cursor.zigzag() * scale;
    }
    cursor.pos = behind;
  }
}

/** Widths up to 25 bits lie within four bytes, whatever bit they start at. */
function unpackNarrow(
  cursor: PackedCursor,
  at: number,
  width: number,
  count: number,
  base: number,
  out: Float64Array,
  to: number,
): void {
  const { bytes, view } = cursor;
  if (width === 0) {
    for (let i = 0; i < count; i++) out[to + i] = base;
    return;
  }
  if (width === 8) {
    for (let i = 0; i < count; i++) out[to + i] = base + bytes[at + i]!;
    return;
  }
  // The last values may have fewer than four bytes behind them.
  const roomBits = (bytes.length - 4 - at) * 8 + 7;
  const safe = Math.max(0, Math.min(count, Math.floor(roomBits / width) + 1));
  if (width === 16) {
    for (let i = 0, from = at; i < safe; i++, from += 2)
      out[to + i] = base + view.getUint16(from, true);
  } else {
    const mask = (1 << width) - 1;
    for (let i = 0, bit = 0; i < safe; i++, bit += width) {
      out[to + i] = base + ((view.getUint32(at + (bit >>> 3), true) >>> (bit & 7)) & mask);
    }
  }
  unpackWide(cursor, at, width, safe, count, base, out, to);
}

/** Any width, byte by byte; rows from `from` on. */
function unpackWide(
  { bytes }: PackedCursor,
  at: number,
  width: number,
  from: number,
  count: number,
  base: number,
  out: Float64Array,
  to: number,
): void {
  for (let i = from; i < count; i++) {
    const bit = i * width;
    let byteAt = at + Math.floor(bit / 8);
    let have = 8 - (bit % 8);
    let value = bytes[byteAt++]! >>> (bit % 8);
    if (have > width) value &= 2 ** width - 1;
    // A byte is cut before it is added: a double has no room for bits above the width.
    for (; have < width; have += 8) {
      const byte = bytes[byteAt++]!;
      value += (width - have < 8 ? byte & (2 ** (width - have) - 1) : byte) * 2 ** have;
    }
    out[to + i] = base + value;
  }
}
