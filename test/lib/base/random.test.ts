import { describe, expect, it } from 'vitest';
import { Random } from '#lib/base/random.ts';

function sample(count: number, draw: () => number): { mean: number; deviation: number } {
  const values = Array.from({ length: count }, draw);
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count;
  return { mean, deviation: Math.sqrt(variance) };
}

describe('Random', () => {
  it('gives the same numbers for the same seed, on every machine', () => {
    const random = new Random(42);
    const again = new Random(42);
    const numbers = Array.from({ length: 5 }, () => random.uint32());
    expect(numbers).toEqual(Array.from({ length: 5 }, () => again.uint32()));
    expect(numbers).toEqual(GOLDEN);
  });

  it('gives other numbers for another seed, also where only high bits differ', () => {
    const first = (seed: number) => new Random(seed).uint32();
    const seeds = [0, 1, 2, 2 ** 31, 2 ** 32, 2 ** 32 + 1, 2 ** 40, 2 ** 52];
    expect(new Set(seeds.map(first)).size).toBe(seeds.length);
  });

  it('is uniform: every sixteenth of the range comes equally often', () => {
    const random = new Random(7);
    const counts = new Array<number>(16).fill(0);
    const draws = 64_000;
    for (let i = 0; i < draws; i++) counts[Math.floor(random.uniform() * 16)]!++;
    const expected = draws / 16;
    const chiSquare = counts.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
    expect(chiSquare).toBeLessThan(37.7); // 15 degrees of freedom, 1 in 1000
    expect(random.below(5)).toBeLessThan(5);
  });

  it('has gaussians of mean 0 and deviation 1', () => {
    const random = new Random(8);
    const { mean, deviation } = sample(50_000, () => random.gaussian());
    expect(mean).toBeCloseTo(0, 1);
    expect(deviation).toBeCloseTo(1, 1);
  });

  it('has log-normals of mean 1 whatever sigma, and none below zero', () => {
    for (const sigma of [0.03, 0.5]) {
      const random = new Random(9);
      const { mean, deviation } = sample(100_000, () => random.lognormal(sigma));
      expect(mean).toBeCloseTo(1, 2);
      expect(deviation).toBeCloseTo(Math.sqrt(Math.exp(sigma ** 2) - 1), 2);
    }
    expect(new Random(1).lognormal(0)).toBe(1);
  });

  it('forks streams that do not depend on what was drawn from one another', () => {
    const one = new Random(3);
    const two = new Random(3);
    const a = one.fork('a');
    a.uint32();
    a.uint32();
    expect(one.fork('b').uint32()).toBe(two.fork('b').uint32());
    expect(one.fork('b').uint32()).not.toBe(one.fork('c').uint32());
  });
});

/** Of xoshiro128** and splitmix32 written anew in Python. */
const GOLDEN = [2837322924, 544945897, 479756282, 3500138142, 339756180];
