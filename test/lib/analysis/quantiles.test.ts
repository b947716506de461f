import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { medianOf, quantilesOf } from '#lib/analysis/quantiles.ts';
import { groupSamples, joinedIn, mediansOf, samplesIn } from '#lib/analysis/samples.ts';
import { seededRandom } from '#test/support/afd-table.ts';
import { oracleMedian, oracleQuantiles } from '#test/support/oracle.ts';

describe('quantiles', () => {
  it('are those of a sorted copy', async () => {
    await fc.assert(
      fc.property(fc.array(fc.integer({ min: -50, max: 50 }), { maxLength: 200 }), (samples) => {
        expect(quantilesOf(Float64Array.from(samples))).toEqual(oracleQuantiles(samples));
        expect(medianOf(Float64Array.from(samples))).toBe(oracleMedian(samples));
      }),
      { seed: 3, numRuns: 300 },
    );
  });

  it('follow numpy', () => {
    // numpy.quantile([10, 20, 40, 80, 160], [.5, .9, .99])
    const found = quantilesOf(Float64Array.of(160, 10, 80, 20, 40))!;
    expect(found).toMatchObject({ min: 10, p50: 40, max: 160, mean: 62 });
    expect(found.p90).toBeCloseTo(128, 9);
    expect(found.p99).toBeCloseTo(156.8, 9);
  });

  it.each([
    ['sorted', (i: number) => i],
    ['reversed', (i: number) => -i],
    ['equal', () => 7],
    ['two values', (i: number) => i % 2],
    ['a saw', (i: number) => i % 1000],
    ['an organ pipe', (i: number) => Math.abs(i - 50_000)],
  ])('of 100,000 samples that are %s', (_, valueAt) => {
    const samples = Array.from({ length: 100_000 }, (_, i) => valueAt(i));
    const { p50, p90, p99 } = quantilesOf(Float64Array.from(samples))!;
    samples.sort((a, b) => a - b);
    const at = (q: number) => {
      const k = Math.floor(q * 99_999);
      return samples[k]! + (samples[k + 1]! - samples[k]!) * (q * 99_999 - k);
    };
    expect([p50, p90, p99]).toEqual([at(0.5), at(0.9), at(0.99)]);
  });

  it('by group leave out negative groups and NaN', () => {
    const groups = Int32Array.of(1, 0, -1, 1, 1, 2);
    const values = Float64Array.of(5, 1, 9, 7, Number.NaN, Number.NaN);
    const samples = groupSamples(groups, values, 3);
    expect([0, 1, 2].map((g) => [...samplesIn(samples, g)])).toEqual([[1], [5, 7], []]);
    expect([...mediansOf(samples)]).toEqual([1, 6, Number.NaN]);
  });

  it('by group keep every sample once', () => {
    const random = seededRandom(5);
    const groups = Int32Array.from({ length: 5000 }, () => Math.floor(random() * 40) - 2);
    const values = Float64Array.from({ length: 5000 }, (_, i) => i);
    const samples = groupSamples(groups, values, 38);
    for (let g = 0; g < 38; g++) {
      expect([...samplesIn(samples, g)]).toEqual([...values].filter((_, i) => groups[i] === g));
    }
  });

  it('by group are joined over columns', () => {
    const one = groupSamples(Int32Array.of(1, 0, 2), Float64Array.of(5, 1, 3), 3);
    const two = groupSamples(Int32Array.of(1, 1), Float64Array.of(6, 7), 3);
    expect([0, 1, 2].map((g) => [...joinedIn([one, two], g)])).toEqual([[1], [5, 6, 7], [3]]);
    expect([...joinedIn([one, two], 1, 2)].sort()).toEqual([3, 5, 6, 7]);
    expect(joinedIn([one], 0, 3)).toEqual(one.values);
  });
});
