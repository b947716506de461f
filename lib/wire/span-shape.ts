/**
 * The shape of an encoded span: which of its bytes are the same in the spans like it, and where its
 * times and numbers lie. A sender's spans come in a few shapes (about one per stage), so most spans
 * are read by comparing them with a known shape, eight bytes at a time.
 *
 *     … 4a [11] 0a 08 afd.step 12 [02] 18 | 07 | 4a [12] 0a 09 afd.layer 12 [02] 18 | 3c | 4a …
 *       segment 0                           n    segment 1                            n
 *
 * The bytes between numbers are a segment. A number may take 1 to 8 bytes; the two lengths before it
 * (in brackets) must agree with that, everything else that the plain reader's way through the
 * message depends on must be as it was: tags, lengths, keys, strings that are bound. A span that
 * matches would therefore be read in the same steps, and only the bytes of its values differ.
 */
import { SpanLayout } from './span-layout.ts';
import type { SpanRecord } from './span-record.ts';
import { After, type Segment, type SpanShapeParts } from './span-shape-parts.ts';
import { readVarint } from './varint.ts';

export class SpanShape {
  /** Never two shapes of a process have the same. */
  readonly id: number;
  /** Reads since the last one by layout. */
  looseReads = 0;
  readonly #layout: SpanLayout;
  /** What is expected of each byte, ANDed with its mask; and the masks. */
  readonly #expected: DataView;
  readonly #mask: DataView;
  readonly #segments: readonly Segment[];
  readonly #startAt: number;
  readonly #endAt: number;
  readonly #nameAt: number;
  readonly #nameBytes: number;
  readonly #strings: Int32Array;
  readonly #constants: readonly (readonly [slot: number, value: number])[];
  readonly #seen: number;
  readonly #marked: boolean;

  constructor(id: number, parts: SpanShapeParts) {
    this.id = id;
    this.#layout = new SpanLayout(parts);
    this.#expected = new DataView(parts.bytes.map((byte, i) => byte & parts.mask[i]!).buffer);
    this.#mask = new DataView(new Uint8Array(parts.mask).buffer);
    this.#segments = parts.segments;
    this.#startAt = parts.startAt;
    this.#endAt = parts.endAt;
    this.#nameAt = parts.nameAt;
    this.#nameBytes = parts.nameBytes;
    this.#strings = parts.strings;
    this.#constants = parts.constants;
    this.#seen = parts.seen;
    this.#marked = parts.marked;
  }

  /**
   * Reads the span in `[start, end)` of the view into the record. false: it has another shape, and
   * what the record holds is worth nothing.
   */
  read(view: DataView, start: number, end: number, record: SpanRecord): boolean {
    const layout = this.#layout;
    record.seen = this.#seen;
    record.bad = 0;
    if (end - start === layout.byteCount && layout.read(view, start, record)) this.looseReads = 0;
    else if (this.#readLoosely(view, start, end, record)) this.looseReads++;
    else return false;
    for (const [slot, value] of this.#constants) record.values[slot] = value;
    record.shape = this.id;
    record.marked = this.#marked;
    record.startLow = view.getInt32(start + this.#startAt, true);
    record.startHigh = view.getInt32(start + this.#startAt + 4, true);
    record.endLow = view.getInt32(start + this.#endAt, true);
    record.endHigh = view.getInt32(start + this.#endAt + 4, true);
    record.nameStart = start + this.#nameAt;
    record.nameBytes = this.#nameBytes;
    return true;
  }

  /** With numbers of any width: segment by segment. */
  #readLoosely(view: DataView, start: number, end: number, record: SpanRecord): boolean {
    const segments = this.#segments;
    const strings = this.#strings;
    const { starts, lengths } = record;
    let pos = start;
    let s = 0;
    for (let i = 0; i < segments.length; i++) {
      const segment = segments[i]!;
      const { from, byteCount, after, slot } = segment;
      if (byteCount > end - pos || !this.#matches(view, pos, from, byteCount)) return false;
      for (; s < strings.length && strings[s]! < from + byteCount; s += 3) {
        starts[strings[s + 1]!] = pos + strings[s]! - from;
        lengths[strings[s + 1]!] = strings[s + 2]!;
      }
      pos += byteCount;
      if (after === After.nothing) break;
      if (after === After.double) {
        if (end - pos < 8) return false;
        record.setDouble(slot, view.getFloat64(pos, true));
        pos += 8;
        continue;
      }
      // The value's length comes before its tag, and counts both the tag and the number.
      const numberBytes = view.getUint8(pos - 2) - 1;
      if (view.getUint8(pos + segment.lengthAt) !== segment.lengthBase + numberBytes) return false;
      if (numberBytes < 1 || numberBytes > 8 || numberBytes > end - pos) return false;
      const value = readVarint(view, pos, numberBytes);
      if (value < 0) return false;
      if (after === After.narrowVarint && numberBytes <= 4) record.values[slot] = value;
      else record.setInteger(slot, value);
      pos += numberBytes;
    }
    return pos === end;
  }

  /** Are the `byteCount` bytes at `at` as those at `from`? Compared as in SpanLayout. */
  #matches(view: DataView, at: number, from: number, byteCount: number): boolean {
    const expected = this.#expected;
    const mask = this.#mask;
    const last = byteCount - 8;
    if (last < 0) return this.#matchesBytes(view, at, from, byteCount);
    for (let i = 0; i < last; i += 8) {
      const word = view.getBigInt64(at + i, true) & mask.getBigInt64(from + i, true);
      if (word !== expected.getBigInt64(from + i, true)) return false;
    }
    const word = view.getBigInt64(at + last, true) & mask.getBigInt64(from + last, true);
    return word === expected.getBigInt64(from + last, true);
  }

  #matchesBytes(view: DataView, at: number, from: number, byteCount: number): boolean {
    for (let i = 0; i < byteCount; i++) {
      const byte = view.getUint8(at + i) & this.#mask.getUint8(from + i);
      if (byte !== this.#expected.getUint8(from + i)) return false;
    }
    return true;
  }
}
