import { describe, expect, it } from 'vitest';
import { OrderStatistics } from '#lib/analysis/order-statistics.ts';
import { seededRandom } from '#test/support/afd-table.ts';

const random = seededRandom(11);
const normal = (): number => random() + random() + random() + random() - 2;

describe('order statistics are those of a sorted column', () => {
  it.each([
    ['normal', normal],
    ['normal with rare, huge outliers', () => (random() < 0.002 ? 1e12 : normal())],
    ['of two far apart kinds', () => (random() < 0.5 ? normal() : 1e9 + normal())],
    ['log-normal', () => Math.exp(8 * normal())],
    ['whole numbers', () => Math.floor(normal() * 20)],
    ['equal but for one', () => (random() < 1e-4 ? 1 : 2)],
    ['negative', () => -1e6 + normal()],
  ])('%s', (name, draw) => {
    const statistics = new OrderStatistics();
    for (const length of [1, 2, 399, 400, 401, 5000, 40_000]) {
      const samples = Float64Array.from({ length }, draw);
      const sorted = samples.toSorted();
      const last = length - 1;
      const ranks = [0, 0.3, 0.5, 0.5, 0.9, 0.99, 0.999, 1].map((q) => Math.floor(q * last));
      const expected = ranks.map((rank) => sorted[rank]!);
      const whole = statistics.ofWhole(samples, sorted[0]!, sorted[last]!, ranks);
      if (whole !== null) expect(whole).toEqual(expected);
      if (name === 'whole numbers') expect(whole === null).toBe(length < 400);
      expect(statistics.of(samples, ranks)).toEqual(expected);
    }
  });
});
