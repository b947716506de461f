/**
 * Durations counted in logarithmic bins: what quantiles of stages are read from after the events
 * themselves were added up. Bin 0 holds what is below 1 ns; then each octave [2^e, 2^(e + 1)) has
 * SKETCH_BINS_PER_OCTAVE bins of equal width. Sketches are merged by adding the counts of equal bins.
 *
 * A double's upper word has the octave in its bits 20 to 30 and the bin within it in the five bits
 * below, so that binning takes no logarithm.
 */
import { SKETCH_BINS_PER_OCTAVE } from './stage-rollups.ts';

/** `upper word >>> BIN_SHIFT` counts through octave and bin at once. */
export const BIN_SHIFT = 15;
/** Upper word of 1.0, where bin 1 starts. */
export const ONE_WORD = 0x3ff00000;
/** What is taken off a shifted upper word to get the number of a bin. */
export const BEFORE_BIN_0 = (ONE_WORD >>> BIN_SHIFT) - 1;

const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);

/** The bin of a duration from 0 to 2^53 ns. */
export function sketchBin(durationNs: number): number {
  if (!(durationNs >= 1)) return 0;
  double[0] = durationNs;
  return (words[1]! >>> BIN_SHIFT) - BEFORE_BIN_0;
}

/** Where a bin starts, in nanoseconds; it ends where the next one starts. */
export function sketchBinStartNs(bin: number): number {
  if (bin === 0) return 0;
  const octave = Math.floor((bin - 1) / SKETCH_BINS_PER_OCTAVE);
  const part = (bin - 1) % SKETCH_BINS_PER_OCTAVE;
  return 2 ** octave * (1 + part / SKETCH_BINS_PER_OCTAVE);
}

/**
 * The middle of a bin: within SKETCH_RELATIVE_ERROR of every duration in it, and within 1 ns of
 * those in bin 0.
 */
export function sketchBinValueNs(bin: number): number {
  return bin === 0 ? 0 : (sketchBinStartNs(bin) + sketchBinStartNs(bin + 1)) / 2;
}

/**
 * The quantile `share` (0 to 1) of the durations in bins `from .. to` (ascending), with linear
 * interpolation between order statistics as exact quantiles have it; NaN without any. Off by at
 * most SKETCH_RELATIVE_ERROR (1 ns below 1 ns).
 */
export function sketchQuantileNs(
  bins: ArrayLike<number>,
  counts: ArrayLike<number>,
  share: number,
  from = 0,
  to: number = bins.length,
): number {
  let total = 0;
  for (let i = from; i < to; i++) total += counts[i]!;
  if (total === 0) return Number.NaN;
  const rank = share * (total - 1);
  const low = Math.floor(rank);
  const part = rank - low;
  let seen = 0;
  for (let i = from; i < to; i++) {
    seen += counts[i]!;
    if (seen <= low) continue;
    const value = sketchBinValueNs(bins[i]!);
    if (part === 0 || seen > low + 1) return value;
    for (let next = i + 1; next < to; next++) {
      if (counts[next]! > 0) return value + (sketchBinValueNs(bins[next]!) - value) * part;
    }
    return value;
  }
  return Number.NaN;
}
