/**
 * A span of some shape with every number as wide as in the span that the shape was learnt from: all
 * places are known then, and one comparison over the whole span tells. The widths of a sender's
 * numbers change rarely, so this is the common case.
 */
import type { SpanRecord } from './span-record.ts';
import { After, type SpanShapeParts } from './span-shape-parts.ts';
import { readVarint } from './varint.ts';

const NUMBER_FIELDS = 4;

export class SpanLayout {
  readonly byteCount: number;
  /** What is expected of each byte, ANDed with its mask; and the masks. */
  readonly #expected: DataView;
  readonly #mask: DataView;
  /** Slot, offset, bytes and `After` of each number. */
  readonly #numbers: Int32Array;
  /** Offset, slot and length of each string. */
  readonly #strings: Int32Array;

  constructor({ bytes, mask, segments, strings }: SpanShapeParts) {
    const layoutMask = new Uint8Array(mask);
    const numbers: number[] = [];
    segments.forEach(({ from, byteCount, after, slot, lengthAt }, i) => {
      const start = from + byteCount;
      const end = segments[i + 1]?.from ?? bytes.length;
      if (after === After.nothing) return;
      numbers.push(slot, start, end - start, after);
      if (after === After.double) return;
      // The lengths before the number are fixed here, and so are the top bits of its bytes.
      layoutMask[start - 2] = 0xff;
      layoutMask[start + lengthAt] = 0xff;
      layoutMask.fill(0x80, start, end);
    });
    this.byteCount = bytes.length;
    this.#expected = new DataView(bytes.map((byte, i) => byte & layoutMask[i]!).buffer);
    this.#mask = new DataView(layoutMask.buffer);
    this.#numbers = Int32Array.from(numbers);
    this.#strings = strings;
  }

  /**
   * Reads numbers and strings of the span at `start`, of which `byteCount` bytes must lie in the
   * view. false: it has another layout, and the record is as it was.
   */
  read(view: DataView, start: number, record: SpanRecord): boolean {
    if (!this.#matches(view, start)) return false;
    const { values, starts, lengths } = record;
    const strings = this.#strings;
    for (let i = 0; i < strings.length; i += 3) {
      starts[strings[i + 1]!] = start + strings[i]!;
      lengths[strings[i + 1]!] = strings[i + 2]!;
    }
    const numbers = this.#numbers;
    for (let i = 0; i < numbers.length; i += NUMBER_FIELDS) {
      const slot = numbers[i]!;
      const pos = start + numbers[i + 1]!;
      const byteCount = numbers[i + 2]!;
      const after = numbers[i + 3]!;
      // The widths are the same each time, so that these branches are foreseen.
      if (after === After.narrowVarint && byteCount === 1) {
        values[slot] = view.getUint8(pos);
      } else if (after === After.narrowVarint && byteCount === 2) {
        const two = view.getUint16(pos, true);
        values[slot] = (two & 0x7f) | ((two >> 1) & 0x3f80);
      } else if (after === After.narrowVarint && byteCount <= 4) {
        values[slot] = readVarint(view, pos, byteCount);
      } else if (after === After.double) {
        record.setDouble(slot, view.getFloat64(pos, true));
      } else {
        record.setInteger(slot, readVarint(view, pos, byteCount));
      }
    }
    return true;
  }

  /**
   * Compared as 64-bit words, the last of which overlaps the one before. V8 keeps signed ones in
   * registers: this is twice as fast as 32-bit words in typed arrays, while unsigned ones would be
   * objects.
   */
  #matches(view: DataView, start: number): boolean {
    const expected = this.#expected;
    const mask = this.#mask;
    const last = this.byteCount - 8;
    for (let i = 0; i < last; i += 8) {
      const word = view.getBigInt64(start + i, true) & mask.getBigInt64(i, true);
      if (word !== expected.getBigInt64(i, true)) return false;
    }
    const word = view.getBigInt64(start + last, true) & mask.getBigInt64(last, true);
    return word === expected.getBigInt64(last, true);
  }
}
