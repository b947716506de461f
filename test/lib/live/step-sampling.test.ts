import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chooseSampling, isLookedAt } from '#lib/live/step-sampling.ts';

const powers = fc.integer({ min: 0, max: 8 }).map((n) => 2 ** n);

describe('which steps are looked at', () => {
  test('one in so many, evenly, whatever stride the step numbers have', () => {
    fc.assert(
      fc.property(
        powers,
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 0, max: 2 ** 52 }),
        (every, stride, first) => {
          let longest = 0;
          let last = -1;
          let seen = 0;
          const steps = every * 40;
          for (let i = 0; i < steps; i++) {
            if (!isLookedAt(first + i * stride, every)) continue;
            if (last >= 0) longest = Math.max(longest, i - last);
            last = i;
            seen++;
          }
          expect(seen).toBeGreaterThan(8);
          expect(seen).toBeLessThan(160);
          if (stride === 1) {
            expect(Math.abs(seen - 40)).toBeLessThanOrEqual(3);
            // Three gaps at most, the longest the sum of the others.
            expect(longest).toBeLessThanOrEqual(every * 3);
          }
        },
      ),
      { seed: 11, numRuns: 300 },
    );
  });

  test('steps of a larger number are among those of a smaller one; no step is always in', () => {
    fc.assert(
      fc.property(powers, fc.nat(2 ** 31 - 1), (every, step) => {
        if (isLookedAt(step, every * 2)) expect(isLookedAt(step, every)).toBe(true);
      }),
      { seed: 12 },
    );
    expect(isLookedAt(-1, 65_536)).toBe(true);
    expect(isLookedAt(17, 1)).toBe(true);
  });
});

describe('how many are looked at', () => {
  const rates = fc.dictionary(
    fc.string({ minLength: 1, maxLength: 3 }),
    fc.double({ min: 0, max: 2e7, noNaN: true }),
    { minKeys: 1, maxKeys: 8 },
  );

  test('never more than the budget, and not much less than it where there is more', () => {
    fc.assert(
      fc.property(rates, fc.double({ min: 1e4, max: 1e6, noNaN: true }), (given, budget) => {
        const byName = new Map(Object.entries(given));
        const every = chooseSampling(byName, budget, new Map());
        let seen = 0;
        let offered = 0;
        for (const [name, rate] of byName) {
          seen += rate / (every.get(name) ?? 1);
          offered += rate;
        }
        expect(seen).toBeLessThanOrEqual(budget * (1 + 1e-9));
        expect(seen).toBeGreaterThanOrEqual(Math.min(offered, budget) * 0.49);
      }),
      { seed: 13 },
    );
  });

  test('a small deployment is not thinned for a large one', () => {
    const every = chooseSampling(
      new Map([
        ['large', 1e7],
        ['small', 1e4],
      ]),
      240_000,
      new Map(),
    );
    expect(every.get('small')).toBeUndefined();
    expect(every.get('large')).toBe(64);
  });

  test('it does not flap: it goes down again only where the load is clearly lower', () => {
    const current = new Map([['a', 4]]);
    const at = (rate: number) => chooseSampling(new Map([['a', rate]]), 100, current).get('a');
    expect(at(390)).toBe(4);
    expect(at(190)).toBe(4);
    expect(at(150)).toBe(4);
    expect(at(139)).toBe(2);
    expect(at(60)).toBeUndefined();
    expect(at(401)).toBe(8);
  });
});
