import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SKETCH_BINS_PER_OCTAVE, SKETCH_RELATIVE_ERROR } from '#lib/table/stage-rollups.ts';
import {
  sketchBin,
  sketchBinStartNs,
  sketchBinValueNs,
  sketchQuantileNs,
} from '#lib/table/stage-sketch.ts';

const duration = fc.oneof(
  fc.double({ min: 0, max: 2 ** 53, noNaN: true }),
  fc.nat(2000),
  fc.integer({ min: 1, max: 2 ** 53 }),
);

describe('bins of durations', () => {
  it('follow their definition', () => {
    fc.assert(
      fc.property(duration, (durationNs) => {
        const bin = sketchBin(durationNs);
        if (durationNs < 1) {
          expect(bin).toBe(0);
          return;
        }
        let octave = 0;
        while (2 ** (octave + 1) <= durationNs) octave++;
        const part = Math.floor((SKETCH_BINS_PER_OCTAVE * durationNs) / 2 ** octave);
        expect(bin).toBe(octave * SKETCH_BINS_PER_OCTAVE + part - SKETCH_BINS_PER_OCTAVE + 1);
        expect(sketchBinStartNs(bin)).toBeLessThanOrEqual(durationNs);
        expect(sketchBinStartNs(bin + 1)).toBeGreaterThan(durationNs);
        const error = Math.abs(sketchBinValueNs(bin) - durationNs);
        expect(error).toBeLessThanOrEqual(durationNs * SKETCH_RELATIVE_ERROR);
      }),
      { numRuns: 5000 },
    );
  });

  it.each([
    [0, 0],
    [0.99, 0],
    [1, 1],
    [1.03125, 2],
    [2, 33],
    [Number.NaN, 0],
    [2 ** 53, 53 * 32 + 1],
  ])('of %d ns is %d', (durationNs, bin) => {
    expect(sketchBin(durationNs)).toBe(bin);
  });
});

describe('quantiles of bins', () => {
  it('interpolate between order statistics', () => {
    const bins = [sketchBin(100), sketchBin(200)];
    const [low, high] = bins.map(sketchBinValueNs);
    expect(sketchQuantileNs(bins, [1, 1], 0.5)).toBeCloseTo((low! + high!) / 2);
    expect(sketchQuantileNs(bins, [1, 1], 0)).toBe(low);
    expect(sketchQuantileNs(bins, [1, 1], 1)).toBe(high);
    expect(sketchQuantileNs(bins, [3, 1], 0.5)).toBe(low);
  });

  it('take the part that is asked for, and are nothing of nothing', () => {
    expect(sketchQuantileNs([1, 2, 3], [5, 1, 5], 0.5, 1, 2)).toBe(sketchBinValueNs(2));
    expect(sketchQuantileNs([], [], 0.5)).toBeNaN();
    expect(sketchQuantileNs([4], [0], 0.5)).toBeNaN();
  });
});
