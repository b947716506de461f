/** From the fits of overlapping stretches to one continuous correction of one clock. */
import { addNanos, type UnixNanos, unixNanos } from '#lib/base/units.ts';
import type { ClockCorrection } from './clock-correction.ts';
import { type ClockFit, ClockState } from './clock-fit.ts';

export interface FittedStretch {
  readonly firstBucket: number;
  readonly lastBucket: number;
  readonly originUnixNs: UnixNanos;
  /** By how much each clock was moved before the fit. */
  readonly near: Float64Array;
  readonly fit: ClockFit;
}

/** A fit's line for one clock, at `x` after the start of a bucket by that clock's own reading. */
interface Straight {
  readonly offset: number;
  readonly drift: number;
}

/** @param usable those of `stretches` that say something of this clock; at least one. */
export function drawCorrection(
  node: number,
  stretches: readonly FittedStretch[],
  usable: readonly FittedStretch[],
  bucketNs: number,
): ClockCorrection {
  const buckets = new Set<number>();
  for (const { firstBucket, lastBucket } of stretches) buckets.add(firstBucket).add(lastBucket);
  const order = [...buckets].sort((a, b) => a - b);
  const first = order[0]!;
  const pieces = order.map((bucket) => {
    const before = usable.find((s) => s.lastBucket === bucket && s.firstBucket < bucket);
    const after = usable.find((s) => s.firstBucket === bucket);
    const only = before ?? after;
    const hasConflict = stretches.some(
      ({ firstBucket, lastBucket, fit }) =>
        firstBucket <= bucket && bucket <= lastBucket && fit.state[node] === ClockState.conflict,
    );
    const laterNs = (bucket - first) * bucketNs;
    if (only === undefined && hasConflict) {
      return { startNs: laterNs, offset: 0, drift: 0, bend: 0 };
    }
    const a = straightAt(only ?? nearest(usable, bucket), node, bucket, bucketNs);
    const startNs = seamOf(a);
    const offset = a.offset + a.drift * startNs;
    if (before === undefined || after === undefined) {
      return { startNs: laterNs + startNs, offset, drift: a.drift, bend: 0 };
    }
    // From one line to the other while the aligned time passes through the bucket: at one instant all
    // clocks are at the same mixture of two corrections that satisfy the same limits.
    const b = straightAt(after, node, bucket, bucketNs);
    const endNs = bucketNs + seamOf(straightAt(after, node, bucket + 1, bucketNs));
    const lengthNs = endNs - startNs;
    return {
      startNs: laterNs + startNs,
      offset,
      drift: a.drift + (b.offset + b.drift * startNs - offset) / lengthNs,
      bend: (b.drift - a.drift) / lengthNs,
    };
  });
  const fromNs = Math.floor(pieces[0]!.startNs);
  return {
    fromUnixNs: addNanos(unixNanos(BigInt(first) * BigInt(bucketNs)), fromNs),
    startNs: Float64Array.from(pieces, (piece) => piece.startNs - fromNs),
    offsetNs: Float64Array.from(pieces, (piece) => piece.offset),
    drift: Float64Array.from(pieces, (piece) => piece.drift),
    bend: Float64Array.from(pieces, (piece) => piece.bend),
  };
}

function straightAt(
  { firstBucket, near, fit }: FittedStretch,
  node: number,
  bucket: number,
  bucketNs: number,
): Straight {
  const t = (bucket - (firstBucket + 1)) * bucketNs + near[node]!;
  const drift = fit.drift[node]!;
  return { offset: near[node]! + fit.offset[node]! + drift * t, drift };
}

/** When the corrected clock shows the start of the bucket: `x + offset + drift·x = 0`. */
function seamOf({ offset, drift }: Straight): number {
  return -offset / (1 + drift);
}

function nearest(usable: readonly FittedStretch[], bucket: number): FittedStretch {
  let best = usable[0]!;
  for (const stretch of usable) {
    if (Math.abs(stretch.firstBucket - bucket) < Math.abs(best.firstBucket - bucket))
      best = stretch;
  }
  return best;
}
