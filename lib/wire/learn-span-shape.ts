/**
 * Learns the shape of a span that the plain reader has just read. What is written in a way that no
 * exporter writes has no shape, and stays with the plain reader: the forms below are exactly those
 * for which one byte more or less is seen by a comparison.
 */
import type { SpanRecord } from './span-record.ts';
import { After, type Segment, type SpanShapeParts } from './span-shape-parts.ts';

/** Both times alone take more. */
const MIN_SHAPE_BYTES = 18;
/** Longer spans carry lists or events, and repeat rarely. */
const MAX_SHAPE_BYTES = 1024;

const TAG_NAME = 0x2a;
const TAG_START = 0x39;
const TAG_END = 0x41;
const TAG_ATTRIBUTE = 0x4a;
const TAG_KEY = 0x0a;
const TAG_VALUE = 0x12;
const TAG_STRING_VALUE = 0x0a;
const TAG_INT_VALUE = 0x18;
const TAG_DOUBLE_VALUE = 0x21;
const TAG_FLAGS = 0x85;
const TAG_FLAGS_REST = 0x01;

/** Longer varints may be negative. */
const MAX_NUMBER_BYTES = 8;
/** A varint of four bytes or less has no value beyond. */
const NARROW_MAX = 2 ** 28 - 1;

/** The shape of `record`, read from `[start, end)` of its bytes; null where it has none. */
export function learnSpanShape(
  record: SpanRecord,
  start: number,
  end: number,
): SpanShapeParts | null {
  const byteCount = end - start;
  if (byteCount < MIN_SHAPE_BYTES || byteCount > MAX_SHAPE_BYTES || record.bad !== 0) return null;
  return new Learner(record, start, byteCount).span();
}

class Learner {
  readonly #record: SpanRecord;
  /** Where the span starts in the body; all positions below are counted from there. */
  readonly #start: number;
  readonly #bytes: Uint8Array;
  /** 0xff: the byte is compared, 0: it is free, 0x80: its top bit is compared. */
  readonly #mask: Uint8Array;
  #startAt = -1;
  #endAt = -1;
  #nameAt = 0;
  #nameBytes = 0;
  #seen = 0;
  readonly #segments: Segment[] = [];
  /** Where the next segment starts. */
  #from = 0;
  /** Where the last of times and name ends: they must lie in the first segment. */
  #behind = 0;
  readonly #strings: number[] = [];
  readonly #constants: [number, number][] = [];

  constructor(record: SpanRecord, start: number, byteCount: number) {
    this.#record = record;
    this.#start = start;
    this.#bytes = record.bytes.slice(start, start + byteCount);
    this.#mask = new Uint8Array(byteCount).fill(0xff);
  }

