import fc from 'fast-check';
import { expect, test } from 'vitest';
import { intervalScale, intervalText, placeOn, signedPercent } from '#lib/view/interval-scale.ts';

const ratio = fc.double({ min: -0.9, max: 3, noNaN: true });
const estimate = fc.tuple(ratio, ratio, ratio).map((three) => {
  const [low, value, high] = [...three].sort((a, b) => a - b) as [number, number, number];
  return { value, low, high };
});

test('the scale holds zero and every interval, in order', () => {
  fc.assert(
    fc.property(fc.array(estimate, { maxLength: 5 }), (estimates) => {
      const scale = intervalScale(estimates);
      expect(scale.from).toBeLessThanOrEqual(0);
      expect(scale.to).toBeGreaterThan(0);
      for (const { value, low, high } of estimates) {
        expect(low).toBeGreaterThanOrEqual(scale.from - 1e-12);
        expect(high).toBeLessThanOrEqual(scale.to + 1e-12);
        expect(placeOn(scale, low)).toBeLessThanOrEqual(placeOn(scale, value));
        expect(placeOn(scale, value)).toBeLessThanOrEqual(placeOn(scale, high));
      }
    }),
    { seed: 3 },
  );
});

test('signs are typographic, and nothing reads as minus zero', () => {
  expect(signedPercent(0.113)).toBe('+11.3 %');
  expect(signedPercent(-0.053)).toBe('−5.3 %');
  expect(signedPercent(-0.0001)).toBe('±0.0 %');
  expect(intervalText({ value: 0.11, low: 0.08, high: 0.142 })).toBe('+8.0 to +14.2 %');
});
