/**
 * The shape of an encoded span: which of its bytes are the same in the spans like it, and where its
 * times and numbers lie. A sender's spans come in a few shapes (one per stage, and per width of a
 * number), so most spans are read by comparing them with a known shape, eight bytes at a time.
 *
 * Every byte that the plain reader's way through the message depends on is compared: tags, lengths,
 * keys, strings that are bound, the top bits of varints. A span that matches would therefore be
 * read in the same steps, and only the bytes of its values differ.
 */
import type { SpanRecord } from './span-record.ts';

/** How a number is written: 1 to 4 are varints of so many bytes whose every value is in range. */
export const NumberForm = {
  /** Plus the varint's bytes; at most 8, so that the sign is never reached. */
  checkedVarint: 8,
  maxVarintBytes: 8,
  double: 32,
} as const;

export interface SpanShapeParts {
  readonly byteCount: number;
  /** What is expected of each byte, ANDed with its mask; and the masks. Both `byteCount` long. */
  readonly expected: DataView;
  readonly mask: DataView;
  /** Offsets from the span's start. */
  readonly startAt: number;
  readonly endAt: number;
  readonly nameAt: number;
  readonly nameBytes: number;
  /** Slot, offset and NumberForm of each number. */
  readonly numbers: Int32Array;
  /** Slot, offset and length of each string. */
  readonly strings: Int32Array;
  /** Slots and values of numbers whose bytes are compared. */
  readonly constants: readonly (readonly [slot: number, value: number])[];
  readonly seen: number;
  readonly marked: boolean;
}

const TWO_32 = 4294967296;

export class SpanShape {
  /** Never two shapes of a process have the same. */
  readonly id: number;
  readonly byteCount: number;
  readonly #expected: DataView;
  readonly #mask: DataView;
  readonly #startAt: number;
  readonly #endAt: number;
  readonly #nameAt: number;
  readonly #nameBytes: number;
  readonly #numbers: Int32Array;
  readonly #strings: Int32Array;
  readonly #constants: readonly (readonly [slot: number, value: number])[];
  readonly #seen: number;
  readonly #marked: boolean;

  constructor(id: number, parts: SpanShapeParts) {
    this.id = id;
    this.byteCount = parts.byteCount;
    this.#expected = parts.expected;
    this.#mask = parts.mask;
    this.#startAt = parts.startAt;
    this.#endAt = parts.endAt;
    this.#nameAt = parts.nameAt;
    this.#nameBytes = parts.nameBytes;
    this.#numbers = parts.numbers;
    this.#strings = parts.strings;
    this.#constants = parts.constants;
    this.#seen = parts.seen;
    this.#marked = parts.marked;
  }

  /**
   * Do the `byteCount` bytes at `at`, which must lie in the view, have this shape? Compared as
   * 64-bit words, the last of which overlaps the one before: optimised code keeps them in
   * registers, and this is twice as fast as with 32-bit words in typed arrays.
   */
  matches(view: DataView, at: number): boolean {
    const expected = this.#expected;
    const mask = this.#mask;
    const last = this.byteCount - 8;
    for (let i = 0; i < last; i += 8) {
      const word = view.getBigInt64(at + i, true) & mask.getBigInt64(i, true);
      if (word !== expected.getBigInt64(i, true)) return false;
    }
    const word = view.getBigInt64(at + last, true) & mask.getBigInt64(last, true);
    return word === expected.getBigInt64(last, true);
  }

  /** Reads the span at `at`, which must match, into the record. */
  read(view: DataView, at: number, record: SpanRecord): void {
    const { values, starts, lengths } = record;
    record.shape = this.id;
    record.seen = this.#seen;
    record.bad = 0;
    record.marked = this.#marked;
    record.startLow = view.getInt32(at + this.#startAt, true);
    record.startHigh = view.getInt32(at + this.#startAt + 4, true);
    record.endLow = view.getInt32(at + this.#endAt, true);
    record.endHigh = view.getInt32(at + this.#endAt + 4, true);
    record.nameStart = at + this.#nameAt;
    record.nameBytes = this.#nameBytes;
    const strings = this.#strings;
    for (let i = 0; i < strings.length; i += 3) {
      starts[strings[i]!] = at + strings[i + 1]!;
      lengths[strings[i]!] = strings[i + 2]!;
    }
    const numbers = this.#numbers;
    for (let i = 0; i < numbers.length; i += 3) {
      const slot = numbers[i]!;
      const pos = at + numbers[i + 1]!;
      const form = numbers[i + 2]!;
      if (form === 1) {
        values[slot] = view.getUint8(pos);
      } else if (form === 2) {
        const two = view.getUint16(pos, true);
        values[slot] = (two & 0x7f) | ((two >> 1) & 0x3f80);
      } else if (form === 3) {
        const two = view.getUint16(pos, true);
        values[slot] = (two & 0x7f) | ((two >> 1) & 0x3f80) | (view.getUint8(pos + 2) << 14);
      } else if (form === 4) {
        const four = view.getInt32(pos, true);
        values[slot] =
          (four & 0x7f) |
          ((four >> 1) & 0x3f80) |
          ((four >> 2) & 0x1fc000) |
          ((four >> 3) & 0xfe00000);
      } else if (form === NumberForm.double) {
        record.setDouble(slot, view.getFloat64(pos, true));
      } else {
        record.setInteger(slot, varint(view, pos, form - NumberForm.checkedVarint));
      }
    }
    for (const [slot, value] of this.#constants) values[slot] = value;
  }
}

/** A varint of at most 8 bytes, rounded as the plain reader rounds beyond 2^53. */
function varint(view: DataView, pos: number, byteCount: number): number {
  let low = 0;
  let high = 0;
  for (let i = 0; i < byteCount; i++) {
    const bits = view.getUint8(pos + i) & 127;
    if (i < 4) low |= bits << (7 * i);
    else if (i === 4) {
      low |= bits << 28;
      high = bits >>> 4;
    } else high |= bits << (7 * i - 32);
  }
  return high * TWO_32 + (low >>> 0);
}
