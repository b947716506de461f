/**
 * Packed steps, version 1: the constants that encoder and decoder share. docs/packed-steps.md has
 * the format byte by byte.
 *
 *     0   3  "AFD"
 *     3   1  version
 *     4   4  CRC-32 of everything behind it (little-endian, like all that follows)
 *     8   8  base: unix nanoseconds
 *     16     step + 1, events, names, series
 */
import type { ListName, Measure } from '#lib/table/event-table.ts';

export const PACKED_MAGIC = [0x41, 0x46, 0x44] as const;
export const PACKED_VERSION = 1;
export const CRC_AT = 4;
export const CHECKED_FROM = 8;
export const HEADER_BYTES = 16;

/** A step has no more events than this. */
export const MAX_EVENTS_PER_STEP = 2 ** 20;
/** Every event takes at least so many bits of its series' durations, so that bytes bound events. */
export const MIN_DURATION_BITS = 8;
/** Likewise for the members of a list. */
export const MIN_MEMBER_BITS = 8;
export const MAX_WIDTH_BITS = 53;

/** Bits of a column's form byte, above the width. */
export const WIDTH_MASK = 63;
export const PATCHED = 64;
export const DELTA = 128;
/** Instead of a power of two: the column holds doubles. */
export const SCALE_DOUBLES = 255;
export const MAX_SCALE = 52;

/** Column i is bit i of a series' mask. The order is part of the format, so it is spelled out. */
export const LAYER_COLUMN = 0;
export const FIRST_MEASURE_COLUMN = 1;
export const PACKED_MEASURES: readonly Measure[] = [
  'tokens',
  'bytes',
  'flops',
  'requests',
  'contextTokens',
  'expertsActive',
  'expertsMaxTokens',
  'expertsMeanTokens',
];
export const FIRST_LIST_COLUMN = FIRST_MEASURE_COLUMN + PACKED_MEASURES.length;
export const PACKED_LISTS: readonly ListName[] = ['peers', 'expertTokens'];
export const COLUMN_COUNT = FIRST_LIST_COLUMN + PACKED_LISTS.length;

/** Fields that a series has once. */
export const SeriesField = { step: 11, domain: 12, microbatch: 13, peer: 14 } as const;
export const FIELD_COUNT = 15;

/** Powers of two by exponent: raising to a power is slow. */
export const POWERS_OF_TWO: Readonly<Float64Array> = Float64Array.from(
  { length: MAX_WIDTH_BITS + 1 },
  (_, exponent) => 2 ** exponent,
);

/** Which values a field may have; whoever reads packed steps says so, by field number. */
export interface PackedRanges {
  readonly min: Readonly<Float64Array>;
  readonly max: Readonly<Float64Array>;
  /** 1 where a value must have no fraction. */
  readonly whole: Readonly<Uint8Array>;
}

/** CRC-32 as zlib has it; passed in, since this layer uses no native code. */
export type Crc32 = (bytes: Uint8Array) => number;