  span(): SpanShapeParts | null {
    const bytes = this.#bytes;
    const byteCount = bytes.length;
    let pos = 0;
    while (pos < byteCount) {
      pos = this.#field(pos);
      if (pos < 0) return null;
    }
    const { seen, marked } = this.#record;
    if (this.#startAt < 0 || this.#endAt < 0 || this.#seen !== seen) return null;
    if ((seen & this.#record.insteadOfName) !== 0) {
      this.#mask.fill(0, this.#nameAt, this.#nameAt + this.#nameBytes);
    }
    this.#endSegment(byteCount, After.nothing);
    const [first] = this.#segments;
    if (first === undefined || this.#behind > first.byteCount) return null;
    return {
      bytes: this.#bytes,
      mask: this.#mask,
      segments: this.#segments,
      startAt: this.#startAt,
      endAt: this.#endAt,
      nameAt: this.#nameAt,
      nameBytes: this.#nameBytes,
      strings: Int32Array.from(this.#strings),
      constants: this.#constants,
      seen,
      marked,
    };
  }

  #endSegment(end: number, after: number, slot = -1, lengthAt = 0, lengthBase = 0): void {
    const from = this.#from;
    this.#segments.push({ from, byteCount: end - from, after, slot, lengthAt, lengthBase });
  }

  /** The position behind the field at `pos`, -1 where it has no shape. */
  #field(pos: number): number {
    const bytes = this.#bytes;
    const left = bytes.length - pos;
    const tag = bytes[pos]!;
    if (tag === TAG_START || tag === TAG_END) {
      if (left < 9) return -1;
      if (tag === TAG_START) this.#startAt = pos + 1;
      else this.#endAt = pos + 1;
      this.#mask.fill(0, pos + 1, pos + 9);
      this.#behind = pos + 9;
      return pos + 9;
    }
    if (tag === TAG_FLAGS) {
      if (left < 6 || bytes[pos + 1] !== TAG_FLAGS_REST) return -1;
      this.#mask.fill(0, pos + 2, pos + 6);
      return pos + 6;
    }
    if (tag < 8 || tag > 127) return -1;
    const wireType = tag & 7;
    if (wireType === 0) {
      if (left < 2 || bytes[pos + 1]! > 127) return -1;
      this.#mask[pos + 1] = 0x80;
      return pos + 2;
    }
    return wireType === 2 ? this.#lengthDelimited(tag, pos + 1) : -1;
  }

  #lengthDelimited(tag: number, lengthAt: number): number {
    const bytes = this.#bytes;
    let pos = lengthAt;
    let byteCount = bytes[pos++] ?? bytes.length;
    if (byteCount > 127) byteCount = (byteCount & 127) | ((bytes[pos++] ?? 128) << 7);
    const end = pos + byteCount;
    if (end > bytes.length) return -1;
    if (tag === TAG_ATTRIBUTE) return this.#attribute(lengthAt, pos, end) ? end : -1;
    if (tag === TAG_NAME) {
      this.#nameAt = pos;
      this.#nameBytes = byteCount;
      this.#behind = end;
    } else {
      this.#mask.fill(0, pos, end);
    }
    return end;
  }

  #attribute(lengthAt: number, start: number, end: number): boolean {
    const bytes = this.#bytes;
    if (end - start < 4 || bytes[start] !== TAG_KEY) return false;
    const keyBytes = bytes[start + 1]!;
    const valueAt = start + 2 + keyBytes;
    const valueBytes = end - valueAt - 2;
    if (keyBytes > 127 || valueBytes < 0 || valueBytes > 127) return false;
    if (bytes[valueAt] !== TAG_VALUE || bytes[valueAt + 1] !== valueBytes) return false;
    const slot = this.#record.findSlot(this.#start + start + 2, keyBytes);
    if (slot < 0) {
      // Nobody asks for it, so the plain reader does not look into it either.
      this.#mask.fill(0, valueAt + 2, end);
      return true;
    }
    if ((this.#seen & (1 << slot)) !== 0) return false;
    this.#seen |= 1 << slot;
    return this.#value(slot, lengthAt, valueAt + 2, end);
  }

  #value(slot: number, lengthAt: number, start: number, end: number): boolean {
    const bytes = this.#bytes;
    const tag = bytes[start];
    if (tag === TAG_STRING_VALUE) {
      if (!this.#record.isText(slot) || bytes[start + 1] !== end - start - 2) return false;
      this.#strings.push(start + 2, slot, end - start - 2);
      return true;
    }
    if (tag === TAG_DOUBLE_VALUE) {
      if (end - start !== 9) return false;
      this.#mask.fill(0, start + 1, end);
      this.#endSegment(start + 1, After.double, slot);
      this.#from = end;
      return true;
    }
    return tag === TAG_INT_VALUE && this.#varint(slot, lengthAt, start + 1, end);
  }

  #varint(slot: number, lengthAt: number, start: number, end: number): boolean {
    const byteCount = end - start;
    if (byteCount < 1 || byteCount > 10) return false;
    for (let i = start; i < end; i++) {
      const isLast = i === end - 1;
      if (this.#bytes[i]! < 128 !== isLast) return false;
    }
    if (byteCount > MAX_NUMBER_BYTES) {
      // Negative numbers: mostly the -1 of a thing that has no layer.
      this.#constants.push([slot, this.#record.values[slot]!]);
      return true;
    }
    const lengthBase = this.#bytes[lengthAt]! - byteCount;
    // With a longer number the attribute's length would need a second byte.
    if (lengthBase + MAX_NUMBER_BYTES > 127) return false;
    this.#mask[lengthAt] = 0;
    this.#mask[start - 2] = 0;
    const narrow = this.#record.allows(slot, 0, NARROW_MAX);
    const after = narrow ? After.narrowVarint : After.varint;
    this.#endSegment(start, after, slot, lengthAt - start, lengthBase);
    this.#from = end;
    return true;
  }
}
