/** The statistics of comparisons against brute force, values from elsewhere, and repeated draws. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { contrast } from '#lib/analysis/compare-contrast.ts';
import { designEffect } from '#lib/analysis/compare-correlation.ts';
import { discoveryRates } from '#lib/analysis/compare-discovery.ts';
import { twoSided, upperTail } from '#lib/analysis/compare-normal.ts';
import { midranks, rankTest } from '#lib/analysis/compare-ranks.ts';
import { difference, medianShift, shiftOf } from '#lib/analysis/compare-shift.ts';
import { Random } from '#lib/base/random.ts';

const small = fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 6 });
const values = fc.array(fc.double({ min: -1e9, max: 1e9, noNaN: true }), {
  minLength: 1,
  maxLength: 30,
});

function sorted(list: readonly number[]): Float64Array {
  return Float64Array.from(list).sort();
}

function allDifferences(a: readonly number[], b: readonly number[]): Float64Array {
  return sorted(b.flatMap((y) => a.map((x) => y - x)));
}

function pairsAbove(a: readonly number[], b: readonly number[]): number {
  const counts: number[] = b.flatMap((y) => a.map((x) => (y > x ? 1 : y === x ? 0.5 : 0)));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Of all ways to call as many of the values B: how many are as far from the middle. */
function enumeratedP(a: readonly number[], b: readonly number[]): number {
  const all = [...a, ...b];
  const middle = (a.length * b.length) / 2;
  const off = Math.abs(pairsAbove(a, b) - middle);
  let extreme = 0;
  let ways = 0;
  for (let chosen = 0; chosen < 1 << all.length; chosen++) {
    const ofB = all.filter((_, i) => (chosen >> i) & 1);
    if (ofB.length !== b.length) continue;
    ways++;
    const ofA = all.filter((_, i) => !((chosen >> i) & 1));
    if (Math.abs(pairsAbove(ofA, ofB) - middle) >= off - 1e-9) extreme++;
  }
  return extreme / ways;
}

describe('normal distribution', () => {
  test.each([
    [0, 0.5],
    [1, 0.15865525393145707],
    [1.959963984540054, 0.025],
    [2.5, 0.006209665325776132],
    [5, 2.866515718791939e-7],
    [8, 6.22096057427178e-16],
  ])('P(Z > %d)', (z, p) => {
    expect(Math.abs(upperTail(z) / p - 1)).toBeLessThan(1e-12);
    expect(upperTail(-z)).toBeCloseTo(1 - p, 14);
  });

  test('both sides', () => {
    expect(twoSided(0)).toBe(1);
    expect(twoSided(-1.959963984540054)).toBeCloseTo(0.05, 14);
  });
});

describe('Mann-Whitney', () => {
  test('values of the literature', () => {
    // Males and females of scipy.stats.mannwhitneyu's manual: U1 = 17, p = 0.1111 exactly.
    const test1 = rankTest([20, 11, 17, 12], [19, 22, 16, 29, 24], 1);
    expect(test1.u).toBe(17);
    expect(test1.p).toBeCloseTo(1 / 9, 12);
    expect(test1.delta).toBeCloseTo(0.7, 12);
  });

  test('midranks and ties', () => {
    expect([...midranks([7, 3, 7, 1, 7]).ranks]).toEqual([4, 2, 4, 1, 4]);
    expect(midranks([7, 3, 7, 1, 7]).ties).toBe(24);
  });

  test('small samples: as counted over all ways to deal the values out', () => {
    fc.assert(
      fc.property(small, small, (a, b) => {
        const found = rankTest(a, b, 1);
        expect(found.u).toBeCloseTo(pairsAbove(a, b), 9);
        if (found.deviation > 0) expect(found.p).toBeCloseTo(enumeratedP(a, b), 9);
        else expect(found.p).toBe(1);
      }),
      { numRuns: 60 },
    );
  });

  test('swapping the sides turns the effect around and leaves p', () => {
    fc.assert(
      fc.property(values, values, (a, b) => {
        const there = rankTest(a, b, 1);
        const back = rankTest(b, a, 1);
        expect(back.delta).toBeCloseTo(-there.delta, 9);
        expect(back.p).toBeCloseTo(there.p, 9);
      }),
    );
  });

  test('no spread, no difference', () => {
    expect(rankTest([4, 4, 4], [4, 4], 1)).toEqual({ u: 3, delta: 0, deviation: 0, p: 1 });
  });
});

