import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  clip,
  type Intervals,
  intersect,
  measure,
  subtract,
  union,
  unionOf,
} from '#lib/base/intervals.ts';

const SPAN = 64;
const arbitraryPairs = fc.array(
  fc.tuple(fc.integer({ min: 0, max: SPAN }), fc.integer({ min: 0, max: SPAN })),
  { maxLength: 12 },
);

/** One flag a nanosecond: the definition itself. */
function slots(set: Intervals): boolean[] {
  const flags = new Array<boolean>(SPAN).fill(false);
  for (let i = 0; i < set.length; i += 2) flags.fill(true, set[i], set[i + 1]);
  return flags;
}

function fromPairs(pairs: readonly (readonly [number, number])[]): Intervals {
  return unionOf(
    pairs.map(([start]) => start),
    pairs.map(([, end]) => end),
  );
}

function expectNormal(set: Intervals): void {
  for (let i = 0; i < set.length; i += 2) {
    expect(set[i]!).toBeLessThan(set[i + 1]!);
    if (i > 0) expect(set[i - 1]!).toBeLessThan(set[i]!);
  }
}

describe('intervals agree with one flag a nanosecond', () => {
  test.each([
    ['union', union, (a: boolean, b: boolean) => a || b],
    ['intersect', intersect, (a: boolean, b: boolean) => a && b],
    ['subtract', subtract, (a: boolean, b: boolean) => a && !b],
  ] as const)('%s', (_name, combine, each) => {
    fc.assert(
      fc.property(arbitraryPairs, arbitraryPairs, (pairsA, pairsB) => {
        const a = fromPairs(pairsA);
        const b = fromPairs(pairsB);
        const combined = combine(a, b);
        expectNormal(combined);
        const flagsB = slots(b);
        const expected = slots(a).map((flag, i) => each(flag, flagsB[i]!));
        expect(slots(combined)).toEqual(expected);
        expect(measure(combined)).toBe(expected.filter(Boolean).length);
      }),
      { seed: 20261123, numRuns: 500 },
    );
  });

  test('clip keeps what is inside, and nothing of an inverted range', () => {
    const set = Float64Array.of(0, 4, 8, 12);
    expect([...clip(set, 2, 9)]).toEqual([2, 4, 8, 9]);
    expect([...clip(set, 9, 2)]).toEqual([]);
  });

  test('touching intervals become one', () => {
    expect([...unionOf([0, 4], [4, 8])]).toEqual([0, 8]);
  });
});
