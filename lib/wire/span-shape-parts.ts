/** What is learnt of a span's shape; span-shape.ts draws it. */

/** What follows a segment. */
export const After = {
  /** The span's end. */
  nothing: 0,
  /** A varint whose slot takes any number of up to four bytes. */
  narrowVarint: 1,
  varint: 2,
  double: 3,
} as const;

export interface Segment {
  /** Offset in the span that the shape was learnt from. */
  readonly from: number;
  readonly byteCount: number;
  readonly after: number;
  /** Of the number behind it. */
  readonly slot: number;
  /** Where the length of the number's attribute lies, from the segment's end. */
  readonly lengthAt: number;
  /** That length without the number's own bytes. */
  readonly lengthBase: number;
}

export interface SpanShapeParts {
  /** The span that the shape was learnt from: a copy. */
  readonly bytes: Uint8Array;
  /** For each byte the bits that matter; those of numbers do not. */
  readonly mask: Uint8Array;
  /** In order; all bytes but those of numbers are in one. */
  readonly segments: readonly Segment[];
  /** Of times and name, which lie in the first segment: offsets from the span's start. */
  readonly startAt: number;
  readonly endAt: number;
  readonly nameAt: number;
  readonly nameBytes: number;
  /** Offset (in the span learnt from), slot and length of each string, in their order. */
  readonly strings: Int32Array;
  /** Slots and values of numbers whose bytes are compared. */
  readonly constants: readonly (readonly [slot: number, value: number])[];
  readonly seen: number;
  readonly marked: boolean;
}
