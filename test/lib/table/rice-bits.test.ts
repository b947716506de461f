import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BitReader,
  BitWriter,
  riceParameter,
  startingMean8,
  unzigzag,
  zigzag,
} from '#lib/table/rice-bits.ts';

type Piece =
  | { readonly kind: 'put'; readonly value: number; readonly count: number }
  | { readonly kind: 'rice'; readonly code: number; readonly parameter: number }
  | { readonly kind: 'narrow'; readonly code: number; readonly parameter: number }
  | { readonly kind: 'wide'; readonly code: number }
  | { readonly kind: 'sparse'; readonly counts: readonly number[]; readonly parameter: number };

const narrowCode = fc.oneof(fc.nat(20), fc.nat(5000), fc.nat(2 ** 31 - 1));
const code = fc.oneof(narrowCode, fc.integer({ min: 0, max: 2 ** 53 - 1 }));
const piece: fc.Arbitrary<Piece> = fc.oneof(
  fc
    .tuple(fc.nat(2 ** 31 - 1), fc.integer({ min: 0, max: 31 }))
    .map(([value, count]): Piece => ({ kind: 'put', count, value: value % 2 ** count })),
  fc.record({ kind: fc.constant('rice'), code, parameter: fc.nat(24) }),
  fc.record({ kind: fc.constant('narrow'), code: narrowCode, parameter: fc.nat(24) }),
  fc.record({ kind: fc.constant('wide'), code }),
  fc.record({
    kind: fc.constant('sparse'),
    counts: fc.array(fc.oneof(fc.constant(0), fc.nat(9), fc.nat(2 ** 31 - 1)), { maxLength: 40 }),
    parameter: fc.nat(31),
  }),
);

/** Places that have a number, and the numbers. */
function present(counts: readonly number[]): [Uint16Array, Float64Array] {
  const places = counts.flatMap((value, place) => (value > 0 ? [place + 5] : []));
  return [Uint16Array.from(places), Float64Array.from(counts.filter((value) => value > 0))];
}

function write(out: BitWriter, one: Piece): void {
  out.reserve(one.kind === 'sparse' ? one.counts.length : 1);
  if (one.kind === 'put') out.put(one.value, one.count);
  else if (one.kind === 'rice') out.rice(one.code, one.parameter);
  else if (one.kind === 'narrow') out.narrow(one.code, one.parameter);
  else if (one.kind === 'wide') out.wide(one.code);
  else {
    const [places, values] = present(one.counts);
    const end = 5 + one.counts.length;
    expect(out.sparse(places, values, 0, values.length, 5, end, one.parameter)).toBe(true);
  }
}

function read(input: BitReader, one: Piece): void {
  if (one.kind === 'put') expect(input.take(one.count)).toBe(one.value);
  else if (one.kind === 'wide') expect(input.wide()).toBe(one.code);
  else if (one.kind !== 'sparse') expect(input.rice(one.parameter)).toBe(one.code);
  else {
    const [places, values] = present(one.counts);
    const foundPlaces = new Uint16Array(places.length);
    const found = new Float64Array(values.length);
    const end = 5 + one.counts.length;
    const { length } = values;
    expect(input.sparse(foundPlaces, found, 0, length, 5, end, one.parameter)).toBe(length);
    expect([foundPlaces, found]).toEqual([places, values]);
  }
}

describe('numbers as bits', () => {
  test('come back as they were, in whatever order', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), fc.nat(200), (pieces, roomBytes) => {
        const out = new BitWriter(8, new Uint8Array(8 + roomBytes * 4));
        for (const one of pieces) write(out, one);
        out.reserve(0);
        const bytes = out.finish();
        const input = new BitReader(bytes, 8);
        for (const one of pieces) read(input, one);
        input.end();
      }),
      { numRuns: 500 },
    );
  });

  test('zigzag codes are exact', () => {
    for (const value of [0, 1, -1, 2 ** 31, -(2 ** 31), 2 ** 52, -(2 ** 52)]) {
      expect(unzigzag(zigzag(value))).toBe(value);
    }
    expect([0, -1, 1, -2].map(zigzag)).toEqual([0, 1, 2, 3]);
  });

  test('a parameter gives codes about as many low bits as they have', () => {
    expect([0, 8, 13, 40, 8000].map(riceParameter)).toEqual([0, 0, 1, 2, 10]);
    expect(riceParameter(startingMean8(1e15))).toBeLessThanOrEqual(24);
  });

  test('too many bits, or too few, are told', () => {
    const out = new BitWriter(0, new Uint8Array(64));
    for (let i = 0; i < 5; i++) out.put(i, 20);
    const bytes = out.finish();
    const short = new BitReader(bytes, 0);
    for (let i = 0; i < 3; i++) short.take(20);
    expect(() => short.end()).toThrow('as many as the header says');
    const long = new BitReader(bytes, 0);
    for (let i = 0; i < 40; i++) long.take(20);
    expect(() => long.end()).toThrow('as many as the header says');
    const places = new Uint16Array(1);
    const values = new Float64Array(1);
    expect(() => new BitReader(bytes, 0).sparse(places, values, 0, 1, 0, 999, 0)).toThrow();
  });
});