describe('Hodges-Lehmann', () => {
  test('every order statistic of all differences', () => {
    fc.assert(
      fc.property(values, values, fc.nat(), (a, b, pick) => {
        const all = allDifferences(a, b);
        const k = 1 + (pick % all.length);
        expect(difference(sorted(a), sorted(b), k)).toBe(all[k - 1]);
      }),
      { numRuns: 300 },
    );
  });

  test('many equal values, and values next to each other', () => {
    const a = sorted([1, 1, 1, 1 + Number.EPSILON, 2]);
    const b = sorted([1, 1, 2, 2, 2]);
    const all = allDifferences([...a], [...b]);
    all.forEach((value, i) => {
      expect(difference(a, b, i + 1)).toBe(value);
    });
  });

  test('the median shift is that of all pairs; swapped it is its negative', () => {
    fc.assert(
      fc.property(values, values, (a, b) => {
        const all = allDifferences(a, b);
        const half = all.length / 2;
        const median =
          all.length % 2 === 1 ? all[Math.floor(half)]! : (all[half - 1]! + all[half]!) / 2;
        expect(medianShift(sorted(a), sorted(b))).toBe(median);
        expect(medianShift(sorted(b), sorted(a))).toBeCloseTo(-median, 3);
      }),
    );
  });

  test('no interval where samples are too few to bound it', () => {
    expect(shiftOf(sorted([1, 2]), sorted([3, 4]), rankTest([1, 2], [3, 4], 1).deviation)).toBe(
      null,
    );
  });

  test('the interval holds the true shift about 19 times in 20', () => {
    const random = new Random(11);
    let held = 0;
    const runs = 600;
    for (let run = 0; run < runs; run++) {
      const a = Array.from({ length: 25 }, () => random.lognormal(0.5));
      const b = Array.from({ length: 40 }, () => random.lognormal(0.5) + 0.2);
      const { low, high } = shiftOf(sorted(a), sorted(b), rankTest(a, b, 1).deviation)!;
      if (low <= 0.2 && 0.2 <= high) held++;
    }
    expect(held / runs).toBeGreaterThan(0.93);
    expect(held / runs).toBeLessThan(0.98);
  });
});

describe('Benjamini-Hochberg', () => {
  test('a worked example; what was not tested does not count', () => {
    const q = discoveryRates([0.01, null, 0.04, 0.03, 0.005]);
    expect(q[1]).toBe(null);
    [0.02, 0.04, 0.04, 0.02].forEach((value, i) => {
      expect(q[i === 0 ? 0 : i + 1]).toBeCloseTo(value, 12);
    });
  });

  test('never below p, in the order of p', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true })), (ps) => {
        const qs = discoveryRates(ps);
        const byP = ps.map((p, i) => [p, qs[i]!] as const).sort((x, y) => x[0] - y[0]);
        byP.forEach(([p, q], i) => {
          expect(q).toBeGreaterThanOrEqual(p);
          expect(q).toBeLessThanOrEqual(1);
          if (i > 0) expect(q).toBeGreaterThanOrEqual(byP[i - 1]![1]);
        });
      }),
    );
  });
});

/** Each value `phi` of the one before, and noise. */
function series(random: Random, length: number, phi: number): Float64Array {
  let value = random.gaussian() / Math.sqrt(1 - phi * phi);
  return Float64Array.from({ length }, () => {
    value = phi * value + random.gaussian();
    return 100 + value;
  });
}

describe('correlated steps', () => {
  test.each([
    [0, 1, 1.4],
    [0.5, 2.2, 3.8],
    [0.8, 5, 11],
  ])('phi %d: as many steps as say what one independent one does', (phi, low, high) => {
    const random = new Random(3);
    const effects = Array.from({ length: 100 }, () =>
      designEffect(series(random, 200, phi), series(random, 200, phi)),
    );
    const mean = effects.reduce((sum, effect) => sum + effect, 0) / effects.length;
    expect(mean).toBeGreaterThanOrEqual(low);
    expect(mean).toBeLessThan(high);
  });

  test.each([
    [0, 0.065],
    [0.5, 0.09],
    [0.8, 0.12],
  ])('phi %d: equal sides look different in at most %d of draws', (phi, most) => {
    const random = new Random(5);
    const runs = 400;
    let wrong = 0;
    let naive = 0;
    for (let run = 0; run < runs; run++) {
      const a = series(random, 100, phi);
      const b = series(random, 100, phi);
      if ((contrast(a, b).p ?? 1) < 0.05) wrong++;
      if (rankTest(a, b, 1).p < 0.05) naive++;
    }
    expect(wrong / runs).toBeLessThan(most);
    // Without looking at neighbours it would be far more.
    if (phi === 0.8) expect(naive / runs).toBeGreaterThan(0.3);
  });

  test('steps that hardly vary by themselves say nothing: too few', () => {
    const slow = Float64Array.from({ length: 8 }, (_, i) => i);
    const found = contrast(
      slow,
      slow.map((value) => value + 1),
    );
    expect(found.p).toBe(null);
    expect(found.a).toBe(3.5);
  });
});

describe('one figure of both sides', () => {
  test('steps without a value are left out; too few are told by their number', () => {
    const a = Float64Array.of(1, Number.NaN, 3);
    expect(contrast(a, Float64Array.of(2, 4, 6, 8, 10))).toMatchObject({
      a: 2,
      b: 6,
      stepsA: 2,
      stepsB: 5,
      difference: 4,
      ratio: 3,
      shift: null,
      p: null,
    });
  });

  test('a missing side is null, and so is a ratio to nothing', () => {
    expect(contrast(null, Float64Array.of(1))).toMatchObject({ a: null, b: 1, difference: null });
    const zeros = new Float64Array(6);
    const found = contrast(zeros, Float64Array.of(3, 1, 6, 2, 5, 4));
    expect(found).toMatchObject({ ratio: null, relative: null });
    expect(found.shift!.value).toBe(3.5);
    expect(found.p).toBeLessThan(0.01);
  });
});
